//! How many weights a decoder has, counted from its description alone.

use crate::spec::{DecoderSpec, HeadNormSpec, NormKind, PositionSpec, Residual};

impl DecoderSpec {
    /// Weights of the whole model; shared ones count once.
    pub fn parameters(&self) -> usize {
        let embedding = self.vocab_size * self.hidden_size;
        let positions = match self.position {
            PositionSpec::Learned { positions } => positions * self.hidden_size,
            PositionSpec::Rotary(_) => 0,
        };
        let head = match self.tied_embeddings {
            true => 0,
            false => embedding,
        };
        embedding
            + positions
            + head
            + self.norm_parameters()
            + self.layers() * self.block_parameters()
    }

    /// Weights of one block: what its removal saves.
    pub fn block_parameters(&self) -> usize {
        let norms = match self.residual {
            Residual::ParallelSharedNorm => 1,
            Residual::Sequential | Residual::Parallel => 2,
        };
        norms * self.norm_parameters() + self.attention_parameters() + self.mlp_parameters()
    }

    fn norm_parameters(&self) -> usize {
        match self.norm.kind {
            NormKind::RmsNorm => self.hidden_size,
            NormKind::LayerNorm => 2 * self.hidden_size,
        }
    }

    fn attention_parameters(&self) -> usize {
        let attention = &self.attention;
        let queries = attention.heads * attention.head_dim;
        let keys = attention.kv_heads * attention.head_dim;
        let head_norms = match attention.head_norm {
            None => 0,
            Some(HeadNormSpec::SharedRms) => 2 * attention.head_dim,
            Some(HeadNormSpec::LayerNormPerHead) => queries + keys,
        };
        linear(self.hidden_size, queries, attention.qkv_bias)
            + 2 * linear(self.hidden_size, keys, attention.qkv_bias)
            + linear(queries, self.hidden_size, attention.output_bias)
            + head_norms
    }

    fn mlp_parameters(&self) -> usize {
        let mlp = &self.mlp;
        let up = linear(self.hidden_size, mlp.inner_size, mlp.bias);
        let ups = match mlp.gated {
            true => 2 * up,
            false => up,
        };
        ups + linear(mlp.inner_size, self.hidden_size, mlp.bias)
    }
}

fn linear(inputs: usize, outputs: usize, bias: bool) -> usize {
    inputs * outputs + if bias { outputs } else { 0 }
}
