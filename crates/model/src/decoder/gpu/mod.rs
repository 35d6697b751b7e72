//! What takes Burn's operations several dispatches, in one on a GPU: on a small model it is dispatches that take the time.
//!
//! Every function gives none where a tensor lies elsewhere, is not f32, or is watched for gradients: Burn's operations
//! serve there.

mod gate;
mod heads;
mod norm;
#[cfg(test)]
mod tests;

pub(super) use gate::gated;
pub(super) use heads::split;
pub(super) use norm::rms;

use burn::{
    backend::Cube,
    tensor::{DType, Shape, Tensor},
};
use burn_cubecl::{kernel::into_contiguous, ops::numeric::empty_device_dtype, tensor::CubeTensor};
use cubecl::prelude::*;

/// Units of a workgroup.
const UNITS: usize = 64;
/// Workgroups in one direction at most, below what WebGPU allows.
const GROUPS: usize = 1 << 15;

/// A tensor's numbers, one after the other.
fn numbers<const D: usize>(tensor: &Tensor<D>) -> Option<CubeTensor> {
    let tensor = tensor.clone().try_into_primitive::<Cube>().ok()?;
    (tensor.dtype == DType::F32).then(|| into_contiguous(tensor))
}

/// An uninitialised tensor beside another.
fn beside<const D: usize>(other: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    let (client, device) = (other.client.clone(), other.device.clone());
    empty_device_dtype(client, device, Shape::new(shape), DType::F32)
}

/// As many workgroups, in two directions.
fn groups(count: usize) -> CubeCount {
    let across = count.clamp(1, GROUPS);
    CubeCount::Static(across as u32, count.div_ceil(across) as u32, 1)
}

/// Workgroups for so many numbers, one for each unit.
fn groups_of(numbers: usize) -> CubeCount {
    groups(numbers.div_ceil(UNITS))
}

/// The number of this workgroup among [`groups`].
#[cube]
fn group() -> usize {
    (CUBE_POS_Y * CUBE_COUNT_X + CUBE_POS_X) as usize
}
