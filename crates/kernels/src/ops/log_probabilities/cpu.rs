//! Log-probabilities on the processor, without those of all other tokens.

use super::{
    super::cpu::{FlexValues, LogSum, by_parts, tensor, vectorised},
    LikelihoodOps, Wrapped, by_definition, reference,
};
use burn::backend::{Flex, flex::FlexTensor};

/// Rows that one thread takes at once.
const ROWS: usize = 16;

impl LikelihoodOps for Flex {
    fn log_probabilities(logits: FlexTensor, ids: &[i32]) -> FlexTensor {
        fast(&logits, ids).unwrap_or_else(|| by_definition::<Self>(logits, ids))
    }

    fn log_sums(logits: FlexTensor) -> FlexTensor {
        let fast = each_row(&logits, |_, row| {
            // From itself, infinity cannot be subtracted.
            match row.iter().all(|logit| *logit == f32::NEG_INFINITY) {
                true => f64::NEG_INFINITY,
                false => vectorised(LogSum(row)),
            }
        });
        fast.unwrap_or_else(|| Self::own(reference::log_sums(Self::wrap(logits))))
    }
}

fn fast(logits: &FlexTensor, ids: &[i32]) -> Option<FlexTensor> {
    each_row(logits, |number, row| {
        let id = ids.get(number).and_then(|id| row.get(*id as usize));
        f64::from(id.copied().unwrap_or(f32::NAN)) - vectorised(LogSum(row))
    })
}

/// What `found` finds of each numbered row, `[rows]`; none where they are not of float32.
fn each_row(
    logits: &FlexTensor,
    found: impl Fn(usize, &[f32]) -> f64 + Sync + Send,
) -> Option<FlexTensor> {
    let [rows, columns] = logits.layout().shape().dims();
    let values = FlexValues::of(logits)?;
    let values = values.get();
    let mut output = vec![0.0; rows];
    by_parts(&mut output, ROWS, |part, output| {
        let first = part * ROWS;
        let rows = values[first * columns..].chunks_exact(columns);
        for (number, (output, row)) in output.iter_mut().zip(rows).enumerate() {
            *output = found(first + number, row) as f32;
        }
    });
    Some(tensor(output, [rows]))
}
