//! Weights back under their names in a checkpoint: the way that `load` takes, walked the other way.

use burn::tensor::{Device, Tensor};

use super::{
    model::Decoder,
    norm::Norm,
    projection::{Linear, Projection},
    weight::Weight,
};
use crate::{
    ModelError, SpecError,
    families::{self, AttentionNames, LinearLayout, MlpNames},
    spec::{NormKind, NormPlacement},
};

/// A tensor as a checkpoint stores it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTensor {
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its values, the last dimension fastest.
    pub values: Vec<f32>,
}

impl Decoder {
    /// Every weight as a checkpoint of the decoder's family stores it, adapters merged, read back from the device.
    ///
    /// # Errors
    /// When the family stores several maps as one tensor or has other norms than before sublayers, or the device fails.
    pub async fn stored_weights(&self) -> Result<Vec<StoredTensor>, ModelError> {
        let family = families::named(self.spec.family)?;
        let names = family.names;
        let refuse = |supported| -> ModelError {
            SpecError::Unsupported {
                field: "model_type",
                found: self.spec.family.into(),
                supported,
            }
            .into()
        };
        let AttentionNames::Split(attention) = &names.attention else {
            return Err(refuse(
                "to be written: families that store query, key and value apart",
            ));
        };
        if self.spec.attention.head_norm.is_some() {
            return Err(refuse(
                "to be written: families without norms of queries and keys",
            ));
        }
        if self.spec.norm.kind == NormKind::RmsNormPlusOne
            || self.spec.norm_placement != NormPlacement::Before
        {
            return Err(refuse(
                "to be written: families with norms before sublayers alone, stored as they are",
            ));
        }
        let mut saver = Saver {
            device: self.device(),
            tensors: Vec::new(),
        };
        let shared = |name: &str| format!("{}{name}", names.prefix);
        saver
            .matrix(&shared(names.embedding), &self.embedding)
            .await?;
        if let (Some(name), Some(positions)) = (names.positions, &self.positions) {
            saver.matrix(&shared(name), positions).await?;
        }
        for (layer, block) in self.blocks.iter().enumerate() {
            let of_block = |name: &str| {
                let block = names.block.replace("{}", &layer.to_string());
                format!("{}{block}{name}", names.prefix)
            };
            if let Some(norm) = &block.attention_norm {
                saver.norm(&of_block(names.attention_norm), norm).await?;
            }
            let maps = [
                &block.attention.query,
                &block.attention.key,
                &block.attention.value,
            ];
            for (name, map) in attention.iter().zip(maps) {
                saver.projection(&of_block(name), map, names.layout).await?;
            }
            let output = &block.attention.output;
            saver
                .projection(&of_block(names.attention_output), output, names.layout)
                .await?;
            if let Some(norm) = &block.mlp_norm {
                saver.norm(&of_block(names.mlp_norm), norm).await?;
            }
            let (up, down) = match &names.mlp {
                MlpNames::Gated([gate, up, down]) => {
                    if let Some(map) = &block.mlp.gate {
                        saver.projection(&of_block(gate), map, names.layout).await?;
                    }
                    (up, down)
                }
                MlpNames::Plain([up, down]) => (up, down),
                MlpNames::FusedGate(_) => {
                    return Err(refuse(
                        "to be written: families that store gate and up apart",
                    ));
                }
            };
            saver
                .projection(&of_block(up), &block.mlp.up, names.layout)
                .await?;
            saver
                .projection(&of_block(down), &block.mlp.down, names.layout)
                .await?;
        }
        saver
            .norm(&shared(names.final_norm), &self.final_norm)
            .await?;
        if let Some(head) = &self.head {
            let layout = LinearLayout::OutputsFirst;
            saver.linear(names.head, head, layout).await?;
        }
        Ok(saver.tensors)
    }
}

struct Saver {
    device: Device,
    tensors: Vec<StoredTensor>,
}

impl Saver {
    async fn add<const D: usize>(
        &mut self,
        name: String,
        tensor: Tensor<D>,
    ) -> Result<(), ModelError> {
        let shape = tensor.dims().to_vec();
        let data = tensor.into_data_async().await?;
        let values = data.iter::<f32>().collect();
        self.tensors.push(StoredTensor {
            name,
            shape,
            values,
        });
        Ok(())
    }

    /// An embedding.
    async fn matrix(&mut self, name: &str, weight: &Weight) -> Result<(), ModelError> {
        let rows = weight.values(&self.device).transpose();
        self.add(format!("{name}.weight"), rows).await
    }

    async fn projection(
        &mut self,
        name: &str,
        map: &Projection,
        layout: LinearLayout,
    ) -> Result<(), ModelError> {
        self.linear(name, &map.merged(&self.device).linear, layout)
            .await
    }

    async fn linear(
        &mut self,
        name: &str,
        map: &Linear,
        layout: LinearLayout,
    ) -> Result<(), ModelError> {
        let weight = map.weight.values(&self.device);
        let weight = match layout {
            LinearLayout::OutputsFirst => weight.transpose(),
            LinearLayout::InputsFirst => weight,
        };
        self.add(format!("{name}.weight"), weight).await?;
        match &map.bias {
            Some(bias) => self.add(format!("{name}.bias"), bias.val()).await,
            None => Ok(()),
        }
    }

    async fn norm(&mut self, name: &str, norm: &Norm) -> Result<(), ModelError> {
        match norm {
            Norm::Rms(norm) => self.add(format!("{name}.weight"), norm.gamma.val()).await,
            Norm::Layer(norm) => {
                self.add(format!("{name}.weight"), norm.gamma.val()).await?;
                match &norm.beta {
                    Some(beta) => self.add(format!("{name}.bias"), beta.val()).await,
                    None => Ok(()),
                }
            }
        }
    }
}
