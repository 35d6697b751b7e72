//! From `--model` and `--device` to a model that is ready.

use std::path::Path;

use layerlab_atlas::bundled;
use layerlab_lab::{
    Cancel, Checkpoint, LabError, OpenModel, Run,
    files::{
        FileError, Folder, MemoryFiles, ModelFiles,
        hub::{self, HubOptions},
    },
    open_device,
};

use crate::{Failure, arguments::DeviceArguments, memory, output, progress::Bars};

/// Where a model comes from.
#[derive(Debug)]
pub enum Source {
    /// A folder on disk.
    Folder(Folder),
    /// This program.
    Bundled(MemoryFiles),
}

impl Source {
    /// The folder, where there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder.path()),
            Self::Bundled(_) => None,
        }
    }
}

impl ModelFiles for Source {
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        match self {
            Self::Folder(folder) => folder.size(name).await,
            Self::Bundled(files) => files.size(name).await,
        }
    }

    async fn read_range(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), FileError> {
        match self {
            Self::Folder(folder) => folder.read_range(name, offset, buffer).await,
            Self::Bundled(files) => files.read_range(name, offset, buffer).await,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Folder(folder) => folder.describe(),
            Self::Bundled(files) => files.describe(),
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Folder(folder) => folder.names(),
            Self::Bundled(files) => files.names(),
        }
    }
}

/// The files of a model: the bundled one, or a folder, downloaded first where it is named by its Hub id.
///
/// # Errors
/// When there is neither such a folder nor such an id, or the download fails.
pub fn source(model: &str, bars: &mut Bars, cancel: &Cancel) -> Result<Source, Failure> {
    if model == bundled::NAME {
        let files = bundled::model_files();
        let files = files.map(|(name, contents)| (name.to_owned(), contents.to_vec()));
        return Ok(Source::Bundled(MemoryFiles::new(bundled::NAME, files)));
    }
    let options = HubOptions::from_env(|name| std::env::var(name).ok());
    let folder = hub::open(model, &options, &mut |progress| {
        bars.download(&progress, cancel);
    });
    bars.clear();
    Ok(Source::Folder(folder?))
}

/// The model on its device.
///
/// # Errors
/// When the device or the model cannot be opened, or the user interrupts.
pub async fn load(
    model: &str,
    device: DeviceArguments,
    bars: &mut Bars,
    cancel: &Cancel,
) -> Result<OpenModel<Source>, Failure> {
    let source = source(model, bars, cancel)?;
    let opened = open_device(device.device).await.map_err(LabError::from)?;
    let device = opened.with_weights(device.weights);
    let mut show = |progress| bars.show(progress);
    let loaded = OpenModel::load(source, device, &mut Run::new(&mut show, cancel)).await;
    bars.clear();
    memory::give_back();
    let loaded = loaded?;
    warn_of(&loaded.checkpoint).await?;
    Ok(loaded)
}

/// Tells what of a model's files was not used, or was read otherwise than one may think.
///
/// # Errors
/// When the files hold no model that can be run.
pub async fn warn_of(checkpoint: &Checkpoint<Source>) -> Result<(), Failure> {
    let inventory = checkpoint.inventory().await.map_err(LabError::from)?;
    for warning in inventory.warnings() {
        output::warn(&format!("{}: {warning}", checkpoint.files().describe()));
    }
    Ok(())
}
