//! Linear maps whose weight stays in the blocks of its file.

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
use layerlab_stored::StoredType;

use super::{
    blocks::{Backwards, Blocks, Forwards},
    matrix::Matrix,
    panels::{InPanels, by_panels},
    reference,
};
use crate::ops::{
    cpu::{FlexValues, tensor},
    trial::{Trial, wave},
    wrapped::Wrapped,
};

/// `input` `[batch, tokens, inputs]` times the weight, plus `bias` `[outputs]`. On the processor a part of the weight at a time
/// becomes float32; the gradient is that of the input and the bias.
///
/// # Panics
/// Where these shapes do not go together.
pub fn linear_of_blocks(input: Tensor<3>, weight: &Blocks, bias: Option<Tensor<1>>) -> Tensor<3> {
    let product = <Dispatch as BlockOps>::by_blocks(input.into_dispatch(), weight, false);
    let product = Tensor::from_dispatch(product);
    match bias {
        Some(bias) => product + bias.unsqueeze(),
        None => product,
    }
}

#[backend_extension(Cube, Flex, Autodiff)]
pub(crate) trait BlockOps: Wrapped {
    /// From inputs to outputs, or backwards.
    fn by_blocks(input: FloatTensor<Self>, weight: &Blocks, backwards: bool) -> FloatTensor<Self> {
        by_definition::<Self>(input, weight, backwards)
    }
}

/// Blocks are decoded before a GPU has them.
impl BlockOps for Cube {}

impl BlockOps for Flex {
    fn by_blocks(input: FlexTensor, weight: &Blocks, backwards: bool) -> FlexTensor {
        let product = match backwards {
            false => product(&input, &Forwards(weight)),
            true => product(&input, &Backwards(weight)),
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
    weight: &Blocks,
    backwards: bool,
) -> FloatTensor<B> {
    B::own(reference::by_blocks(B::wrap(input), weight, backwards))
}

impl<B: BlockOps, C: CheckpointStrategy> BlockOps for Autodiff<B, C>
where
    DispatchTensor: DispatchKindConversion<Self>,
{
    fn by_blocks(input: FloatTensor<Self>, weight: &Blocks, backwards: bool) -> FloatTensor<Self> {
        let (input, node) = input.into_parts();
        let product = B::by_blocks(input, weight, backwards);
        let prepared = Backward::<B, 1>::prepare::<C>(Product, [node]);
        match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((weight.clone(), backwards), product),
            OpsKind::UnTracked(prepared) => prepared.finish(product),
        }
    }
}

#[derive(Debug)]
struct Product;

impl<B: BlockOps> Backward<B, 1> for Product {
    /// The weight, and whether the product went backwards.
    type State = (Blocks, bool);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (weight, backwards) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            B::by_blocks(gradient, &weight, !backwards)
        });
    }
}

/// Blocks of 32 bytes with a scale between 0.25 and 1.
pub(crate) fn trial(device: &Device) -> Trial {
    let shape = [20, 64];
    let bytes = (0..20 * 2).flat_map(|block: u8| {
        let values = (0..32).map(move |value: u8| value.wrapping_mul(89) ^ block);
        [0, 0x34 + block % 8].into_iter().chain(values)
    });
    let blocks = Blocks::new(StoredType::Q8_0, bytes.collect(), shape);
    let input = |device| wave([2, 5, 64], 0.37, device);
    let [found, expected] = match blocks {
        Some(blocks) => [
            linear_of_blocks(input(device), &blocks, None),
            reference::by_blocks(input(&Device::flex()), &blocks, false),
        ],
        // No such weight is no right answer.
        None => [input(device) * 0.0, input(&Device::flex())],
    };
    Trial::new("linear map of blocks", found, expected)
}
