//! Statistics of an activation, and of how a block's output differs from its input.

mod cpu;
mod gpu;
mod kernel;
mod moments;
mod pair;

use burn::{
    backend::{
        Backend, Dispatch, backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{DType, Int, IntDType, Tensor},
};

use crate::layout::threshold_bits;

/// What backends implement. See [`layout`](crate::layout) for what the results hold.
#[backend_extension(Cube, Flex)]
pub(crate) trait StatisticsOps: Backend {
    /// Means `[batch, 3, channels]`, totals `[batch, 8]` and counts `[batch, 519]` of `hidden`
    /// `[batch, tokens, channels]`, and the pair sums `[batch, tokens, 4]` against `other`, which
    /// are filled only where `with_pair` says so.
    fn statistics(
        hidden: FloatTensor<Self>,
        other: FloatTensor<Self>,
        mask: IntTensor<Self>,
        threshold_bits: u32,
        with_pair: bool,
    ) -> (
        FloatTensor<Self>,
        FloatTensor<Self>,
        IntTensor<Self>,
        FloatTensor<Self>,
    );

    /// The pair sums `[batch, tokens, 4]` alone.
    fn pair_sums(
        input: FloatTensor<Self>,
        output: FloatTensor<Self>,
        mask: IntTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// Results of one [`measure`] or [`compare`], still on the device.
#[derive(Debug)]
pub struct Measurement {
    pub(crate) statistics: Option<Statistics>,
    pub(crate) pairs: Option<Tensor<3>>,
    /// 1 = real token, `[batch, tokens]`.
    pub(crate) mask: Tensor<2, Int>,
    /// Whether elements below a threshold were counted.
    pub(crate) has_threshold: bool,
}

#[derive(Debug)]
pub(crate) struct Statistics {
    pub means: Tensor<3>,
    pub totals: Tensor<2>,
    pub counts: Tensor<2, Int>,
}

/// Starts statistics of `hidden` `[batch, tokens, channels]` over the tokens that `mask`
/// `[batch, tokens]` marks with 1, counting elements below `absolute_epsilon` if it is given. With
/// `input`, the block's input of the same shape, the two are compared token by token on the way.
///
/// The activation is read once, in at most two dispatches, and nothing is read back.
pub fn measure(
    hidden: Tensor<3>,
    input: Option<Tensor<3>>,
    mask: Tensor<2, Int>,
    absolute_epsilon: Option<f64>,
) -> Measurement {
    let hidden = hidden.cast(DType::F32);
    let mask = mask.cast(IntDType::I32);
    let with_pair = input.is_some();
    let input = input.map_or_else(|| hidden.clone(), |input| input.cast(DType::F32));
    let (means, totals, counts, pairs) = <Dispatch as StatisticsOps>::statistics(
        hidden.into_dispatch(),
        input.into_dispatch(),
        mask.clone().into_dispatch(),
        threshold_bits(absolute_epsilon),
        with_pair,
    );
    Measurement {
        statistics: Some(Statistics {
            means: Tensor::from_dispatch(means),
            totals: Tensor::from_dispatch(totals),
            counts: Tensor::from_dispatch(counts),
        }),
        pairs: with_pair.then(|| Tensor::from_dispatch(pairs)),
        mask,
        has_threshold: absolute_epsilon.is_some(),
    }
}

/// Starts a comparison of two hidden states `[batch, tokens, channels]` alone.
pub fn compare(input: Tensor<3>, output: Tensor<3>, mask: Tensor<2, Int>) -> Measurement {
    let mask = mask.cast(IntDType::I32);
    let pairs = <Dispatch as StatisticsOps>::pair_sums(
        input.cast(DType::F32).into_dispatch(),
        output.cast(DType::F32).into_dispatch(),
        mask.clone().into_dispatch(),
    );
    Measurement {
        statistics: None,
        pairs: Some(Tensor::from_dispatch(pairs)),
        mask,
        has_threshold: false,
    }
}
