//! A decoder with the values that coarser stored types leave of its weights.

use std::collections::BTreeMap;

use burn::tensor::{DType, Device, Tensor, TensorData};
use layerlab_checkpoint::{families::Map, tensors::StoredType};
use layerlab_kernels::{Capability, ops::linear::Blocks};

use super::{
    block::Block,
    model::Decoder,
    projection::{Linear, Projection},
    weight::Weight,
};
use crate::ModelError;

impl Decoder {
    /// The decoder with the matrices of some blocks stored as `types` say, by the number of the block: what a file of these types
    /// would hold. A matrix whose rows do not make up blocks of the type is stored in half precision. Adapters are merged.
    ///
    /// # Errors
    /// When there is no such block, a value has no place in half precision, a type is only read, or the device fails.
    pub async fn with_blocks_stored(
        &self,
        types: &BTreeMap<usize, StoredType>,
    ) -> Result<Self, ModelError> {
        let (device, layers) = (self.device(), self.blocks.len());
        let mut changed = self.clone();
        for (&layer, &stored) in types {
            let block = changed.blocks.get_mut(layer);
            let block = block.ok_or(ModelError::NoSuchLayer { layer, layers })?;
            for map in Map::ALL {
                if let Some(projection) = block.projection_mut(map) {
                    let old = projection.merged(&device).linear;
                    *projection = Projection::altered(Linear {
                        weight: coarser(&old.weight, stored, &device).await?,
                        bias: old.bias,
                    });
                }
            }
        }
        Ok(changed)
    }

    /// The decoder with its embedding and its head stored so.
    ///
    /// # Errors
    /// As [`with_blocks_stored`](Self::with_blocks_stored).
    pub async fn with_embeddings_stored(&self, stored: StoredType) -> Result<Self, ModelError> {
        let device = self.device();
        let mut changed = self.clone();
        changed.embedding = coarser(&self.embedding, stored, &device).await?;
        if let Some(head) = &mut changed.head {
            head.weight = coarser(&head.weight, stored, &device).await?;
        }
        Ok(changed)
    }

    /// Bytes of the matrices of one block, stored so; all blocks have as many.
    pub fn block_bytes(&self, stored: StoredType) -> u64 {
        let first = self.blocks.iter().take(1).flat_map(Block::projections);
        first.map(|map| bytes(&map.linear.weight, stored)).sum()
    }

    /// Bytes of the embedding and the head, stored so.
    pub fn embedding_bytes(&self, stored: StoredType) -> u64 {
        let head = self.head.iter().map(|head| &head.weight);
        let weights = head.chain([&self.embedding]);
        weights.map(|weight| bytes(weight, stored)).sum()
    }
}

fn bytes(weight: &Weight, stored: StoredType) -> u64 {
    let [outputs, inputs] = weight.shape();
    stored.of_rows(inputs).bytes((outputs * inputs) as u64)
}

/// The same weight, stored so: on the processor in the type's blocks, elsewhere as the values that are in them.
async fn coarser(
    weight: &Weight,
    stored: StoredType,
    device: &Device,
) -> Result<Weight, ModelError> {
    let values = weight.values(device).cast(DType::F32).transpose(); // [outputs, inputs]
    let [outputs, inputs] = values.dims();
    let data = values.into_data_async().await?;
    let mut values: Vec<f32> = data.iter::<f32>().collect();
    let stored = stored.of_rows(inputs);
    let mut bytes = Vec::new();
    let encoded = stored.encode(&values, &mut bytes);
    encoded.map_err(|problem| ModelError::Coarser { stored, problem })?;
    let in_blocks = stored.block().is_some_and(|block| block.values > 1);
    if in_blocks
        && !Capability::of(device).has_own_memory
        && let Some(blocks) = Blocks::new(stored, bytes.clone(), [outputs, inputs])
    {
        return Ok(Weight::of_stored(blocks));
    }
    stored.decode(&bytes, &mut values);
    let values = TensorData::new(values, [outputs, inputs]);
    let values = Tensor::<2>::from_data(values, (device, DType::F32));
    Ok(Weight::of_values(values.transpose()))
}
