//! How many weights a decoder has, counted from its description alone.

use crate::spec::{DecoderSpec, HeadNormSpec, NormKind, PositionSpec, Residual};

impl DecoderSpec {
    /// Weights of the whole model; shared ones count once.
    pub fn parameters(&self) -> usize {
        self.counted().unwrap_or(usize::MAX)
    }

    /// Weights of one block: what its removal saves.
    pub fn block_parameters(&self) -> usize {
        self.block_counted().unwrap_or(usize::MAX)
    }

    /// Weights of the whole model; none where they are more than can be counted.
    pub(crate) fn counted(&self) -> Option<usize> {
        let embedding = self.vocab_size.checked_mul(self.hidden_size)?;
        let positions = match &self.position {
            PositionSpec::Learned { positions, offset } => positions
                .checked_add(*offset)?
                .checked_mul(self.hidden_size)?,
            PositionSpec::Rotary { .. } => 0,
        };
        let head = match self.tied_embeddings {
            true => 0,
            false if self.logits.bias => embedding.checked_add(self.vocab_size)?,
            false => embedding,
        };
        let blocks = self.layers().checked_mul(self.block_counted()?)?;
        sum([embedding, positions, head, self.norm_parameters()?, blocks])
    }

    fn block_counted(&self) -> Option<usize> {
        let before = match self.residual {
            _ if !self.norm_placement.is_before() => 0,
            Residual::ParallelSharedNorm => 1,
            Residual::Sequential | Residual::Parallel => 2,
        };
        let after = if self.norm_placement.is_after() { 2 } else { 0 };
        let norms = before + after;
        sum([
            self.norm_parameters()?.checked_mul(norms)?,
            self.attention_parameters()?,
            self.mlp_parameters()?,
        ])
    }

    fn norm_parameters(&self) -> Option<usize> {
        match self.norm.kind {
            NormKind::RmsNorm | NormKind::RmsNormPlusOne => Some(self.hidden_size),
            NormKind::LayerNorm => self.hidden_size.checked_mul(2),
        }
    }

    fn attention_parameters(&self) -> Option<usize> {
        let attention = &self.attention;
        let queries = attention.heads.checked_mul(attention.head_dim)?;
        let keys = attention.kv_heads.checked_mul(attention.head_dim)?;
        let head_norms = match attention.head_norm {
            None => 0,
            Some(HeadNormSpec::SharedRms) => attention.head_dim.checked_mul(2)?,
            Some(HeadNormSpec::LayerNormPerHead | HeadNormSpec::RmsOverHeads) => {
                queries.checked_add(keys)?
            }
        };
        sum([
            linear(self.hidden_size, queries, attention.qkv_bias)?,
            linear(self.hidden_size, keys, attention.qkv_bias)?.checked_mul(2)?,
            linear(queries, self.hidden_size, attention.output_bias)?,
            head_norms,
        ])
    }

    fn mlp_parameters(&self) -> Option<usize> {
        let mlp = &self.mlp;
        let up = linear(self.hidden_size, mlp.inner_size, mlp.bias)?;
        let ups = match mlp.gated {
            true => up.checked_mul(2)?,
            false => up,
        };
        ups.checked_add(linear(mlp.inner_size, self.hidden_size, mlp.bias)?)
    }
}

fn linear(inputs: usize, outputs: usize, bias: bool) -> Option<usize> {
    let weights = inputs.checked_mul(outputs)?;
    weights.checked_add(if bias { outputs } else { 0 })
}

fn sum<const N: usize>(parts: [usize; N]) -> Option<usize> {
    parts.into_iter().try_fold(0, usize::checked_add)
}
