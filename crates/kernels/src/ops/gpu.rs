//! What fast forms on a GPU share.

use burn::tensor::{DType, Shape};
use burn_cubecl::{kernel::into_contiguous, ops::numeric::empty_device_dtype, tensor::CubeTensor};
use cubecl::prelude::*;

/// Units of a workgroup.
pub(super) const UNITS: usize = 64;
/// Workgroups in one direction at most, below what WebGPU allows.
const GROUPS: usize = 1 << 15;

/// A tensor's numbers, one after the other; none where they are not float32.
pub(super) fn numbers(tensor: &CubeTensor) -> Option<CubeTensor> {
    (tensor.dtype == DType::F32).then(|| into_contiguous(tensor.clone()))
}

/// An uninitialised tensor beside another.
pub(super) fn beside<const D: usize>(other: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    let (client, device) = (other.client.clone(), other.device.clone());
    empty_device_dtype(client, device, Shape::new(shape), DType::F32)
}

/// As many workgroups, in two directions.
pub(super) fn groups(count: usize) -> CubeCount {
    let across = count.clamp(1, GROUPS);
    CubeCount::Static(across as u32, count.div_ceil(across) as u32, 1)
}

/// Workgroups for so many numbers, one for each unit.
pub(super) fn groups_of(numbers: usize) -> CubeCount {
    groups(numbers.div_ceil(UNITS))
}

/// The number of this workgroup among [`groups`].
#[cube]
pub(super) fn group() -> usize {
    (CUBE_POS_Y * CUBE_COUNT_X + CUBE_POS_X) as usize
}
