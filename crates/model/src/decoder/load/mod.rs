//! From a checkpoint to a decoder on a device, one tensor at a time.

mod fused;
mod halves;
mod tensors;

use std::ops::ControlFlow;

use burn::{
    module::Param,
    nn::{LayerNormConfig, RmsNorm, RmsNormConfig},
    tensor::Device,
};

use super::{
    attention::{Attention, Heads},
    block::Block,
    mlp::Mlp,
    model::Decoder,
    norm::{HeadNorm, LayerNormPerHead, Norm, NormWithin},
    projection::{Linear, Projection},
};
use crate::{
    Checkpoint, ModelError, ModelFiles,
    families::{
        Affine, BlockTensors, ExpectedTensor, GateUp, LinearLayout, QueryKeyValue, TensorLayout,
    },
    spec::{HeadNormSpec, NormKind},
};

/// How a device holds the weights of linear maps and embeddings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WeightFormat {
    /// As the file has them, at two bytes a value or, on the processor alone, in blocks: they become float32 within each
    /// product.
    #[default]
    Stored,
    /// As float32, whatever they are stored as.
    F32,
}

/// How far loading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadProgress {
    /// Bytes of weights now on the device, as the file counts them.
    pub bytes: u64,
    /// Bytes of all weights in the file.
    pub total: u64,
}

impl Decoder {
    /// Builds the decoder that the checkpoint describes and moves its weights to `device`, one tensor at a time: the host
    /// never holds more than the largest one. What of the checkpoint is not used stands in its
    /// [inventory](Checkpoint::inventory).
    ///
    /// # Errors
    /// When the family is unknown, a tensor is missing, has another shape or another data type than
    /// can be read, or holds values that are not finite, when reading fails, or when `progress` breaks
    /// off.
    pub async fn load<F: ModelFiles>(
        checkpoint: &Checkpoint<F>,
        device: &Device,
        format: WeightFormat,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        let inventory = checkpoint.inventory().await?;
        let layout = inventory.layout();
        let mut loader = Loader {
            layout,
            checkpoint,
            device,
            format,
            progress,
            bytes: 0,
            unsettled: 0,
        };
        loader.report()?;
        let embedding = loader
            .weight(&layout.embedding(), LinearLayout::OutputsFirst)
            .await?;
        let positions = match layout.positions() {
            Some(positions) => {
                let rows = LinearLayout::OutputsFirst;
                Some(loader.weight(&positions, rows).await?)
            }
            None => None,
        };
        let mut blocks = Vec::with_capacity(layout.spec.layers());
        for layer in 0..layout.spec.layers() {
            blocks.push(loader.block(layer, &layout.block(layer)).await?);
        }
        let final_norm = loader.norm(&layout.final_norm()).await?;
        let head = match layout.head() {
            None => None,
            Some(head) => {
                // The head is an ordinary `Linear` even where the blocks' maps are not.
                Some(loader.linear(&head, LinearLayout::OutputsFirst).await?)
            }
        };
        Ok(Self {
            embedding,
            positions,
            blocks,
            final_norm,
            head,
            spec: inventory.spec().clone(),
        })
    }
}

struct Loader<'a, F> {
    layout: TensorLayout<'a>,
    checkpoint: &'a Checkpoint<F>,
    device: &'a Device,
    format: WeightFormat,
    progress: &'a mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    bytes: u64,
    /// Values handed over since the device was last waited for.
    unsettled: usize,
}

