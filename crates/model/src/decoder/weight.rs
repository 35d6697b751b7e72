//! A matrix of weights as the device holds it.

use std::ops::Range;

use burn::{
    module::{Module, Param},
    tensor::{DType, Device, Int, Tensor, TensorData, module::embedding},
};
use layerlab_kernels::ops::linear::{Blocks, linear, linear_of_blocks};

/// The weight of a linear map; an embedding is the map from channels to tokens, whose rows are looked up.
#[derive(Module, Debug)]
pub(super) enum Weight {
    /// `[inputs, outputs]`, which may be a transposed view, as float32 or at two bytes a value.
    Values(Param<Tensor<2>>),
    /// In the blocks of its file, on the processor.
    Blocks(InBlocks),
}

/// Burn's modules know no such thing: it is moved to no device and never trained.
#[derive(Module, Debug)]
pub(super) struct InBlocks {
    #[module(skip)]
    blocks: Blocks,
}

impl Weight {
    /// `[inputs, outputs]`.
    pub fn of_values(values: Tensor<2>) -> Self {
        Self::Values(Param::from_tensor(values))
    }

    pub fn of_blocks(blocks: Blocks) -> Self {
        Self::Blocks(InBlocks { blocks })
    }

    /// Outputs of the map.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Values(values) => values.dims()[1],
            Self::Blocks(held) => held.blocks.shape()[0],
        }
    }

    /// Values that no parameter of Burn's holds.
    pub fn uncounted(&self) -> usize {
        match self {
            Self::Values(_) => 0,
            Self::Blocks(held) => held.blocks.shape().iter().product(),
        }
    }

    /// `[batch, tokens, inputs]` to `[batch, tokens, outputs]`.
    pub fn apply(&self, input: Tensor<3>, bias: Option<Tensor<1>>) -> Tensor<3> {
        match self {
            Self::Values(values) => linear(input, values.val(), bias),
            Self::Blocks(held) => linear_of_blocks(input, &held.blocks, bias),
        }
    }

    /// The map to some neighbouring outputs, without a copy.
    pub fn narrow(&self, outputs: Range<usize>) -> Self {
        match self {
            Self::Values(values) => {
                let values = values.val().narrow(1, outputs.start, outputs.len());
                Self::of_values(values)
            }
            Self::Blocks(held) => Self::of_blocks(held.blocks.narrow(outputs)),
        }
    }

    /// Rows `[batch, tokens, inputs]` of an embedding as float32, by the numbers of their outputs.
    pub fn rows(&self, ids: &[u32], [batch, tokens]: [usize; 2], device: &Device) -> Tensor<3> {
        match self {
            Self::Values(values) => {
                // No vocabulary comes near 2^31.
                let ids: Vec<i32> = ids.iter().map(|id| id.cast_signed()).collect();
                let ids =
                    Tensor::<2, Int>::from_data(TensorData::new(ids, [batch, tokens]), device);
                embedding(values.val().transpose(), ids).cast(DType::F32)
            }
            Self::Blocks(held) => {
                let shape = [batch, tokens, held.blocks.shape()[1]];
                Tensor::from_data(TensorData::new(held.blocks.rows(ids), shape), device)
            }
        }
    }

    /// All values `[inputs, outputs]`, as they are held, but those of blocks as float32.
    pub fn values(&self, device: &Device) -> Tensor<2> {
        match self {
            Self::Values(values) => values.val(),
            Self::Blocks(held) => held.blocks.tensor(device).transpose(),
        }
    }
}
