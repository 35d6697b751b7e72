//! A decoder of which some weights are others, and which shares all the rest with the one that it comes of.

use burn::{
    module::Param,
    nn::RmsNorm,
    tensor::{DType, Tensor},
};

use super::{
    block::Block,
    model::Decoder,
    norm::Norm,
    projection::{Linear, Projection},
    weight::Weight,
};
use crate::ModelError;

impl Decoder {
    /// The decoder with `weight` `[inner, channels]` and `bias` `[channels]` added to the map from the inner activation of a
    /// block's MLP back to the residual stream, which is of float32 then. `bias` counts where the map has one.
    ///
    /// # Errors
    /// When there is no such block.
    pub fn with_mlp_output(
        &self,
        layer: usize,
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
    ) -> Result<Self, ModelError> {
        let device = self.device();
        self.with_block(layer, |block| {
            let old = block.mlp.down.merged(&device).linear;
            let values = old.weight.values(&device).cast(DType::F32) + weight;
            let bias = match (old.bias, bias) {
                (Some(old), Some(change)) => Some(Param::from_tensor(old.val() + change)),
                (old, _) => old,
            };
            block.mlp.down = Projection::altered(Linear {
                weight: Weight::of_values(values),
                bias,
            });
        })
    }

    /// The decoder with the scales of the norm after a block's MLP multiplied by `factors` `[channels]`. Where the family has no
    /// such norm, nothing is changed.
    ///
    /// # Errors
    /// When there is no such block.
    pub fn with_mlp_norm(&self, layer: usize, factors: Tensor<1>) -> Result<Self, ModelError> {
        self.with_block(layer, |block| {
            if let Some([_, Norm::Rms(norm)]) = &mut block.after_norms {
                let gamma = Param::from_tensor(norm.gamma.val() * factors);
                *norm = RmsNorm {
                    gamma,
                    ..norm.clone()
                };
                block.is_norm_altered = true;
            }
        })
    }

    /// The decoder with the residual stream behind a block multiplied by `factor`.
    ///
    /// # Errors
    /// When there is no such block.
    pub fn with_scaled_output(&self, layer: usize, factor: f64) -> Result<Self, ModelError> {
        self.with_block(layer, |block| block.output_multiplier *= factor)
    }

    fn with_block(
        &self,
        layer: usize,
        change: impl FnOnce(&mut Block),
    ) -> Result<Self, ModelError> {
        let mut changed = self.clone();
        let layers = changed.blocks.len();
        let block = changed.blocks.get_mut(layer);
        change(block.ok_or(ModelError::NoSuchLayer { layer, layers })?);
        Ok(changed)
    }
}
