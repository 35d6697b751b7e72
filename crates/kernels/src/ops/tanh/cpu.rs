//! tanh on the processor, where Burn's is right at any size.

use burn::{
    backend::{Flex, flex::FlexTensor},
    tensor::activation::gelu_approximate,
};

use super::{super::wrapped::Wrapped, TanhOps};

impl TanhOps for Flex {
    fn soft_capped<const D: usize>(x: FlexTensor, cap: f64) -> FlexTensor {
        let x = Self::wrap::<D>(x).div_scalar(cap);
        Self::own(x.tanh().mul_scalar(cap))
    }

    fn gelu_tanh<const D: usize>(x: FlexTensor) -> FlexTensor {
        Self::own(gelu_approximate(Self::wrap::<D>(x)))
    }
}
