//! What is minimised over pairs of a factual and a hallucinated answer.

use burn::tensor::{
    Tensor,
    activation::{log_sigmoid, log_softmax, relu},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::TuneError;

/// What is minimised over pairs of a factual and a hallucinated answer to the same prompt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Objective {
    /// Cross-entropy of telling the factual answer from the hallucinated ones of the batch, by the cosine of each
    /// answer's mean hidden state with that of its prompt, at the output of the highest adapted layer (InfoNCE,
    /// arXiv 1807.03748; what is compared is ours).
    InfoNce {
        /// Divides the cosines.
        temperature: f64,
    },
    /// max(0, `margin` − (log p(factual) − log p(hallucinated))).
    Margin {
        /// In nats.
        margin: f64,
    },
    /// −log σ(`beta` · (what log p(factual) − log p(hallucinated) has gained on the frozen model)) (direct preference
    /// optimisation, arXiv 2305.18290).
    Dpo {
        /// How strongly the frozen model holds.
        beta: f64,
    },
}

impl Default for Objective {
    fn default() -> Self {
        Self::Margin { margin: 3.0 }
    }
}

impl Objective {
    /// Each objective with its usual number.
    pub const ALL: [Self; 3] = [
        Self::InfoNce { temperature: 0.1 },
        Self::Margin { margin: 3.0 },
        Self::Dpo { beta: 0.1 },
    ];

    /// Short name, as on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::InfoNce { .. } => "info_nce",
            Self::Margin { .. } => "margin",
            Self::Dpo { .. } => "dpo",
        }
    }

    /// Name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::InfoNce { .. } => "InfoNCE",
            Self::Margin { .. } => "margin",
            Self::Dpo { .. } => "DPO",
        }
    }

    pub(crate) fn validate(self) -> Result<(), TuneError> {
        let (option, found) = match self {
            Self::InfoNce { temperature } => ("the temperature", temperature),
            Self::Margin { margin } => ("the margin", margin),
            Self::Dpo { beta } => ("beta", beta),
        };
        match found > 0.0 && found.is_finite() {
            true => Ok(()),
            false => Err(TuneError::Recipe {
                option,
                needed: "a number above 0",
                found,
            }),
        }
    }
}

/// log p(factual) − log p(hallucinated) of each pair `[pairs]`, from log-likelihoods `[2 · pairs]`, all factual
/// answers first.
pub fn contrast(log_likelihoods: Tensor<1>) -> Tensor<1> {
    let pairs = log_likelihoods.dims()[0] / 2;
    log_likelihoods.clone().narrow(0, 0, pairs) - log_likelihoods.narrow(0, pairs, pairs)
}

/// Mean hinge loss `[1]` of contrasts `[pairs]`, in nats.
pub fn margin(contrasts: Tensor<1>, margin: f64) -> Tensor<1> {
    relu(contrasts.neg() + margin).mean()
}

/// Mean preference loss `[1]` of contrasts `[pairs]` against those of the frozen model, in nats.
pub fn preference(contrasts: Tensor<1>, frozen: Tensor<1>, beta: f64) -> Tensor<1> {
    log_sigmoid((contrasts - frozen) * beta).mean().neg()
}

/// Mean InfoNCE loss `[1]`, in nats: prompts `[pairs, channels]` are to be nearer to their factual answers than to any
/// hallucinated answer; answers are `[2 · pairs, channels]`, all factual ones first.
pub fn information_noise(prompts: Tensor<2>, answers: Tensor<2>, temperature: f64) -> Tensor<1> {
    let pairs = prompts.dims()[0];
    let (prompts, answers) = (unit(prompts), unit(answers));
    let factual = answers.clone().narrow(0, 0, pairs);
    let hallucinated = answers.narrow(0, pairs, pairs);
    let near = (prompts.clone() * factual).sum_dim(1) / temperature; // [pairs, 1]
    let far = prompts.matmul(hallucinated.transpose()) / temperature; // [pairs, pairs]
    // Of a low temperature, e to a cosine would overflow.
    let all = log_softmax(Tensor::cat(vec![near, far], 1), 1);
    all.narrow(1, 0, 1).mean().neg()
}

/// Rows of length 1.
fn unit(rows: Tensor<2>) -> Tensor<2> {
    let length = (rows.clone().square().sum_dim(1) + 1e-12).sqrt();
    rows / length
}
