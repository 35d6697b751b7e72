//! Where tokens stand, and which key each query may see.

use super::{batch::TokenBatch, cache::KvCache};

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

    /// Shape `[batch or 1, queries, keys]` and, row after row, whether the query may see the key.
    pub fn seen(&self, window: Option<usize>) -> ([usize; 3], Vec<bool>) {
        // Rows that are alike share one mask, which saves memory in the usual case of full rows.
        let alike = self.queries.iter().all(|row| row == &self.queries[0])
            && self.keys.iter().all(|row| row == &self.keys[0]);
        let rows = if alike { 1 } else { self.queries.len() };
        let (queries, keys) = (self.queries[0].len(), self.keys[0].len());
        let mut seen = Vec::with_capacity(rows * queries * keys);
        for (query_row, key_row) in self.queries.iter().zip(&self.keys).take(rows) {
            for query in query_row {
                seen.extend(key_row.iter().map(|key| match (query, key) {
                    (Some(query), Some(key)) => {
                        key <= query && window.is_none_or(|window| query - key < window)
                    }
                    _ => false,
                }));
            }
        }
        ([rows, queries, keys], seen)
    }
}
