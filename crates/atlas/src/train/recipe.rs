//! Everything that a training depends on.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Everything that a training depends on, beside the texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Seed of the first weights and of the order of texts.
    pub seed: u64,
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
    /// Blocks.
    pub layers: usize,
    /// Channels of the residual stream.
    pub hidden_size: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Inner channels of the MLP.
    pub inner_size: usize,
    /// Tokens of the longest text that the model is made for.
    pub context: usize,
    /// Tokens of a training sequence.
    pub sequence: usize,
    /// Sequences of a step.
    pub batch: usize,
    /// Steps.
    pub steps: usize,
    /// Steps over which the learning rate rises from nothing.
    pub warm_up: usize,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// What is left of it at the end, as a share.
    pub final_share: f64,
    /// AdamW's weight decay.
    pub weight_decay: f32,
    /// Norm at which each tensor's gradient is cut.
    pub clip: f32,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            seed: 1,
            vocabulary: 1536,
            layers: 12,
            hidden_size: 128,
            heads: 4,
            kv_heads: 2,
            inner_size: 352,
            context: 256,
            sequence: 128,
            batch: 16,
            steps: 3000,
            warm_up: 100,
            learning_rate: 3e-3,
            final_share: 0.05,
            weight_decay: 0.01,
            clip: 1.0,
        }
    }
}

impl Recipe {
    /// The learning rate of a step, counted from 0: linear warm-up, then half a cosine.
    pub fn rate(&self, step: usize) -> f64 {
        if step < self.warm_up {
            return self.learning_rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let rest = self.steps.saturating_sub(self.warm_up).max(1) as f64;
        let share = ((step - self.warm_up) as f64 / rest).min(1.0);
        let cosine = (1.0 + (std::f64::consts::PI * share).cos()) / 2.0;
        self.learning_rate * (self.final_share + (1.0 - self.final_share) * cosine)
    }

    /// `config.json` of the model.
    pub fn config(&self) -> Value {
        json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.inner_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "max_position_embeddings": self.context,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10_000.0,
            "hidden_act": "silu",
            "tie_word_embeddings": true,
            "attention_bias": false,
            "mlp_bias": false,
            "bos_token_id": 0,
            "eos_token_id": 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls_as_it_should() {
        let recipe = Recipe {
            steps: 1100,
            warm_up: 100,
            learning_rate: 1.0,
            final_share: 0.1,
            ..Recipe::default()
        };
        assert!((recipe.rate(0) - 0.01).abs() < 1e-12);
        assert!((recipe.rate(99) - 1.0).abs() < 1e-12);
        assert!((recipe.rate(600) - 0.55).abs() < 1e-12);
        assert!((recipe.rate(1100) - 0.1).abs() < 1e-12);
    }
}