impl<F: ModelFiles> Loader<'_, F> {
    /// A map of a block, in the layout of the family.
    async fn projection(&mut self, map: &Affine) -> Result<Projection, ModelError> {
        let linear = self.linear(map, self.layout.names.layout).await?;
        Ok(Projection::plain(linear))
    }

    /// A map, stored in the given layout.
    async fn linear(&mut self, map: &Affine, layout: LinearLayout) -> Result<Linear, ModelError> {
        let weight = self.weight(&map.weight, layout).await?;
        let bias = match &map.bias {
            Some(bias) => Some(self.vector(bias).await?),
            None => None,
        };
        Ok(Linear { weight, bias })
    }

    async fn norm(&mut self, stored: &Affine) -> Result<Norm, ModelError> {
        let size = self.layout.spec.hidden_size;
        let epsilon = self.layout.spec.norm.epsilon;
        Ok(match self.layout.spec.norm.kind {
            NormKind::RmsNorm | NormKind::RmsNormPlusOne => {
                Norm::Rms(self.rms(&stored.weight, size).await?)
            }
            NormKind::LayerNorm => {
                let scale = self.vector(&stored.weight).await?;
                let mut norm = LayerNormConfig::new(size)
                    .with_epsilon(epsilon)
                    .init(self.device);
                norm.gamma = scale;
                if let Some(bias) = &stored.bias {
                    norm.beta = Some(self.vector(bias).await?);
                }
                Norm::Layer(norm)
            }
        })
    }

    /// A norm by the root mean square of `size` channels.
    async fn rms(&mut self, scale: &ExpectedTensor, size: usize) -> Result<RmsNorm, ModelError> {
        let mut norm = RmsNormConfig::new(size)
            .with_epsilon(self.layout.spec.norm.epsilon)
            .init(self.device);
        norm.gamma = self.vector(scale).await?;
        if self.layout.spec.norm.kind == NormKind::RmsNormPlusOne {
            norm.gamma = norm.gamma.map(|stored| stored + 1.0);
        }
        Ok(norm)
    }

    async fn optional_norm(&mut self, stored: &Option<Affine>) -> Result<Option<Norm>, ModelError> {
        match stored {
            Some(norm) => self.norm(norm).await.map(Some),
            None => Ok(None),
        }
    }

    async fn block(&mut self, layer: usize, tensors: &BlockTensors) -> Result<Block, ModelError> {
        Ok(Block {
            attention_norm: self.optional_norm(&tensors.attention_norm).await?,
            attention: self.attention(layer, tensors).await?,
            mlp_norm: self.optional_norm(&tensors.mlp_norm).await?,
            mlp: self.mlp(tensors).await?,
            after_norms: match tensors.after_norms.as_deref() {
                Some([attention, mlp]) => {
                    Some([self.norm(attention).await?, self.norm(mlp).await?])
                }
                None => None,
            },
            residual: self.layout.spec.residual,
            residual_multiplier: self.layout.spec.residual_multiplier,
            output_multiplier: 1.0,
            is_norm_altered: false,
        })
    }

    async fn attention(
        &mut self,
        layer: usize,
        tensors: &BlockTensors,
    ) -> Result<Attention, ModelError> {
        let spec = &self.layout.spec.attention;
        let [query, key, value] = match &tensors.attention {
            QueryKeyValue::Split(maps) => {
                let [query, key, value] = &**maps;
                [
                    self.projection(query).await?,
                    self.projection(key).await?,
                    self.projection(value).await?,
                ]
            }
            QueryKeyValue::Fused(map) => {
                let queries = spec.heads * spec.head_dim;
                let keys = spec.kv_heads * spec.head_dim;
                let row = |part, output| self.layout.names.attention.row(spec, part, output);
                self.fused(map, [queries, keys, keys], row).await?
            }
        };
        let output = self.projection(&tensors.attention_output).await?;
        let [of_queries, of_keys] = &tensors.head_norms;
        Ok(Attention {
            query,
            key,
            value,
            output,
            query_norm: self.head_norm(of_queries).await?,
            key_norm: self.head_norm(of_keys).await?,
            heads: Heads {
                query: spec.heads,
                kv: spec.kv_heads,
                dim: spec.head_dim,
            },
            block: self.layout.spec.blocks[layer],
            soft_cap: spec.soft_cap,
        })
    }

    /// A norm of queries or keys, of one scale for all heads or of one for each; none where there are none.
    async fn head_norm(
        &mut self,
        stored: &[ExpectedTensor],
    ) -> Result<Option<HeadNorm>, ModelError> {
        let dim = self.layout.spec.attention.head_dim;
        Ok(match (self.layout.spec.attention.head_norm, stored) {
            (None, _) | (_, []) => None,
            (Some(HeadNormSpec::SharedRms), [scale, ..]) => {
                let norm = self.rms(scale, dim).await?;
                Some(HeadNorm::Within(NormWithin::SharedRms(norm)))
            }
            (Some(HeadNormSpec::RmsOverHeads), [scale, ..]) => {
                let size = scale.shape.iter().product();
                Some(HeadNorm::OverHeads(self.rms(scale, size).await?))
            }
            (Some(HeadNormSpec::LayerNormPerHead), heads) => {
                let mut scales = Vec::with_capacity(heads.len() * dim);
                for scale in heads {
                    scales.extend(self.values(scale).await?);
                }
                let norm = LayerNormPerHead {
                    scale: Param::from_tensor(self.upload(scales, [heads.len(), dim])),
                    epsilon: self.layout.spec.norm.epsilon,
                };
                Some(HeadNorm::Within(NormWithin::PerHead(norm)))
            }
        })
    }

    async fn mlp(&mut self, tensors: &BlockTensors) -> Result<Mlp, ModelError> {
        let (gate, up) = match &tensors.gate_up {
            GateUp::Split { gate, up } => {
                let gate = match gate {
                    Some(gate) => Some(self.projection(gate).await?),
                    None => None,
                };
                (gate, self.projection(up).await?)
            }
            GateUp::Fused(map) => {
                let inner = self.layout.spec.mlp.inner_size;
                let row = |part, output| part * inner + output;
                let [gate, up] = self.fused(map, [inner, inner], row).await?;
                (Some(gate), up)
            }
        };
        Ok(Mlp {
            gate,
            up,
            down: self.projection(&tensors.down).await?,
            activation: self.layout.spec.mlp.activation,
        })
    }
}
