//! The gate on the processor.

use burn::backend::{Flex, flex::FlexTensor};
use pulp::{Simd, WithSimd};

use super::{
    super::cpu::{AT_ONCE, FlexValues, by_parts, exponential, tensor, vectorised},
    GateOps, by_definition,
};

impl GateOps for Flex {
    fn silu_gate(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
        fast(&gate, &up).unwrap_or_else(|| by_definition::<Self>(gate, up))
    }
}

fn fast(gate: &FlexTensor, up: &FlexTensor) -> Option<FlexTensor> {
    let shape = gate.layout().shape().dims::<3>();
    let (gates, ups) = (FlexValues::of(gate)?, FlexValues::of(up)?);
    let (gates, ups) = (gates.get(), ups.get());
    let mut output = vec![0.0; gates.len()];
    by_parts(&mut output, AT_ONCE, |part, output| {
        let range = part * AT_ONCE..part * AT_ONCE + output.len();
        vectorised(Gate {
            gate: &gates[range.clone()],
            up: &ups[range],
            output,
        });
    });
    Some(tensor(output, shape))
}

struct Gate<'a> {
    gate: &'a [f32],
    up: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (gate, gate_rest) = S::as_simd_f32s(self.gate);
        let (up, up_rest) = S::as_simd_f32s(self.up);
        let (output, output_rest) = S::as_mut_simd_f32s(self.output);
        for ((output, gate), up) in output.iter_mut().zip(gate).zip(up) {
            *output = simd.mul_f32s(silu(simd, *gate), *up);
        }
        let (gate, up) = (
            simd.partial_load_f32s(gate_rest),
            simd.partial_load_f32s(up_rest),
        );
        simd.partial_store_f32s(output_rest, simd.mul_f32s(silu(simd, gate), up));
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
