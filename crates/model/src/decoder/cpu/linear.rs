//! Matrix products with weights as they lie in memory.

use burn::{
    backend::Flex,
    tensor::{DType, Tensor},
};
use gemm::Parallelism;

use super::{Values, by_rows, tensor};

/// `input` `[batch, tokens, inputs]` times `weight` `[inputs, outputs]`, plus `bias` `[outputs]`. The weight may be a
/// transposed view: Burn would copy it for every product.
pub(in super::super) fn linear(
    input: &Tensor<3>,
    weight: &Tensor<2>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<3>> {
    let values = Values::of(input)?;
    let weight = weight.clone().try_into_primitive::<Flex>().ok()?;
    let bias = match bias {
        Some(bias) => Some(Values::of(bias)?),
        None => None,
    };
    if weight.dtype() != DType::F32 {
        return None;
    }
    let [batch, tokens, inputs] = input.dims();
    let shape = weight.layout().shape().dims::<2>();
    let strides = weight.layout().strides();
    let matrix = Matrix {
        values: weight
            .storage::<f32>()
            .get(weight.layout().start_offset()..)?,
        shape,
        strides: [*strides.first()?, *strides.get(1)?],
    };
    let outputs = shape[1];
    let mut output = vec![0.0; batch * tokens * outputs];
    let rows = Matrix {
        values: values.get(),
        shape: [batch * tokens, inputs],
        strides: [inputs as isize, 1],
    };
    product(&rows, &matrix, &mut output)?;
    if let Some(bias) = bias {
        by_rows(&mut output, outputs, |_, output| {
            for row in output.chunks_exact_mut(outputs) {
                for (value, bias) in row.iter_mut().zip(bias.get()) {
                    *value += bias;
                }
            }
        });
    }
    Some(tensor(output, [batch, tokens, outputs]))
}

/// A matrix as it lies in memory.
struct Matrix<'a> {
    values: &'a [f32],
    /// Rows and columns.
    shape: [usize; 2],
    /// From one row, and from one column, to the next.
    strides: [isize; 2],
}

impl Matrix<'_> {
    /// Whether every element is one of the values.
    fn is_within(&self) -> bool {
        let furthest = self.shape.iter().zip(self.strides);
        let furthest = furthest.map(|(length, stride)| {
            let stride = usize::try_from(stride).ok()?;
            length.checked_sub(1)?.checked_mul(stride)
        });
        let furthest = furthest.sum::<Option<usize>>();
        furthest.is_some_and(|furthest| furthest < self.values.len())
    }
}

/// `a` times `b` into the rows of `output`; none where their shapes do not go together.
#[allow(
    unsafe_code,
    reason = "gemm takes pointers; what they reach is checked first"
)]
fn product(a: &Matrix<'_>, b: &Matrix<'_>, output: &mut [f32]) -> Option<()> {
    let ([rows, inner], [b_inner, columns]) = (a.shape, b.shape);
    let fits = inner == b_inner && output.len() == rows * columns;
    if !fits || !a.is_within() || !b.is_within() {
        return None;
    }
    #[cfg(not(target_arch = "wasm32"))]
    let threads = Parallelism::Rayon(0);
    #[cfg(target_arch = "wasm32")]
    let threads = Parallelism::None;
    // SAFETY: every element of `a` and `b` lies within their values, `output` has a place for every element of the
    // product and is borrowed alone.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.as_mut_ptr(),
            1,
            columns as isize,
            false,
            a.values.as_ptr(),
            a.strides[1],
            a.strides[0],
            b.values.as_ptr(),
            b.strides[1],
            b.strides[0],
            0.0f32,
            1.0f32,
            false,
            false,
            false,
            threads,
        );
    }
    Some(())
}
