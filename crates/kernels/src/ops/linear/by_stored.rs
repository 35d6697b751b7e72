//! Linear maps whose weight stays as its file has it.

use burn::{
    backend::{
        Autodiff, Cube, Dispatch, DispatchKindConversion, DispatchTensor, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind, unary},
        },
        backend_extension,
        flex::FlexTensor,
        tensor::FloatTensor,
    },
    tensor::{Device, Tensor},
};
use burn_cubecl::tensor::CubeTensor;
use layerlab_stored::StoredType;

use super::{
    Blocks, PackedHalves, StoredWeight,
    blocks::{Backwards, Forwards},
    matrix::Matrix,
    packed_gpu::few_rows,
    panels::{InPanels, by_panels},
    reference,
};
use crate::ops::{
    cpu::{FlexValues, tensor},
    trial::{Trial, wave},
    wrapped::Wrapped,
};

/// `input` `[batch, tokens, inputs]` times the weight, plus `bias` `[outputs]`. On the processor a part of the weight at a time
/// becomes float32, on a GPU up to 64 MB of it at a time; the gradient is that of the input and the bias.
///
/// # Panics
/// Where these shapes do not go together.
pub fn linear_of_stored(
    input: Tensor<3>,
    weight: &StoredWeight,
    bias: Option<Tensor<1>>,
) -> Tensor<3> {
    let product = <Dispatch as StoredOps>::by_stored(input.into_dispatch(), weight, false);
    let product = Tensor::from_dispatch(product);
    match bias {
        Some(bias) => product + bias.unsqueeze(),
        None => product,
    }
}

/// Values of a weight that are float32 on a GPU at a time, 64 MB: some allow no piece of more than 128 MB.
const TOGETHER: usize = 1 << 24;

#[backend_extension(Cube, Flex, Autodiff)]
pub(crate) trait StoredOps: Wrapped {
    /// From inputs to outputs, or backwards.
    fn by_stored(
        input: FloatTensor<Self>,
        weight: &StoredWeight,
        backwards: bool,
    ) -> FloatTensor<Self> {
        by_definition::<Self>(input, weight, backwards)
    }
}

impl StoredOps for Cube {
    fn by_stored(input: CubeTensor, weight: &StoredWeight, backwards: bool) -> CubeTensor {
        let fast = match weight {
            StoredWeight::Halves(halves) if !backwards => {
                let (words, form) = halves.words();
                let words = words.try_into_primitive::<Self>().ok();
                words.and_then(|words| few_rows(&input, words, form, halves.shape()))
            }
            _ => None,
        };
        fast.unwrap_or_else(|| Self::own(in_parts(Self::wrap(input), weight, backwards, TOGETHER)))
    }
}

/// The product by parts of so many values of the weight at most, or of one output.
fn in_parts(
    input: Tensor<3>,
    weight: &StoredWeight,
    backwards: bool,
    together: usize,
) -> Tensor<3> {
    let [outputs, inputs] = weight.shape();
    let some = (together / inputs.max(1)).max(1);
    if some >= outputs {
        return reference::by_stored(input, weight, backwards);
    }
    let parts = (0..outputs).step_by(some).map(|first| {
        let part = first..outputs.min(first + some);
        let input = match backwards {
            true => input.clone().narrow(2, part.start, part.len()),
            false => input.clone(),
        };
        reference::by_stored(input, &weight.narrow(part), backwards)
    });
    match backwards {
        // There is one part at least.
        true => parts.reduce(|sum, part| sum + part).unwrap_or(input),
        false => Tensor::cat(parts.collect(), 2),
    }
}

impl StoredOps for Flex {
    fn by_stored(input: FlexTensor, weight: &StoredWeight, backwards: bool) -> FlexTensor {
        let product = match (weight, backwards) {
            (StoredWeight::Blocks(blocks), false) => product(&input, &Forwards(blocks)),
            (StoredWeight::Blocks(blocks), true) => product(&input, &Backwards(blocks)),
            (StoredWeight::Halves(_), _) => None,
        };
        product.unwrap_or_else(|| by_definition::<Self>(input, weight, backwards))
    }
}

fn product(input: &FlexTensor, weight: &impl InPanels) -> Option<FlexTensor> {
    let values = FlexValues::of(input)?;
    let [batch, tokens, inputs] = input.layout().shape().dims();
    let [_, outputs] = weight.shape();
    let mut output = vec![0.0; batch * tokens * outputs];
    let rows = Matrix {
        values: values.get(),
        shape: [batch * tokens, inputs],
        strides: [inputs.cast_signed(), 1],
    };
    by_panels(&rows, weight, &mut output)?;
    Some(tensor(output, [batch, tokens, outputs]))
}

