//! Matrix products with weights as they lie in memory.

use super::{
    Values, by_rows,
    product::{Matrix, product},
    tensor,
};
use burn::{
    backend::Flex,
    tensor::{DType, Tensor},
};

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
