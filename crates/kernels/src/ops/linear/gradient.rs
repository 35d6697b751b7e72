//! Gradients through maps whose weight is held in fewer bytes than what is computed with.
//!
//! Such a weight is not trained: the gradient is that of the input alone, and takes the weight as it is held. By Burn's
//! operations a float32 copy of every weight would live from the forward pass to the backward one.

use burn::backend::{
    Autodiff, DispatchKindConversion, DispatchTensor, TensorMetadata,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind, unary},
    },
    tensor::FloatTensor,
};

use super::{LinearOps, by_definition};
use crate::ops::wrapped::Wrapped;

impl<B: LinearOps, C: CheckpointStrategy> LinearOps for Autodiff<B, C>
where
    DispatchTensor: DispatchKindConversion<Self>,
{
    fn linear(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        match is_constant::<B, C>(&input, &weight) {
            true => by_constant::<B, C>(input, weight.into_primitive()),
            false => by_definition::<Self>(input, weight, None),
        }
    }

    fn affine(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if !is_constant::<B, C>(&input, &weight) {
            return by_definition::<Self>(input, weight, Some(bias));
        }
        let product = by_constant::<B, C>(input, weight.into_primitive());
        let (product, bias) = (Self::wrap::<3>(product), Self::wrap::<1>(bias));
        Self::own(product + bias.unsqueeze())
    }
}

/// Whether the weight is held otherwise than the input is, and nothing that it came from takes gradients.
fn is_constant<B: LinearOps, C: CheckpointStrategy>(
    input: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
) -> bool {
    // What is prepared and not finished leaves no trace. Burn does not say otherwise what takes gradients.
    let prepared = Backward::<B, 1>::prepare::<C>(ByConstant, [weight.node()]);
    let is_tracked = matches!(prepared.compute_bound().stateful(), OpsKind::Tracked(_));
    weight.dtype() != input.dtype() && !is_tracked
}

fn by_constant<B: LinearOps, C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    let (input, node) = input.into_parts();
    let product = <B as LinearOps>::linear(input, weight.clone());
    let prepared = Backward::<B, 1>::prepare::<C>(ByConstant, [node]);
    match prepared.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(weight, product),
        OpsKind::UnTracked(prepared) => prepared.finish(product),
    }
}

#[derive(Debug)]
struct ByConstant;

impl<B: LinearOps> Backward<B, 1> for ByConstant {
    /// The weight.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let transposed = B::float_transpose(ops.state);
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            <B as LinearOps>::linear(gradient, transposed)
        });
    }
}