fn by_definition<B: Wrapped>(
    input: FloatTensor<B>,
    weight: &StoredWeight,
    backwards: bool,
) -> FloatTensor<B> {
    B::own(reference::by_stored(B::wrap(input), weight, backwards))
}

impl<B: StoredOps, C: CheckpointStrategy> StoredOps for Autodiff<B, C>
where
    DispatchTensor: DispatchKindConversion<Self>,
{
    fn by_stored(
        input: FloatTensor<Self>,
        weight: &StoredWeight,
        backwards: bool,
    ) -> FloatTensor<Self> {
        let (input, node) = input.into_parts();
        let product = B::by_stored(input, weight, backwards);
        let prepared = Backward::<B, 1>::prepare::<C>(Product, [node]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((weight.clone(), backwards), product),
            OpsKind::UnTracked(prepared) => prepared.finish(product),
        }
    }
}

#[derive(Debug)]
struct Product;

impl<B: StoredOps> Backward<B, 1> for Product {
    /// The weight, and whether the product went backwards.
    type State = (StoredWeight, bool);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (weight, backwards) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            B::by_stored(gradient, &weight, !backwards)
        });
    }
}

/// Blocks of 32 bytes with a scale between 0.25 and 1.
pub(crate) fn trial_of_blocks(device: &Device) -> Trial {
    let shape = [20, 64];
    let bytes = (0..20 * 2).flat_map(|block: u8| {
        let values = (0..32).map(move |value: u8| value.wrapping_mul(89) ^ block);
        [0, 0x34 + block % 8].into_iter().chain(values)
    });
    let blocks = Blocks::new(StoredType::Q8_0, bytes.collect(), shape);
    let input = |device| wave([2, 5, 64], 0.37, device);
    let [found, expected] = match blocks {
        Some(blocks) => {
            let blocks = StoredWeight::from(blocks);
            [
                linear_of_stored(input(device), &blocks, None),
                reference::by_stored(input(&Device::flex()), &blocks, false),
            ]
        }
        // No such weight is no right answer.
        None => [input(device) * 0.0, input(&Device::flex())],
    };
    Trial::new("linear map of blocks", found, expected)
}

/// Halves with all bits in use, of an odd number of inputs; a product of few rows and one of more.
pub(crate) fn trial_of_halves(device: &Device) -> Trial {
    const SHAPE: [usize; 2] = [20, 41];
    // Between 2^-9 and 2, of both signs.
    let bits: Vec<u16> = (0..20 * 41u16)
        .map(|place| 0x1800 + place.wrapping_mul(9377) % 0x2800 + place % 2 * 0x8000)
        .collect();
    let product = |device: &Device| {
        let weight = PackedHalves::new(StoredType::F16, &bits, SHAPE, device)?;
        let weight = StoredWeight::from(weight);
        let few = linear_of_stored(wave([1, 2, 41], 0.37, device), &weight, None);
        let more = linear_of_stored(wave([1, 6, 41], 0.83, device), &weight, None);
        Some(Tensor::cat(vec![few, more], 1))
    };
    let unlike = |device: &Device| wave([1, 8, 20], 0.1, device);
    let [found, expected] = match (product(device), product(&Device::flex())) {
        (Some(found), Some(expected)) => [found, expected],
        // No such weight is no right answer.
        _ => [unlike(device) * 0.0, unlike(&Device::flex())],
    };
    Trial::new("linear map of halves", found, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used)]
    fn parts_come_to_the_same_as_the_whole() {
        let device = Device::flex();
        let bits: Vec<u16> = (0..7 * 5).map(|place| 0x3000 + place * 31).collect();
        let weight = PackedHalves::new(StoredType::F16, &bits, [7, 5], &device).unwrap();
        let weight = StoredWeight::from(weight);
        for (backwards, channels) in [(false, 5), (true, 7)] {
            let input = || wave([1, 3, channels], 0.37, &device);
            let whole = reference::by_stored(input(), &weight, backwards);
            for together in [1, 5, 14, 35, 1000] {
                let parts = in_parts(input(), &weight, backwards, together);
                let difference = (parts - whole.clone()).abs().max().into_scalar::<f32>();
                assert!(difference < 1e-5, "{together}: {difference}");
            }
        }
    }
}
