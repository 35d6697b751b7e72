//! What a report holds of models in few bits.

use layerlab_eval::{EvalOptions, TaskResult};
use layerlab_score::Estimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{TaskComparison, report::DataReport};

/// What each layer loses in few bits, and what models of several sizes come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuantizationReport {
    /// The text that the loss was measured on.
    pub data: DataReport,
    /// Mean loss per token of the model as it is, in nats.
    pub loss: Option<f64>,
    /// How the one layer was stored whose loss was measured: Q4_0.
    pub stored: String,
    /// How the embedding and the head of all models below are stored.
    pub embeddings: String,
    /// By how much the mean loss per token changes in nats where one layer alone is stored so, first layer first, with intervals
    /// over sequences.
    pub sensitivity: Vec<Estimate>,
    /// Quantized models: every layer alike; then, of one size, as measured, and by position, by chance and the wrong way round.
    pub models: Vec<QuantizedModel>,
    /// How models were asked.
    pub options: EvalOptions,
}

impl QuantizationReport {
    /// The model whose bits were handed out so.
    pub fn of(&self, allocation: Allocation) -> Option<&QuantizedModel> {
        self.models
            .iter()
            .find(|model| model.allocation == allocation)
    }
}

/// A model of which every layer is stored in few bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuantizedModel {
    /// Who decided which layers have more.
    pub allocation: Allocation,
    /// How each layer is stored, first layer first: Q4_0, Q5_0 or Q8_0.
    pub types: Vec<String>,
    /// Bytes of all matrices, embedding and head included.
    pub bytes: u64,
    /// What it made of each dataset.
    pub tasks: Vec<TaskResult>,
    /// The same beside the model as it is.
    pub compared: Vec<TaskComparison>,
    /// The model whose bits were handed out as measured, beside this one of the same size; empty of other sizes.
    pub measured: Vec<TaskComparison>,
}

/// Who decided which layers have more bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Allocation {
    /// Nobody: all have the same.
    Uniform,
    /// The layers that lose most in few bits have most.
    Measured,
    /// The first and the last layers have most.
    Ends,
    /// Chance.
    Random,
    /// The layers that lose least have most.
    Reversed,
}
