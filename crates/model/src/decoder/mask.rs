//! Positions of tokens, and which key each query may see.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use super::{batch::TokenBatch, cache::KvCache};

/// Stands for minus infinity in attention scores. Finite, so that the rows of padding, which see
/// nothing, give a uniform softmax and not NaN.
const HIDDEN: f32 = -1e30;

/// Where the tokens of one forward pass stand.
pub(super) struct Positions {
    /// Per sequence, the position of each new token; `None` is padding.
    queries: Vec<Vec<Option<usize>>>,
    /// The same for all tokens, cached and new.
    keys: Vec<Vec<Option<usize>>>,
}

impl Positions {
    /// Real tokens count up from the last cached one; padding has no position.
    pub fn new(batch: &TokenBatch, cache: Option<&mut KvCache>) -> Self {
        let [rows, tokens] = batch.shape();
        let mut keys = match &cache {
            Some(cache) if !cache.positions.is_empty() => cache.positions.clone(),
            _ => vec![Vec::new(); rows],
        };
        let mut queries = Vec::with_capacity(rows);
        for (real, keys) in batch.real().chunks(tokens).zip(&mut keys) {
            let mut next = keys.iter().flatten().count();
            let mut row = Vec::with_capacity(tokens);
            for &real in real {
                row.push(real.then_some(next));
                next += usize::from(real);
            }
            keys.extend_from_slice(&row);
            queries.push(row);
        }
        if let Some(cache) = cache {
            cache.positions.clone_from(&keys);
        }
        Self { queries, keys }
    }

    /// Position of every new token, row after row, `[batch * tokens]`; padding stands at 0.
    pub fn of_queries(&self) -> impl Iterator<Item = usize> {
        self.queries
            .iter()
            .flatten()
            .map(|position| position.unwrap_or(0))
    }

    /// One more than the last position: how long the text is by now.
    pub fn length(&self) -> usize {
        self.of_queries().max().map_or(0, |last| last + 1)
    }

    /// What is added to attention scores `[batch or 1, 1, queries, keys]`: 0 where the query may
    /// see the key, [`HIDDEN`] elsewhere.
    fn bias(&self, window: Option<usize>, device: &Device) -> Tensor<4> {
        // Rows that are alike share one mask, which saves memory in the usual case of full rows.
        let alike = self.queries.iter().all(|row| row == &self.queries[0])
            && self.keys.iter().all(|row| row == &self.keys[0]);
        let rows = if alike { 1 } else { self.queries.len() };
        let (queries, keys) = (self.queries[0].len(), self.keys[0].len());
        let mut bias = Vec::with_capacity(rows * queries * keys);
        for (query_row, key_row) in self.queries.iter().zip(&self.keys).take(rows) {
            for query in query_row {
                bias.extend(key_row.iter().map(|key| match (query, key) {
                    (Some(query), Some(key))
                        if key <= query && window.is_none_or(|window| query - key < window) =>
                    {
                        0.0
                    }
                    _ => HIDDEN,
                }));
            }
        }
        Tensor::from_data(TensorData::new(bias, [rows, 1, queries, keys]), device)
    }

    /// The bias of every window that occurs, made once for all blocks.
    pub fn biases(
        &self,
        windows: impl Iterator<Item = Option<usize>>,
        device: &Device,
    ) -> BTreeMap<Option<usize>, Tensor<4>> {
        let mut biases = BTreeMap::new();
        for window in windows {
            biases
                .entry(window)
                .or_insert_with(|| self.bias(window, device));
        }
        biases
    }
}
