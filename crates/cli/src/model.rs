//! From `--model` and `--device` to a model that is ready.

use layerlab_lab::{
    Cancel, DeviceChoice, OpenModel, Run,
    files::{
        Folder,
        hub::{self, HubOptions},
    },
    open_device,
};

use crate::{Failure, progress::Bars};

/// The folder of a model, downloaded first where it is named by its Hub id.
///
/// # Errors
/// When there is neither such a folder nor such an id, or the download fails.
pub fn folder(model: &str, bars: &mut Bars, cancel: &Cancel) -> Result<Folder, Failure> {
    let options = HubOptions::from_env(|name| std::env::var(name).ok());
    let folder = hub::open(model, &options, &mut |progress| {
        bars.download(&progress, cancel);
    });
    bars.clear();
    Ok(folder?)
}

/// The model on its device.
///
/// # Errors
/// When the device or the model cannot be opened, or the user interrupts.
pub async fn load(
    model: &str,
    device: DeviceChoice,
    bars: &mut Bars,
    cancel: &Cancel,
) -> Result<OpenModel<Folder>, Failure> {
    let folder = folder(model, bars, cancel)?;
    let device = open_device(device)
        .await
        .map_err(layerlab_lab::LabError::from)?;
    let mut show = |progress| bars.show(progress);
    let loaded = OpenModel::load(folder, device, &mut Run::new(&mut show, cancel)).await;
    bars.clear();
    Ok(loaded?)
}
