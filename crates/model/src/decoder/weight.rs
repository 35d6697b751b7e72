//! A matrix of weights as the device holds it.

use std::ops::Range;

use burn::{
    module::{Module, Param},
    tensor::{DType, Device, Int, Tensor, TensorData, module::embedding},
};
use layerlab_kernels::ops::linear::{StoredWeight, linear, linear_of_stored};

/// The weight of a linear map; an embedding is the map from channels to tokens, whose rows are looked up.
#[derive(Module, Debug)]
pub(super) enum Weight {
    /// `[inputs, outputs]`, which may be a transposed view, as float32 or at two bytes a value.
    Values(Param<Tensor<2>>),
    /// As the file has it, in a form that is no tensor of Burn's.
    Stored(AsStored),
}

/// Burn's modules know no such thing: it is moved to no device and never trained.
#[derive(Module, Debug)]
pub(super) struct AsStored {
    #[module(skip)]
    weight: StoredWeight,
}

impl Weight {
    /// `[inputs, outputs]`.
    pub fn of_values(values: Tensor<2>) -> Self {
        Self::Values(Param::from_tensor(values))
    }

    pub fn of_stored(weight: impl Into<StoredWeight>) -> Self {
        let weight = weight.into();
        Self::Stored(AsStored { weight })
    }

    /// Outputs of the map, and inputs.
    pub fn shape(&self) -> [usize; 2] {
        match self {
            Self::Values(values) => {
                let [inputs, outputs] = values.dims();
                [outputs, inputs]
            }
            Self::Stored(held) => held.weight.shape(),
        }
    }

    /// Outputs of the map.
    pub fn outputs(&self) -> usize {
        self.shape()[0]
    }

    /// Values that no parameter of Burn's holds.
    pub fn uncounted(&self) -> usize {
        match self {
            Self::Values(_) => 0,
            Self::Stored(held) => held.weight.shape().iter().product(),
        }
    }

    /// `[batch, tokens, inputs]` to `[batch, tokens, outputs]`.
    pub fn apply(&self, input: Tensor<3>, bias: Option<Tensor<1>>) -> Tensor<3> {
        match self {
            Self::Values(values) => linear(input, values.val(), bias),
            Self::Stored(held) => linear_of_stored(input, &held.weight, bias),
        }
    }

    /// The map to some neighbouring outputs.
    pub fn narrow(&self, outputs: Range<usize>) -> Self {
        match self {
            Self::Values(values) => {
                let values = values.val().narrow(1, outputs.start, outputs.len());
                Self::of_values(values)
            }
            Self::Stored(held) => Self::of_stored(held.weight.narrow(outputs)),
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
            Self::Stored(held) => {
                let channels = held.weight.shape()[1];
                held.weight
                    .rows(ids, device)
                    .reshape([batch, tokens, channels])
            }
        }
    }

    /// All values `[inputs, outputs]`, as they are held, but of what is no tensor as float32.
    pub fn values(&self, device: &Device) -> Tensor<2> {
        match self {
            Self::Values(values) => values.val(),
            Self::Stored(held) => held.weight.values(device).transpose(),
        }
    }
}
