//! Several maps that are stored as one.

use burn::module::Param;

use super::{Loader, tensors::HeldValues};
use crate::{
    ModelError, ModelFiles,
    decoder::projection::{Linear, Projection},
    families::{Affine, LinearLayout},
};

impl<F: ModelFiles> Loader<'_, F> {
    /// Parts one stored map into several, of so many outputs each; `row` says which of the stored outputs is an output of a
    /// part.
    pub(super) async fn fused<const N: usize>(
        &mut self,
        map: &Affine,
        outputs: [usize; N],
        row: impl Fn(usize, usize) -> usize,
    ) -> Result<[Projection; N], ModelError> {
        let inputs = self.layout.spec.hidden_size;
        let layout = self.layout.names.layout;
        let weights = self.held_values(&map.weight, layout).await?;
        let biases = match &map.bias {
            Some(bias) => Some(self.values(bias).await?),
            None => None,
        };
        let all: usize = outputs.iter().sum();
        let mut part = 0;
        Ok(outputs.map(|outputs| {
            let rows: Vec<usize> = (0..outputs).map(|output| row(part, output)).collect();
            part += 1;
            let stored = [all, inputs];
            let weight = match &weights {
                HeldValues::F32(weights) => HeldValues::F32(taken(weights, layout, stored, &rows)),
                HeldValues::F16(weights) => HeldValues::F16(taken(weights, layout, stored, &rows)),
                HeldValues::Bf16(weights) => {
                    HeldValues::Bf16(taken(weights, layout, stored, &rows))
                }
                HeldValues::Blocks(blocks) => HeldValues::Blocks(blocks.taken(&rows)),
            };
            let shape = match layout {
                LinearLayout::OutputsFirst => [outputs, inputs],
                LinearLayout::InputsFirst => [inputs, outputs],
            };
            let bias = biases.as_ref().map(|biases| {
                let bias = rows.iter().map(|row| biases[*row]).collect();
                Param::from_tensor(self.upload(bias, [outputs]))
            });
            Projection::plain(Linear {
                weight: self.held(weight, shape, layout),
                bias,
            })
        }))
    }
}

/// Some outputs of a map of `[outputs, inputs]`, in its own layout.
fn taken<T: Copy>(
    weights: &[T],
    layout: LinearLayout,
    [outputs, inputs]: [usize; 2],
    rows: &[usize],
) -> Vec<T> {
    let mut values = Vec::with_capacity(rows.len() * inputs);
    match layout {
        LinearLayout::OutputsFirst => {
            for row in rows {
                values.extend_from_slice(&weights[row * inputs..(row + 1) * inputs]);
            }
        }
        LinearLayout::InputsFirst => {
            for stored in weights.chunks(outputs) {
                values.extend(rows.iter().map(|row| stored[*row]));
            }
        }
    }
    values
}
