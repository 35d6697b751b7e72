//! From a checkpoint to a decoder on a device, one tensor at a time.

mod tensors;

use std::ops::ControlFlow;

use burn::{
    module::Param,
    nn::{Embedding, LayerNormConfig, Linear, RmsNormConfig},
    tensor::Device,
};

use super::{
    attention::{Attention, Heads},
    block::Block,
    mlp::Mlp,
    model::Decoder,
    norm::{HeadNorm, LayerNormPerHead, Norm},
    projection::Projection,
};
use crate::{
    Checkpoint, ModelError, ModelFiles,
    families::{self, AttentionNames, LinearLayout, MlpNames, TensorNames},
    spec::{DecoderSpec, HeadNormSpec, NormKind, Residual},
};

/// How far loading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadProgress {
    /// Bytes of weights now on the device, as the file counts them.
    pub bytes: u64,
    /// Bytes of all weights in the file.
    pub total: u64,
}

impl Decoder {
    /// Builds the decoder that the checkpoint's configuration describes and moves its weights to
    /// `device`, one tensor at a time: the host never holds more than the largest one.
    ///
    /// # Errors
    /// When the family is unknown, a tensor is missing, has another shape or another data type than
    /// can be read, or holds values that are not finite, when reading fails, or when `progress` breaks
    /// off.
    pub async fn load<F: ModelFiles>(
        checkpoint: &Checkpoint<F>,
        device: &Device,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        let family = families::of(checkpoint.config())?;
        let spec = (family.spec)(checkpoint.config())?;
        let bare = format!("{}.weight", family.names.embedding);
        let mut loader = Loader {
            prefix: match checkpoint.entry(&bare) {
                Some(_) => "",
                None => family.names.prefix,
            },
            names: family.names,
            spec: &spec,
            checkpoint,
            device,
            progress,
            bytes: 0,
            unsettled: 0,
        };
        let embedding = loader
            .embedding(family.names.embedding, spec.vocab_size)
            .await?;
        let positions = match (family.names.positions, &spec.position) {
            (Some(name), crate::spec::PositionSpec::Learned { positions }) => {
                Some(loader.embedding(name, *positions).await?)
            }
            _ => None,
        };
        let mut blocks = Vec::with_capacity(spec.layers());
        for layer in 0..spec.layers() {
            blocks.push(loader.block(layer).await?);
        }
        let final_norm = loader.norm(&loader.shared(family.names.final_norm)).await?;
        let head = match spec.tied_embeddings {
            true => None,
            false => {
                let shape = [spec.vocab_size, spec.hidden_size];
                let name = family.names.head;
                // The head is an ordinary `Linear` even where the blocks' maps are not.
                let layout = LinearLayout::OutputsFirst;
                Some(loader.linear(name, shape, false, layout).await?)
            }
        };
        Ok(Self {
            embedding,
            positions,
            blocks,
            final_norm,
            head,
            spec,
        })
    }
}

struct Loader<'a, F> {
    prefix: &'static str,
    names: &'static TensorNames,
    spec: &'a DecoderSpec,
    checkpoint: &'a Checkpoint<F>,
    device: &'a Device,
    progress: &'a mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    bytes: u64,
    /// Values handed over since the device was last waited for.
    unsettled: usize,
}

