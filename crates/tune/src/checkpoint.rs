//! A training as bytes, so that one that was broken off goes on.

use std::collections::HashMap;

use burn::module::Module;
use burn::tensor::Bytes;
use layerlab_model::{Adapters, Decoder, StoredTensor, contained::contained};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::{Recipe, TuneError, Tuner, TuningState};

const STATE: &str = "layerlab";
const OPTIMIZER: &str = "optimizer";
const CURRENT: &str = "current/";
const BEST: &str = "best/";

/// What a checkpoint must be of to be taken up.
#[derive(Serialize, Deserialize)]
struct Header {
    recipe: Recipe,
    layers: Vec<usize>,
    state: TuningState,
}

impl Tuner {
    /// Everything that the rest of the training depends on, as one safetensors file.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, TuneError> {
        let failed = |error: &dyn std::fmt::Display| TuneError::Checkpoint(error.to_string());
        let header = Header {
            recipe: self.recipe().clone(),
            layers: self.best.layers().iter().copied().collect(),
            state: self.state.clone(),
        };
        let header = serde_json::to_string(&header).map_err(|error| failed(&error))?;
        let optimizer = self
            .optimizer
            .into_bytes()
            .map_err(|error| failed(&error))?;
        let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (prefix, adapters) in [(CURRENT, &self.current()), (BEST, &self.best)] {
            for tensor in adapters.stored().await? {
                let bytes = tensor.values.iter().flat_map(|value| value.to_le_bytes());
                let name = format!("{prefix}{}", tensor.name);
                tensors.push((name, Dtype::F32, tensor.shape, bytes.collect()));
            }
        }
        let optimizer = optimizer.to_vec();
        tensors.push((
            OPTIMIZER.into(),
            Dtype::U8,
            vec![optimizer.len()],
            optimizer,
        ));
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            view.map(|view| (name.as_str(), view))
        });
        let views: Vec<(&str, TensorView<'_>)> = views
            .collect::<Result<_, _>>()
            .map_err(|error| failed(&error))?;
        let metadata = HashMap::from([(STATE.to_owned(), header)]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| failed(&error))
    }

    /// Goes on from what [`checkpoint`](Self::checkpoint) gave, in a training of the same model, layers, examples and
    /// recipe; more steps may be asked for.
    ///
    /// # Errors
    /// When the bytes are no checkpoint, or of another recipe or other layers.
    pub fn resume(&mut self, decoder: &Decoder, bytes: &[u8]) -> Result<(), TuneError> {
        let failed = |error: &dyn std::fmt::Display| TuneError::Checkpoint(error.to_string());
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| failed(&error))?;
        let header = metadata
            .metadata()
            .as_ref()
            .and_then(|fields| fields.get(STATE));
        let header = header.ok_or_else(|| failed(&"it is not one of a training"))?;
        let header: Header = serde_json::from_str(header).map_err(|error| failed(&error))?;
        if header.recipe != *self.recipe() {
            return Err(failed(&"it is of another recipe"));
        }
        if !header.layers.iter().eq(self.best.layers()) {
            return Err(failed(&"it is of other layers"));
        }
        let TuningState {
            steps,
            checks,
            best,
            ..
        } = &header.state;
        // Before any check there is no best one, and 0 stands for it.
        if *best >= checks.len().max(1) {
            return Err(failed(&format!(
                "its best check is number {best}, and it has {}",
                checks.len()
            )));
        }
        if steps.len() > self.recipe().steps {
            return Err(failed(&format!(
                "it has {} steps, and the recipe asks for {}",
                steps.len(),
                self.recipe().steps
            )));
        }
        let file = SafeTensors::deserialize(bytes).map_err(|error| failed(&error))?;
        let adapters = |prefix: &str| {
            let of_prefix = file.tensors().into_iter().filter_map(|(name, view)| {
                let values = view.data().as_chunks::<4>().0.iter();
                Some(StoredTensor {
                    name: name.strip_prefix(prefix)?.to_owned(),
                    shape: view.shape().to_vec(),
                    values: values.map(|bytes| f32::from_le_bytes(*bytes)).collect(),
                })
            });
            let (spec, layers) = (decoder.spec(), self.best.layers());
            let shape = self.recipe().shape();
            Adapters::from_stored(spec, layers, shape, of_prefix.collect(), &decoder.device())
        };
        let (current, best) = (adapters(CURRENT)?, adapters(BEST)?);
        let optimizer = file.tensor(OPTIMIZER).map_err(|error| failed(&error))?;
        let optimizer = Bytes::from_bytes_vec(optimizer.data().to_vec());
        let fresh = self.optimizer.clone();
        // Burn panics at records that lack what it writes.
        let read = contained(|| fresh.from_bytes(optimizer)).map_err(|said| failed(&said))?;
        self.optimizer = read.map_err(|error| failed(&error))?;
        self.adapters = current.train();
        self.best = best;
        self.state = header.state;
        Ok(())
    }
}
