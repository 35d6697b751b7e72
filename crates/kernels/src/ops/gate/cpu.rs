//! The gate on the processor.

use burn::{
    backend::{Flex, flex::FlexTensor},
    tensor::DType,
};
use pulp::{Simd, WithSimd};

use super::{
    super::cpu::{AT_ONCE, FlexValues, by_parts, exponential, vectorised},
    GateOps, by_definition,
};

impl GateOps for Flex {
    fn silu_gate(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
        match (gate.dtype(), FlexValues::of(&up)) {
            (DType::F32, Some(ups)) => in_place(gate, ups.get()),
            _ => by_definition::<Self>(gate, up),
        }
    }
}

/// The result takes the place of the gate's numbers, which are the largest that a pass holds; those that somebody else has too
/// are copied first.
fn in_place(gate: FlexTensor, ups: &[f32]) -> FlexTensor {
    let mut output = gate.to_contiguous();
    drop(gate);
    let start = output.layout().start_offset();
    let values = &mut output.storage_mut::<f32>()[start..start + ups.len()];
    by_parts(values, AT_ONCE, |part, gate| {
        let range = part * AT_ONCE..part * AT_ONCE + gate.len();
        vectorised(Gate {
            gate,
            up: &ups[range],
        });
    });
    output
}

struct Gate<'a> {
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (gate, gate_rest) = S::as_mut_simd_f32s(self.gate);
        let (up, up_rest) = S::as_simd_f32s(self.up);
        for (gate, up) in gate.iter_mut().zip(up) {
            *gate = simd.mul_f32s(silu(simd, *gate), *up);
        }
        let (gate, up) = (
            simd.partial_load_f32s(gate_rest),
            simd.partial_load_f32s(up_rest),
        );
        simd.partial_store_f32s(gate_rest, simd.mul_f32s(silu(simd, gate), up));
    }
}

/// Below this, e^-x is beyond what float32 holds.
const LEAST: f32 = -88.0;

/// x / (1 + e^-x)
#[inline(always)]
fn silu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let rest = exponential(simd, simd.sub_f32s(simd.splat_f32s(0.0), x));
    let beyond = simd.less_than_f32s(x, simd.splat_f32s(LEAST));
    let rest = simd.select_f32s(beyond, simd.splat_f32s(f32::INFINITY), rest);
    simd.div_f32s(x, simd.add_f32s(simd.splat_f32s(1.0), rest))
}
