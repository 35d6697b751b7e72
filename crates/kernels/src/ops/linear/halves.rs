//! Products with weights of two bytes a value: they stay so in memory, and a panel of them at a time becomes float32.

use burn::{backend::flex::FlexTensor, tensor::DType};
use half::{bf16, f16};
use pulp::{Simd, WithSimd};

use super::{
    super::cpu::vectorised,
    panels::{InPanels, Panel},
};

/// Values of two bytes.
#[derive(Clone, Copy)]
enum Values<'a> {
    F16(&'a [f16]),
    Bf16(&'a [bf16]),
}

/// A weight `[inputs, outputs]` of two bytes a value, as it lies in memory.
pub(super) struct Halves<'a> {
    values: Values<'a>,
    shape: [usize; 2],
    /// Whether the inputs of an output lie one after the other, as checkpoints have it; else the outputs of an input do.
    outputs_first: bool,
}

impl<'a> Halves<'a> {
    /// None where values are of another size, or lie otherwise.
    pub fn of(weight: &'a FlexTensor) -> Option<Self> {
        let layout = weight.layout();
        let shape = layout.shape().dims::<2>();
        let [inputs, outputs] = shape.map(isize::try_from);
        let outputs_first = match *layout.strides() {
            [1, step] if Ok(step) == inputs => true,
            [step, 1] if Ok(step) == outputs => false,
            _ => return None,
        };
        let part = layout.start_offset()..layout.start_offset() + shape[0] * shape[1];
        let values = match weight.dtype() {
            DType::F16 => Values::F16(weight.storage::<f16>().get(part)?),
            DType::BF16 => Values::Bf16(weight.storage::<bf16>().get(part)?),
            _ => return None,
        };
        Some(Self {
            values,
            shape,
            outputs_first,
        })
    }

    fn decode(&self, start: usize, output: &mut [f32]) {
        let part = start..start + output.len();
        vectorised(Decode {
            values: match self.values {
                Values::F16(values) => Values::F16(&values[part]),
                Values::Bf16(values) => Values::Bf16(&values[part]),
            },
            output,
        });
    }
}

impl InPanels for Halves<'_> {
    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn together(&self) -> usize {
        16
    }

    fn panel(&self, first: usize, width: usize) -> Panel {
        let [inputs, outputs] = self.shape;
        let mut values = vec![0.0; inputs * width];
        if self.outputs_first {
            self.decode(first * inputs, &mut values);
        } else {
            for (input, row) in values.chunks_exact_mut(width).enumerate() {
                self.decode(input * outputs + first, row);
            }
        }
        Panel {
            values,
            shape: [inputs, width],
            outputs_first: self.outputs_first,
        }
    }

    fn is_outputs_first(&self) -> bool {
        self.outputs_first
    }

    fn output(&self, output: usize, values: &mut [f32]) {
        self.decode(output * values.len(), values);
    }
}

struct Decode<'a> {
    values: Values<'a>,
    output: &'a mut [f32],
}

impl WithSimd for Decode<'_> {
    type Output = ();

    /// Loops that the compiler makes wide instructions of.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match self.values {
            Values::F16(values) => {
                for (output, value) in self.output.iter_mut().zip(values) {
                    *output = widened(value.to_bits());
                }
            }
            Values::Bf16(values) => {
                for (output, value) in self.output.iter_mut().zip(values) {
                    *output = f32::from_bits(u32::from(value.to_bits()) << 16);
                }
            }
        }
    }
}

/// A finite value of IEEE's binary16 by its bits, without a branch. Those below the normal ones become the sum of a power of
/// two and their fraction first, less that power.
#[inline(always)]
fn widened(bits: u16) -> f32 {
    /// From the bias of one exponent to that of the other.
    const BIAS: u32 = (127 - 15) << 23;
    /// 2^-14, the least normal value.
    const LEAST: u32 = (127 - 14) << 23;
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let normal = f32::from_bits(magnitude + BIAS);
    let below = f32::from_bits(magnitude | LEAST) - f32::from_bits(LEAST);
    let value = if magnitude < 1 << 23 { below } else { normal };
    let sign = u32::from(bits & 0x8000) << 16;
    f32::from_bits(value.to_bits() | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_is_what_half_makes_of_it() {
        for bits in 0..=u16::MAX {
            let value = f16::from_bits(bits);
            if value.is_finite() {
                assert_eq!(
                    widened(bits).to_bits(),
                    value.to_f32().to_bits(),
                    "{bits:x}"
                );
            }
        }
    }
}
