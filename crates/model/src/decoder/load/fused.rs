//! One stored map that holds queries, keys and values.

use burn::{module::Param, nn::Linear};

use super::{Loader, tensors::HeldValues};
use crate::{
    ModelError, ModelFiles,
    decoder::projection::Projection,
    families::{Affine, LinearLayout},
};

impl<F: ModelFiles> Loader<'_, F> {
    /// Parts one stored map into query, key and value.
    pub(super) async fn fused(&mut self, map: &Affine) -> Result<[Projection; 3], ModelError> {
        let spec = &self.layout.spec.attention;
        let names = self.layout.names;
        let row = |part, output| names.attention.row(spec, part, output);
        let (outputs, inputs) = (spec.heads * spec.head_dim, self.layout.spec.hidden_size);
        let layout = names.layout;
        let shape = match layout {
            LinearLayout::OutputsFirst => [outputs, inputs],
            LinearLayout::InputsFirst => [inputs, outputs],
        };
        let weights = self.held_values(&map.weight).await?;
        let biases = match &map.bias {
            Some(bias) => Some(self.values(bias).await?),
            None => None,
        };
        Ok([0, 1, 2].map(|part| {
            let row = |output| row(part, output);
            let weight = match &weights {
                HeldValues::F32(weights) => HeldValues::F32(taken(weights, layout, shape, row)),
                HeldValues::F16(weights) => HeldValues::F16(taken(weights, layout, shape, row)),
                HeldValues::Bf16(weights) => HeldValues::Bf16(taken(weights, layout, shape, row)),
            };
            let bias = biases.as_ref().map(|biases| {
                let bias = (0..outputs).map(|output| biases[row(output)]).collect();
                Param::from_tensor(self.upload(bias, [outputs]))
            });
            Projection::plain(Linear {
                weight: Self::weight(self.upload_held(weight, shape), layout),
                bias,
            })
        }))
    }
}

/// The outputs of one of three maps that are stored as one; `row` says where each stands.
fn taken<T: Copy>(
    weights: &[T],
    layout: LinearLayout,
    shape: [usize; 2],
    row: impl Fn(usize) -> usize,
) -> Vec<T> {
    let mut values = Vec::with_capacity(shape[0] * shape[1]);
    match layout {
        LinearLayout::OutputsFirst => {
            let [outputs, inputs] = shape;
            for output in 0..outputs {
                let start = row(output) * inputs;
                values.extend_from_slice(&weights[start..start + inputs]);
            }
        }
        LinearLayout::InputsFirst => {
            let [_, outputs] = shape;
            for stored in weights.chunks(3 * outputs) {
                values.extend((0..outputs).map(|output| stored[row(output)]));
            }
        }
    }
    values
}
