//! A weight as its file has it.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use super::{Blocks, PackedHalves};

/// The weight `[outputs, inputs]` of a linear map, held as it is stored.
#[derive(Debug, Clone)]
pub enum StoredWeight {
    /// In the blocks of its file, in the host's memory.
    Blocks(Blocks),
    /// At two bytes a value, on a GPU.
    Halves(Box<PackedHalves>),
}

impl From<Blocks> for StoredWeight {
    fn from(blocks: Blocks) -> Self {
        Self::Blocks(blocks)
    }
}

impl From<PackedHalves> for StoredWeight {
    fn from(halves: PackedHalves) -> Self {
        Self::Halves(Box::new(halves))
    }
}

impl StoredWeight {
    /// Outputs and inputs.
    pub fn shape(&self) -> [usize; 2] {
        match self {
            Self::Blocks(blocks) => blocks.shape(),
            Self::Halves(halves) => halves.shape(),
        }
    }

    /// Some neighbouring outputs; those that there are not are left out.
    pub fn narrow(&self, outputs: Range<usize>) -> Self {
        match self {
            Self::Blocks(blocks) => Self::from(blocks.narrow(outputs)),
            Self::Halves(halves) => Self::from(halves.narrow(outputs)),
        }
    }

    /// Values of some outputs, in the order in which they are named, as float32: `[outputs, inputs]`.
    ///
    /// # Panics
    /// Where there is no such output.
    pub fn rows(&self, outputs: &[u32], device: &Device) -> Tensor<2> {
        match self {
            Self::Blocks(blocks) => {
                let shape = [outputs.len(), blocks.shape()[1]];
                Tensor::from_data(TensorData::new(blocks.rows(outputs), shape), device)
            }
            Self::Halves(halves) => halves.rows(outputs).values(),
        }
    }

    /// All values `[outputs, inputs]` as float32.
    pub fn values(&self, device: &Device) -> Tensor<2> {
        match self {
            Self::Blocks(blocks) => blocks.tensor(device),
            Self::Halves(halves) => halves.values(),
        }
    }
}
