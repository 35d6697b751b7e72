//! Models that a device cannot hold are refused before anything is loaded.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use layerlab_lab::{
    Cancel, DeviceChoice, LabError, OpenDevice, OpenModel, Run, files::Folder, open_device,
};
use pollster::block_on;
use support::demo;

fn load(largest_tensor: Option<u64>) -> Result<OpenModel<Folder>, LabError> {
    block_on(async {
        let device = OpenDevice {
            largest_tensor,
            ..open_device(DeviceChoice::Cpu).await.unwrap()
        };
        let cancel = Cancel::default();
        OpenModel::load(
            Folder::new(demo()),
            device,
            &mut Run::new(&mut |_| (), &cancel),
        )
        .await
    })
}

#[test]
fn the_largest_tensor_must_fit_as_f32() {
    let model = load(None).unwrap();
    let tensors = model.checkpoint.tensors().values();
    let largest = tensors.map(|entry| 4 * entry.shape.iter().product::<usize>() as u64);
    let largest = largest.max().unwrap();
    assert!(load(Some(largest)).is_ok());
    let refused = load(Some(largest - 1)).unwrap_err();
    assert!(matches!(refused, LabError::TensorTooLarge { needs, .. } if needs == largest));
    assert!(refused.to_string().contains("MB in one piece"), "{refused}");
}