impl<F: ModelFiles> Loader<'_, F> {
    /// Name of a tensor that belongs to no block.
    fn shared(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Name of a tensor of block `layer`.
    fn of_block(&self, layer: usize, name: &str) -> String {
        let block = self.names.block.replace("{}", &layer.to_string());
        format!("{}{block}{name}", self.prefix)
    }

    async fn embedding(&mut self, name: &str, rows: usize) -> Result<Embedding, ModelError> {
        let shape = [rows, self.spec.hidden_size];
        let name = format!("{}.weight", self.shared(name));
        Ok(Embedding {
            weight: Param::from_tensor(self.tensor(&name, shape).await?),
        })
    }

    /// A map of a block, in the layout of the family.
    async fn projection(
        &mut self,
        name: &str,
        shape: [usize; 2],
        bias: bool,
    ) -> Result<Projection, ModelError> {
        let layout = self.names.layout;
        let linear = self.linear(name, shape, bias, layout).await?;
        Ok(Projection::plain(linear))
    }

    /// A map of `[outputs, inputs]`, stored in the given layout.
    async fn linear(
        &mut self,
        name: &str,
        [outputs, inputs]: [usize; 2],
        bias: bool,
        layout: LinearLayout,
    ) -> Result<Linear, ModelError> {
        let shape = match layout {
            LinearLayout::OutputsFirst => [outputs, inputs],
            LinearLayout::InputsFirst => [inputs, outputs],
        };
        let weight = self.tensor(&format!("{name}.weight"), shape).await?;
        let weight = Self::weight(weight, layout);
        let bias = match bias {
            true => Some(self.vector(&format!("{name}.bias"), outputs).await?),
            false => None,
        };
        Ok(Linear { weight, bias })
    }

    async fn norm(&mut self, name: &str) -> Result<Norm, ModelError> {
        let size = self.spec.hidden_size;
        let scale = self.vector(&format!("{name}.weight"), size).await?;
        let epsilon = self.spec.norm.epsilon;
        Ok(match self.spec.norm.kind {
            NormKind::RmsNorm => {
                let mut norm = RmsNormConfig::new(size)
                    .with_epsilon(epsilon)
                    .init(self.device);
                norm.gamma = scale;
                Norm::Rms(norm)
            }
            NormKind::LayerNorm => {
                let mut norm = LayerNormConfig::new(size)
                    .with_epsilon(epsilon)
                    .init(self.device);
                norm.gamma = scale;
                norm.beta = Some(self.vector(&format!("{name}.bias"), size).await?);
                Norm::Layer(norm)
            }
        })
    }

    async fn block(&mut self, layer: usize) -> Result<Block, ModelError> {
        let attention_norm = self
            .norm(&self.of_block(layer, self.names.attention_norm))
            .await?;
        let attention = self.attention(layer).await?;
        let mlp_norm = match self.spec.residual {
            Residual::ParallelSharedNorm => None,
            Residual::Sequential | Residual::Parallel => Some(
                self.norm(&self.of_block(layer, self.names.mlp_norm))
                    .await?,
            ),
        };
        Ok(Block {
            attention_norm,
            attention,
            mlp_norm,
            mlp: self.mlp(layer).await?,
            residual: self.spec.residual,
        })
    }

    async fn attention(&mut self, layer: usize) -> Result<Attention, ModelError> {
        let spec = &self.spec.attention;
        let (heads, kv_heads, dim) = (spec.heads, spec.kv_heads, spec.head_dim);
        let (qkv_bias, output_bias) = (spec.qkv_bias, spec.output_bias);
        let hidden = self.spec.hidden_size;
        let [query, key, value] = match &self.names.attention {
            AttentionNames::Split(names) => {
                let [query, key, value] = names.map(|name| self.of_block(layer, name));
                let kv_shape = [kv_heads * dim, hidden];
                [
                    self.projection(&query, [heads * dim, hidden], qkv_bias)
                        .await?,
                    self.projection(&key, kv_shape, qkv_bias).await?,
                    self.projection(&value, kv_shape, qkv_bias).await?,
                ]
            }
            AttentionNames::FusedThirds(name) | AttentionNames::FusedPerHead(name) => {
                self.fused(&self.of_block(layer, name)).await?
            }
        };
        let output = self.of_block(layer, self.names.attention_output);
        let output = self
            .projection(&output, [hidden, heads * dim], output_bias)
            .await?;
        let (query_norm, key_norm) = match self.names.head_norms {
            Some([query, key]) => {
                let (query, key) = (self.of_block(layer, query), self.of_block(layer, key));
                (
                    self.head_norm(&query, heads).await?,
                    self.head_norm(&key, kv_heads).await?,
                )
            }
            None => (None, None),
        };
        Ok(Attention {
            query,
            key,
            value,
            output,
            query_norm,
            key_norm,
            heads: Heads {
                query: heads,
                kv: kv_heads,
                dim,
            },
            block: self.spec.blocks[layer],
        })
    }

    /// Parts one stored map into query, key and value.
    async fn fused(&mut self, name: &str) -> Result<[Projection; 3], ModelError> {
        let spec = &self.spec.attention;
        let row = |part, output| self.names.attention.row(spec, part, output);
        let (outputs, inputs) = (spec.heads * spec.head_dim, self.spec.hidden_size);
        let has_bias = spec.qkv_bias;
        let layout = self.names.layout;
        let (stored, shape) = match layout {
            LinearLayout::OutputsFirst => ([3 * outputs, inputs], [outputs, inputs]),
            LinearLayout::InputsFirst => ([inputs, 3 * outputs], [inputs, outputs]),
        };
        let weights = self.values(&format!("{name}.weight"), &stored).await?;
        let biases = match has_bias {
            true => Some(self.values(&format!("{name}.bias"), &[3 * outputs]).await?),
            false => None,
        };
        Ok([0, 1, 2].map(|part| {
            let mut values = Vec::with_capacity(outputs * inputs);
            match layout {
                LinearLayout::OutputsFirst => {
                    for output in 0..outputs {
                        let start = row(part, output) * inputs;
                        values.extend_from_slice(&weights[start..start + inputs]);
                    }
                }
                LinearLayout::InputsFirst => {
                    for stored in weights.chunks(3 * outputs) {
                        values.extend((0..outputs).map(|output| stored[row(part, output)]));
                    }
                }
            }
            let bias = biases.as_ref().map(|biases| {
                let bias = (0..outputs)
                    .map(|output| biases[row(part, output)])
                    .collect();
                Param::from_tensor(self.upload(bias, [outputs]))
            });
            Projection::plain(Linear {
                weight: Self::weight(self.upload(values, shape), layout),
                bias,
            })
        }))
    }

    async fn head_norm(
        &mut self,
        name: &str,
        heads: usize,
    ) -> Result<Option<HeadNorm>, ModelError> {
        let dim = self.spec.attention.head_dim;
        let epsilon = self.spec.norm.epsilon;
        Ok(match self.spec.attention.head_norm {
            None => None,
            Some(HeadNormSpec::SharedRms) => {
                let mut norm = RmsNormConfig::new(dim)
                    .with_epsilon(epsilon)
                    .init(self.device);
                norm.gamma = self.vector(&format!("{name}.weight"), dim).await?;
                Some(HeadNorm::SharedRms(norm))
            }
            Some(HeadNormSpec::LayerNormPerHead) => {
                let mut scales = Vec::with_capacity(heads * dim);
                for head in 0..heads {
                    let name = format!("{}.weight", name.replace("{}", &head.to_string()));
                    scales.extend(self.values(&name, &[dim]).await?);
                }
                Some(HeadNorm::PerHead(LayerNormPerHead {
                    scale: Param::from_tensor(self.upload(scales, [heads, dim])),
                    epsilon,
                }))
            }
        })
    }

    async fn mlp(&mut self, layer: usize) -> Result<Mlp, ModelError> {
        let (hidden, inner) = (self.spec.hidden_size, self.spec.mlp.inner_size);
        let bias = self.spec.mlp.bias;
        let (gate, up, down) = match &self.names.mlp {
            MlpNames::Gated([gate, up, down]) => {
                let gate = self.of_block(layer, gate);
                let gate = self.projection(&gate, [inner, hidden], bias).await?;
                (Some(gate), up, down)
            }
            MlpNames::Plain([up, down]) => (None, up, down),
        };
        let (up, down) = (self.of_block(layer, up), self.of_block(layer, down));
        Ok(Mlp {
            gate,
            up: self.projection(&up, [inner, hidden], bias).await?,
            down: self.projection(&down, [hidden, inner], bias).await?,
            activation: self.spec.mlp.activation,
        })
    }
}
