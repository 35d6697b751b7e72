//! Which key each query may see.

use std::{ops::Range, sync::OnceLock};

use burn::tensor::{Device, Tensor, TensorData};

/// Stands for minus infinity in attention scores. Finite, so that the rows of padding, which see
/// nothing, give a uniform softmax and not NaN.
const HIDDEN: f32 = -1e30;

/// Which key each query may see, in the form that each implementation of attention asks for; a form that none asks for is
/// never made.
#[derive(Debug)]
pub struct Mask {
    /// `[batch or 1, queries, keys]`.
    shape: [usize; 3],
    seen: Vec<bool>,
    device: Device,
    spans: OnceLock<Option<Vec<Range<usize>>>>,
    bias: OnceLock<Tensor<4>>,
}

impl Mask {
    /// Of `seen`, for each query whether it sees each key: `[batch, queries, keys]`, or `[1, queries, keys]` where that holds
    /// for all sequences of a batch.
    pub fn new(shape: [usize; 3], seen: Vec<bool>, device: &Device) -> Self {
        Self {
            shape,
            seen,
            device: device.clone(),
            spans: OnceLock::new(),
            bias: OnceLock::new(),
        }
    }

    /// What is added to scores, `[batch or 1, 1, queries, keys]`.
    pub(super) fn bias(&self) -> Tensor<4> {
        let [rows, queries, keys] = self.shape;
        let bias = |seen: &bool| if *seen { 0.0 } else { HIDDEN };
        let made = self.bias.get_or_init(|| {
            let biases: Vec<f32> = self.seen.iter().map(bias).collect();
            let biases = TensorData::new(biases, [rows, 1, queries, keys]);
            Tensor::from_data(biases, &self.device)
        });
        made.clone()
    }

    /// The keys that each query `[batch or 1, queries]` sees as a range; none where some query sees keys with gaps between
    /// them.
    pub(super) fn spans(&self) -> Option<&[Range<usize>]> {
        let made = || self.seen.chunks(self.shape[2]).map(span).collect();
        self.spans.get_or_init(made).as_deref()
    }
}

fn span(seen: &[bool]) -> Option<Range<usize>> {
    let start = seen.iter().position(|seen| *seen).unwrap_or(0);
    let length = seen[start..].iter().take_while(|seen| **seen).count();
    let has_gap = seen[start + length..].contains(&true);
    (!has_gap).then_some(start..start + length)
}
