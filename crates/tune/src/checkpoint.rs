//! A training as bytes, so that one that was broken off goes on.

use std::{collections::HashMap, fmt::Display};

use burn::{
    optim::ModuleOptimizer,
    tensor::{Bytes, Device},
};
use layerlab_model::{Adapters, StoredTensor, contained::contained, spec::DecoderSpec};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Serialize, de::DeserializeOwned};

use crate::TuneError;

const STATE: &str = "layerlab";
const OPTIMIZER: &str = "optimizer";
const CURRENT: &str = "current/";
const BEST: &str = "best/";

fn failed(error: &dyn Display) -> TuneError {
    TuneError::Checkpoint(error.to_string())
}

/// Everything that the rest of a training depends on, as one safetensors file: `header`, the adapters as they stand, the best ones, and
/// the optimizer.
pub(crate) async fn write(
    header: &impl Serialize,
    [current, best]: [&Adapters; 2],
    optimizer: &ModuleOptimizer,
) -> Result<Vec<u8>, TuneError> {
    let header = serde_json::to_string(header).map_err(|error| failed(&error))?;
    let optimizer = optimizer.into_bytes().map_err(|error| failed(&error))?;
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (prefix, adapters) in [(CURRENT, current), (BEST, best)] {
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

/// What [`write`] gave, opened.
pub(crate) struct Opened<'a, H> {
    pub header: H,
    file: SafeTensors<'a>,
}

impl<'a, H: DeserializeOwned> Opened<'a, H> {
    pub fn of(bytes: &'a [u8]) -> Result<Self, TuneError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| failed(&error))?;
        let header = metadata
            .metadata()
            .as_ref()
            .and_then(|fields| fields.get(STATE));
        let header = header.ok_or_else(|| failed(&"it is not one of a training"))?;
        Ok(Self {
            header: serde_json::from_str(header).map_err(|error| failed(&error))?,
            file: SafeTensors::deserialize(bytes).map_err(|error| failed(&error))?,
        })
    }

    /// The adapters as they stood, and the best ones, with the shape and on the layers of `like`.
    pub fn adapters(
        &self,
        spec: &DecoderSpec,
        like: &Adapters,
        device: &Device,
    ) -> Result<[Adapters; 2], TuneError> {
        let adapters = |prefix: &str| {
            let of_prefix = self.file.tensors().into_iter().filter_map(|(name, view)| {
                let values = view.data().as_chunks::<4>().0.iter();
                Some(StoredTensor {
                    name: name.strip_prefix(prefix)?.to_owned(),
                    shape: view.shape().to_vec(),
                    values: values.map(|bytes| f32::from_le_bytes(*bytes)).collect(),
                })
            });
            let (layers, shape) = (like.layers(), like.shape());
            Adapters::from_stored(spec, layers, shape, of_prefix.collect(), device)
        };
        Ok([adapters(CURRENT)?, adapters(BEST)?])
    }

    /// The optimizer; `fresh` is one of the same kind.
    pub fn optimizer(&self, fresh: ModuleOptimizer) -> Result<ModuleOptimizer, TuneError> {
        let optimizer = self.file.tensor(OPTIMIZER);
        let optimizer = optimizer.map_err(|error| failed(&error))?;
        let optimizer = Bytes::from_bytes_vec(optimizer.data().to_vec());
        // Burn panics at records that lack what it writes.
        let read = contained(|| fresh.from_bytes(optimizer)).map_err(|said| failed(&said))?;
        read.map_err(|error| failed(&error))
    }
}

/// Refuses a checkpoint of another recipe or other layers, or one that no training can have come to.
pub(crate) fn check(
    is_same_recipe: bool,
    is_same_layers: bool,
    [best, checks]: [usize; 2],
    [done, steps]: [usize; 2],
) -> Result<(), TuneError> {
    if !is_same_recipe {
        return Err(failed(&"it is of another recipe"));
    }
    if !is_same_layers {
        return Err(failed(&"it is of other layers"));
    }
    // Before any check there is no best one, and 0 stands for it.
    if best >= checks.max(1) {
        return Err(failed(&format!(
            "its best check is number {best}, and it has {checks}"
        )));
    }
    if done > steps {
        return Err(failed(&format!(
            "it has {done} steps, and the recipe asks for {steps}"
        )));
    }
    Ok(())
}
