//! Low-rank adapters on the linear maps of chosen blocks.

use std::collections::{BTreeMap, BTreeSet};

use burn::{
    module::{Module, Param, ParamId},
    tensor::{Device, Tensor, TensorData},
};
use layerlab_checkpoint::{DecoderSpec, families::Map};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{adapter::Adapter, model::Decoder, save::StoredTensor};
use crate::ModelError;

/// How large adapters are, and how strongly they count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdapterShape {
    /// Rank r of each change; 0 changes nothing.
    pub rank: usize,
    /// A change counts `alpha / rank` times.
    pub alpha: f64,
}

impl AdapterShape {
    /// What a change is multiplied by.
    pub fn scale(&self) -> f64 {
        self.alpha / self.rank.max(1) as f64
    }
}

/// Low-rank changes of all linear maps of chosen blocks: everything about a model that is trained.
#[derive(Module, Debug)]
pub struct Adapters {
    pub(crate) adapters: Vec<Adapter>,
    #[module(skip)]
    pub(crate) shape: AdapterShape,
    #[module(skip)]
    pub(crate) layers: BTreeSet<usize>,
}

/// An adapter's `down` and `up`.
type Factors = [Tensor<2>; 2];

impl Adapters {
    /// Adapters that change nothing yet: `down` uniform within ±1/√inputs, drawn by `seed` and equal on every
    /// device, `up` zero. Of rank 0 they hold no weights at all.
    ///
    /// # Errors
    /// When there is no such layer.
    pub fn new(
        spec: &DecoderSpec,
        layers: &BTreeSet<usize>,
        shape: AdapterShape,
        seed: u64,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let rank = shape.rank;
        Self::of(spec, layers, shape, |_, [inputs, outputs]| {
            let bound = (inputs as f32).sqrt().recip();
            let down = (0..inputs * rank).map(|_| random.random_range(-bound..bound));
            let down = TensorData::new(down.collect::<Vec<f32>>(), [inputs, rank]);
            let up = TensorData::new(vec![0f32; rank * outputs], [rank, outputs]);
            Ok([down, up].map(|data| Tensor::from_data(data, device)))
        })
    }

    /// Adapters with the values that [`stored`](Self::stored) gave.
    ///
    /// # Errors
    /// When there is no such layer, or a tensor is missing or of another shape.
    pub fn from_stored(
        spec: &DecoderSpec,
        layers: &BTreeSet<usize>,
        shape: AdapterShape,
        stored: Vec<StoredTensor>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let stored = stored
            .into_iter()
            .map(|tensor| (tensor.name.clone(), tensor));
        let mut stored: BTreeMap<String, StoredTensor> = stored.collect();
        let rank = shape.rank;
        Self::of(spec, layers, shape, |place, [inputs, outputs]| {
            let mut take = |end, expected: [usize; 2]| {
                let name = format!("{place}.{end}");
                let Some(tensor) = stored.remove(&name) else {
                    return Err(ModelError::MissingTensor { name });
                };
                if tensor.shape != expected {
                    return Err(ModelError::TensorShape {
                        name,
                        expected: expected.to_vec(),
                        found: tensor.shape,
                    });
                }
                Ok(Tensor::from_data(
                    TensorData::new(tensor.values, expected),
                    device,
                ))
            };
            Ok([take("down", [inputs, rank])?, take("up", [rank, outputs])?])
        })
    }

    /// One adapter for each map of each layer; `values` gives `down` and `up` of the map with these inputs and
    /// outputs.
    fn of(
        spec: &DecoderSpec,
        layers: &BTreeSet<usize>,
        shape: AdapterShape,
        mut values: impl FnMut(&str, [usize; 2]) -> Result<Factors, ModelError>,
    ) -> Result<Self, ModelError> {
        let mut adapters: Vec<Adapter> = Vec::new();
        let count = spec.layers();
        for &layer in layers {
            if layer >= count {
                return Err(ModelError::NoSuchLayer {
                    layer,
                    layers: count,
                });
            }
            for map in Map::ALL.into_iter().filter(|_| shape.rank > 0) {
                let Some(dimensions) = map.shape(spec) else {
                    continue;
                };
                let [down, up] = values(&place(layer, map), dimensions)?;
                // An optimizer knows a tensor by its id, which must be the same in every run.
                let id = 2 * adapters.len() as u64;
                adapters.push(Adapter {
                    down: trained(id + 1, down),
                    up: trained(id + 2, up),
                    scale: shape.scale(),
                    layer,
                    map,
                });
            }
        }
        Ok(Self {
            adapters,
            shape,
            layers: layers.clone(),
        })
    }

    /// The blocks that they lie on.
    pub fn layers(&self) -> &BTreeSet<usize> {
        &self.layers
    }

    /// Rank and weight.
    pub fn shape(&self) -> AdapterShape {
        self.shape
    }

    /// Number of maps that they change.
    pub fn adapter_count(&self) -> usize {
        self.adapters.len()
    }

    /// Number of trained weights.
    pub fn parameters(&self) -> usize {
        self.num_params()
    }

    /// All values, read back from the device.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn stored(&self) -> Result<Vec<StoredTensor>, ModelError> {
        let mut stored = Vec::with_capacity(2 * self.adapters.len());
        for adapter in &self.adapters {
            for (end, tensor) in [("down", &adapter.down), ("up", &adapter.up)] {
                let tensor = tensor.val();
                let shape = tensor.dims().to_vec();
                let data = tensor.into_data_async().await?;
                stored.push(StoredTensor {
                    name: format!("{}.{end}", place(adapter.layer, adapter.map)),
                    shape,
                    values: data.iter::<f32>().collect(),
                });
            }
        }
        Ok(stored)
    }
}

/// The name of an adapter among those that are stored.
pub(super) fn place(layer: usize, map: Map) -> String {
    format!("layers.{layer}.{}", map.name())
}

fn trained(id: u64, value: Tensor<2>) -> Param<Tensor<2>> {
    let mut param = Param::from_tensor(value);
    param.id = ParamId::from(id);
    param
}

impl Decoder {
    /// The decoder with `adapters` on its maps in place of any before; no weight is copied.
    pub fn with_adapters(&self, adapters: &Adapters) -> Self {
        let mut adapted = self.clone();
        for (layer, block) in adapted.blocks.iter_mut().enumerate() {
            for map in Map::ALL {
                if let Some(projection) = block.projection_mut(map) {
                    let mut of_map = adapters.adapters.iter();
                    projection.adapter = of_map
                        .find(|adapter| adapter.layer == layer && adapter.map == map)
                        .cloned();
                }
            }
        }
        adapted
    }

    /// The decoder with its adapters added to the weights that they lie on.
    pub fn merged(&self) -> Self {
        let (mut merged, device) = (self.clone(), self.device());
        for block in &mut merged.blocks {
            for map in Map::ALL {
                if let Some(projection) = block.projection_mut(map) {
                    *projection = projection.merged(&device);
                }
            }
        }
        merged
    }
}
