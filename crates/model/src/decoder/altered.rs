//! Which tensors of a checkpoint a changed decoder holds other values of, and what these are.

use std::collections::BTreeMap;

use burn::tensor::{DType, Tensor};
use layerlab_checkpoint::{
    families::{Affine, LinearLayout, Map, StoredMap, TensorLayout},
    spec::NormKind,
};

use super::{model::Decoder, norm::Norm};
use crate::ModelError;

/// Where in a decoder the values of a stored tensor are.
enum Place {
    /// The weight of maps of a block that are stored as one.
    Weight { layer: usize, stored: StoredMap },
    /// The bias of a block's map from the MLP back.
    MlpBias { layer: usize },
    /// The scales of the norm after a block's MLP.
    MlpNorm { layer: usize },
}

/// What a tensor's values are multiplied by, before which so much is added to them and after which it is taken off again:
/// norms are stored less one in some families.
#[derive(Clone, Copy)]
struct Factor {
    by: f64,
    added: f64,
}

/// The tensors that a changed decoder holds other values of, by their names in a checkpoint of `layout`.
pub(crate) struct Altered<'a> {
    decoder: &'a Decoder,
    places: BTreeMap<String, Place>,
    factors: BTreeMap<String, Factor>,
}

impl<'a> Altered<'a> {
    /// Of a decoder and the layout of its weights; `layout` is of the same blocks.
    pub fn of(decoder: &'a Decoder, layout: TensorLayout<'_>) -> Self {
        Self {
            decoder,
            places: places(decoder, layout),
            factors: factors(decoder, layout),
        }
    }

    /// Whether a tensor is none of these: what the file has is what it is.
    pub fn is_as_stored(&self, name: &str) -> bool {
        !self.places.contains_key(name) && !self.factors.contains_key(name)
    }

    /// Whether the values need not be read from the file.
    pub fn is_replaced(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// The values of a tensor in the order of a file; `stored` are those of the file, which are not needed of what is replaced.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn values(&self, name: &str, stored: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        let mut values = match self.places.get(name) {
            Some(place) => self.read(place).await?,
            None => stored,
        };
        if let Some(&Factor { by, added }) = self.factors.get(name) {
            for value in &mut values {
                *value = ((f64::from(*value) + added) * by - added) as f32;
            }
        }
        Ok(values)
    }

    async fn read(&self, place: &Place) -> Result<Vec<f32>, ModelError> {
        let spec = self.decoder.spec();
        match place {
            Place::Weight { layer, stored } => self.weight(*layer, stored).await,
            Place::MlpBias { layer } => {
                let bias = &self.decoder.blocks[*layer].mlp.down.linear.bias;
                match bias {
                    Some(bias) => numbers(bias.val()).await,
                    None => Ok(Vec::new()),
                }
            }
            Place::MlpNorm { layer } => match &self.decoder.blocks[*layer].after_norms {
                Some([_, Norm::Rms(norm)]) => {
                    numbers(norm.gamma.val() - stored_less(spec.norm.kind)).await
                }
                _ => Ok(Vec::new()),
            },
        }
    }

    /// Maps that are stored as one, adapters merged, each output in its row.
    async fn weight(&self, layer: usize, stored: &StoredMap) -> Result<Vec<f32>, ModelError> {
        let (spec, device) = (self.decoder.spec(), self.decoder.device());
        let family = layerlab_checkpoint::families::named(spec.family)?;
        let shapes = stored.parts.iter().filter_map(|map| map.shape(spec));
        let [inputs, outputs] = shapes.fold([0, 0], |[_, outputs], [inputs, more]| {
            [inputs, outputs + more]
        });
        let mut values = vec![0f32; inputs * outputs];
        for (part, &map) in stored.parts.iter().enumerate() {
            let Some(projection) = self.decoder.blocks[layer].projection(map) else {
                continue;
            };
            let merged = projection.merged(&device).linear.weight.values(&device);
            let rows = numbers(merged.cast(DType::F32).transpose()).await?;
            for (output, row) in rows.chunks(inputs.max(1)).enumerate() {
                let output = stored.row(spec, part, output);
                for (input, value) in row.iter().enumerate() {
                    let place = match family.names.layout {
                        LinearLayout::InputsFirst => input * outputs + output,
                        LinearLayout::OutputsFirst => output * inputs + input,
                    };
                    values[place] = *value;
                }
            }
        }
        Ok(values)
    }
}

/// What norms are stored less by.
fn stored_less(kind: NormKind) -> f64 {
    match kind {
        NormKind::RmsNormPlusOne => 1.0,
        NormKind::RmsNorm | NormKind::LayerNorm => 0.0,
    }
}

fn places(decoder: &Decoder, layout: TensorLayout<'_>) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for (layer, block) in decoder.blocks.iter().enumerate() {
        let tensors = layout.block(layer);
        let is_changed = |map: &Map| {
            let projection = block.projection(*map);
            projection.is_some_and(|map| map.is_altered || map.adapter.is_some())
        };
        for stored in layout.names.stored_maps() {
            if stored.parts.iter().any(is_changed) {
                let name = layout.of_block(layer, stored.name) + ".weight";
                places.insert(name, Place::Weight { layer, stored });
            }
        }
        if let (true, Some(bias)) = (block.mlp.down.is_altered, tensors.down.bias) {
            places.insert(bias.name, Place::MlpBias { layer });
        }
        if let (true, Some(norms)) = (block.is_norm_altered, tensors.after_norms) {
            let [_, norm] = *norms;
            places.insert(norm.weight.name, Place::MlpNorm { layer });
        }
    }
    places
}

/// A residual stream that is multiplied behind a block is the same as everything multiplied that is written to it up to there
/// (Prune&Comp, arXiv 2507.18212): norms before sublayers do not see how large it is. A tied embedding is a head as well, which
/// the final norm makes good.
fn factors(decoder: &Decoder, layout: TensorLayout<'_>) -> BTreeMap<String, Factor> {
    let mut factors = BTreeMap::new();
    let mut add = |affine: Affine, by: f64, added: f64| {
        for (tensor, added) in [(Some(affine.weight), added), (affine.bias, 0.0)] {
            if let Some(tensor) = tensor {
                factors.insert(tensor.name, Factor { by, added });
            }
        }
    };
    let less = stored_less(decoder.spec().norm.kind);
    let mut by = 1.0;
    for (layer, block) in decoder.blocks.iter().enumerate().rev() {
        by *= block.output_multiplier;
        let tensors = layout.block(layer);
        match tensors.after_norms {
            _ if by == 1.0 => {}
            Some(norms) => norms.into_iter().for_each(|norm| add(norm, by, less)),
            None => {
                add(tensors.attention_output, by, 0.0);
                add(tensors.down, by, 0.0);
            }
        }
    }
    if by != 1.0 {
        let embeddings = [Some(layout.embedding()), layout.positions()];
        for weight in embeddings.into_iter().flatten() {
            add(Affine { weight, bias: None }, by, 0.0);
        }
        if decoder.spec().tied_embeddings {
            add(layout.final_norm(), by.recip(), less);
        }
    }
    factors
}

async fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    let data = tensor.into_data_async().await?;
    Ok(data.iter::<f32>().collect())
}
