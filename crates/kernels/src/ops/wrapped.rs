//! From a backend's own tensors to Burn's interface and back.

use burn::{
    backend::{
        Autodiff, Backend, Cube, Dispatch, DispatchKindConversion, DispatchTensor, Flex,
        autodiff::checkpoint::strategy::CheckpointStrategy, tensor::FloatTensor,
    },
    tensor::Tensor,
};

/// A backend whose tensors can be wrapped as Burn's [`Tensor`]: what is defined in terms of that serves as an
/// implementation for it.
pub(crate) trait Wrapped: Backend {
    /// A tensor of rank `D` to Burn's interface.
    fn wrap<const D: usize>(own: FloatTensor<Self>) -> Tensor<D>;

    /// What the definition made of wrapped tensors of this backend.
    fn own<const D: usize>(wrapped: Tensor<D>) -> FloatTensor<Self>;
}

impl Wrapped for Flex {
    fn wrap<const D: usize>(own: FloatTensor<Self>) -> Tensor<D> {
        Tensor::from_primitive::<Self>(own)
    }

    fn own<const D: usize>(wrapped: Tensor<D>) -> FloatTensor<Self> {
        taken_out::<Self, D>(wrapped)
    }
}

impl Wrapped for Cube {
    fn wrap<const D: usize>(own: FloatTensor<Self>) -> Tensor<D> {
        Tensor::from_primitive::<Self>(own)
    }

    fn own<const D: usize>(wrapped: Tensor<D>) -> FloatTensor<Self> {
        taken_out::<Self, D>(wrapped)
    }
}

impl<B: Backend, C: CheckpointStrategy> Wrapped for Autodiff<B, C>
where
    DispatchTensor: DispatchKindConversion<Self>,
{
    fn wrap<const D: usize>(own: FloatTensor<Self>) -> Tensor<D> {
        Tensor::from_primitive::<Self>(own)
    }

    fn own<const D: usize>(wrapped: Tensor<D>) -> FloatTensor<Self> {
        taken_out::<Self, D>(wrapped)
    }
}

/// What picks one of the others: its tensors are what Burn's interface is made of.
impl Wrapped for Dispatch {
    fn wrap<const D: usize>(own: FloatTensor<Self>) -> Tensor<D> {
        Tensor::from_dispatch(own)
    }

    fn own<const D: usize>(wrapped: Tensor<D>) -> FloatTensor<Self> {
        wrapped.into_dispatch()
    }
}

fn taken_out<B: Backend, const D: usize>(wrapped: Tensor<D>) -> FloatTensor<B>
where
    DispatchTensor: DispatchKindConversion<B>,
{
    match wrapped.try_into_primitive::<B>() {
        Ok(own) => own,
        Err(error) => unreachable!("an operation left its backend: {error:?}"),
    }
}
