//! A model that is ready to be experimented on.

use std::ops::ControlFlow;

use layerlab_model::{Checkpoint, Decoder, ModelError, ModelFiles, Tokenizer, WeightFormat};
use web_time::Instant;

use crate::{LabError, OpenDevice, Progress, Run};

/// A model on a device, with its tokenizer and the files it came from.
#[derive(Debug)]
pub struct OpenModel<F> {
    /// Configuration and files.
    pub checkpoint: Checkpoint<F>,
    /// Text to ids and back.
    pub tokenizer: Tokenizer,
    /// The weights on the device.
    pub decoder: Decoder,
    /// The device.
    pub device: OpenDevice,
    /// Seconds that loading took.
    pub load_seconds: f64,
}

impl<F: ModelFiles> OpenModel<F> {
    /// Opens the files, cheapest checks first, and moves the weights to the device.
    ///
    /// # Errors
    /// When a file is missing or cannot be used, or the caller asks to stop.
    pub async fn load(files: F, device: OpenDevice, run: &mut Run<'_>) -> Result<Self, LabError> {
        let start = Instant::now();
        let checkpoint = Checkpoint::open(files).await?;
        fits(&checkpoint, &device).await?;
        let tokenizer = Tokenizer::open(checkpoint.files()).await?;
        let mut progress = |loaded: layerlab_model::LoadProgress| {
            let step = Progress::Loading {
                bytes: loaded.bytes,
                total: loaded.total,
            };
            match run.report(step) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        let OpenDevice {
            device: ref on,
            weights,
            ..
        } = device;
        let decoder = match Decoder::load(&checkpoint, on, weights, &mut progress).await {
            Ok(decoder) => decoder,
            Err(ModelError::Interrupted) => return Err(LabError::Cancelled),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            checkpoint,
            tokenizer,
            decoder,
            device,
            load_seconds: start.elapsed().as_secs_f64(),
        })
    }
}

/// Refuses a model with a tensor that the device's kernels cannot read.
async fn fits<F: ModelFiles>(
    checkpoint: &Checkpoint<F>,
    device: &OpenDevice,
) -> Result<(), LabError> {
    let Some(offers) = device.largest_tensor else {
        return Ok(());
    };
    let sizes = checkpoint.sizes().await?;
    let held = match device.weights {
        WeightFormat::Stored => sizes.gpu,
        WeightFormat::F32 => sizes.f32,
    };
    match held.largest_bytes > offers {
        true => Err(LabError::TensorTooLarge {
            name: held.largest_name,
            needs: held.largest_bytes,
            offers,
            device: device.name.clone(),
        }),
        false => Ok(()),
    }
}
