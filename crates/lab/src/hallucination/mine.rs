//! Pairs out of what a model itself gets wrong.

use layerlab_eval::{Dataset, EvalOptions, Generated, Pair, dataset::Answer, generate_answers};
use layerlab_model::{Decoder, Tokenizer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LabError, Progress, Run};

/// Which wrong answers count as hallucinated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MineOptions {
    /// The geometric mean of the probabilities of the answer's tokens, at least.
    pub min_confidence: f64,
}

impl Default for MineOptions {
    fn default() -> Self {
        Self {
            min_confidence: 0.5,
        }
    }
}

/// What a model answered to questions with a known answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mined {
    /// Questions asked.
    pub questions: usize,
    /// Answers that are right.
    pub right: usize,
    /// Answers that are wrong.
    pub wrong: usize,
    /// Wrong answers that are confident: the hallucinated sides.
    pub confident: usize,
}

impl Mined {
    /// Adds what came of other questions.
    pub(super) fn add(&mut self, other: Self) {
        self.questions += other.questions;
        self.right += other.right;
        self.wrong += other.wrong;
        self.confident += other.confident;
    }
}

/// Lets the model answer some of the dataset's questions and pairs each confident wrong answer with the first right one.
pub(super) async fn mine(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    (dataset, items): (&Dataset, &[Answer]),
    options: &EvalOptions,
    mining: MineOptions,
    run: &mut Run<'_>,
) -> Result<(Vec<Pair>, Mined), LabError> {
    let mut progress = |done, total| {
        let step = Progress::Evaluating {
            models: 0,
            of: 1,
            done,
            total,
        };
        match run.report(step) {
            Ok(()) => std::ops::ControlFlow::Continue(()),
            Err(_) => std::ops::ControlFlow::Break(()),
        }
    };
    let answers =
        generate_answers(decoder, tokenizer, dataset, items, options, &mut progress).await?;
    let mut mined = Mined {
        questions: items.len(),
        right: 0,
        wrong: 0,
        confident: 0,
    };
    let mut pairs = Vec::new();
    for (
        item,
        Generated {
            text,
            right,
            confidence,
        },
    ) in items.iter().zip(answers)
    {
        mined.right += usize::from(right);
        mined.wrong += usize::from(!right);
        let is_confident = confidence >= mining.min_confidence && !text.is_empty();
        let factual = item.answers.first().filter(|_| !right && is_confident);
        if let Some(factual) = factual {
            mined.confident += 1;
            pairs.push(Pair {
                line: item.line,
                group: item.group.clone(),
                question: item.question.clone(),
                factual: factual.clone(),
                hallucinated: text,
            });
        }
    }
    Ok((pairs, mined))
}
