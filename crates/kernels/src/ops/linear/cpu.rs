//! Products with weights as they lie in memory: Burn would copy a transposed one for every product.

use burn::{
    backend::{Flex, flex::FlexTensor},
    tensor::DType,
};

use super::{
    super::cpu::{FlexValues, by_rows, tensor},
    LinearOps, by_definition,
    halves::Halves,
    matrix::Matrix,
    panels::by_panels,
    product::{Columns, product},
};

impl LinearOps for Flex {
    fn linear(input: FlexTensor, weight: FlexTensor) -> FlexTensor {
        fast(&input, &weight, None).unwrap_or_else(|| by_definition::<Self>(input, weight, None))
    }

    fn affine(input: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        fast(&input, &weight, Some(&bias))
            .unwrap_or_else(|| by_definition::<Self>(input, weight, Some(bias)))
    }
}

fn fast(input: &FlexTensor, weight: &FlexTensor, bias: Option<&FlexTensor>) -> Option<FlexTensor> {
    let values = FlexValues::of(input)?;
    let bias = match bias {
        Some(bias) => Some(FlexValues::of(bias)?),
        None => None,
    };
    let [batch, tokens, inputs] = input.layout().shape().dims();
    let shape = weight.layout().shape().dims::<2>();
    let outputs = shape[1];
    let mut output = vec![0.0; batch * tokens * outputs];
    let rows = Matrix {
        values: values.get(),
        shape: [batch * tokens, inputs],
        strides: [inputs as isize, 1],
    };
    if weight.dtype() == DType::F32 {
        let strides = weight.layout().strides();
        let matrix = Matrix {
            values: weight
                .storage::<f32>()
                .get(weight.layout().start_offset()..)?,
            shape,
            strides: [*strides.first()?, *strides.get(1)?],
        };
        product(&rows, &matrix, Columns::new(&mut output, outputs))?;
    } else {
        by_panels(&rows, &Halves::of(weight)?, &mut output)?;
    }
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
