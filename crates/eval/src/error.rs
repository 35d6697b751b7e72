//! What can end an evaluation.

use layerlab_model::{ModelError, tokenizer::TokenizerError};
use layerlab_stats::MOST_RESAMPLES;
use thiserror::Error;

use crate::harness::HarnessError;

use crate::DatasetError;

/// An evaluation that did not come to its end.
#[derive(Debug, Error)]
pub enum EvalError {
    /// The model cannot read an item.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The tokenizer failed.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Runs of the harness cannot be used.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The dataset cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A choice leaves the model nothing to predict.
    #[error(
        "{dataset}, line {line}: the choice {choice:?} has no tokens of its own after the prompt"
    )]
    EmptyChoice {
        /// The dataset.
        dataset: String,
        /// Where the item is.
        line: usize,
        /// The choice.
        choice: String,
    },
    /// An answer that the model cannot read, even without its prompt.
    #[error(
        "{dataset}, line {line}: an answer of {tokens} tokens does not fit the model's context of {context} tokens with \
         anything before it"
    )]
    LongAnswer {
        /// The dataset.
        dataset: String,
        /// Where the item is.
        line: usize,
        /// Its tokens.
        tokens: usize,
        /// The model's context.
        context: usize,
    },
    /// A dataset without answers to tell apart.
    #[error(
        "{dataset} has no pairs of a right and a wrong answer: give questions with choices, such as HaluEval's \
         or TruthfulQA's"
    )]
    NoPairs {
        /// The dataset.
        dataset: String,
    },
    /// A text where questions are wanted.
    #[error("{dataset} is a text, and has no answers")]
    NoAnswers {
        /// The dataset.
        dataset: String,
    },
    /// A pair whose sides say the same.
    #[error(
        "{dataset}, line {line}: the factual and the hallucinated answer are the same, {answer:?}"
    )]
    SameSides {
        /// The dataset.
        dataset: String,
        /// Where the item is.
        line: usize,
        /// The answer.
        answer: String,
    },
    /// A text of nothing but white space.
    #[error("the text {name} is empty")]
    EmptyText {
        /// The text.
        name: String,
    },
    /// A text with fewer than two tokens.
    #[error("the text {name} has {tokens} tokens; perplexity needs at least 2")]
    ShortText {
        /// The text.
        name: String,
        /// What it has.
        tokens: usize,
    },
    /// Windows that cannot be cut.
    #[error(
        "windows of {window} tokens every {stride} cannot be cut: a window has from 2 tokens to the \
         model's context of {context}, a stride from 1 to the window"
    )]
    Window {
        /// Tokens of a window.
        window: usize,
        /// Tokens from one window to the next.
        stride: usize,
        /// The model's context.
        context: usize,
    },
    /// A template that does not show the item.
    #[error("the template {template:?} lacks {{{field}}}")]
    Template {
        /// As given.
        template: String,
        /// What it must hold.
        field: &'static str,
    },
    /// A confidence level that is none.
    #[error("the confidence level must be between 0 and 1, not {0}")]
    Confidence(f64),
    /// More resamples than any interval needs.
    #[error("at most {most} resamples can be drawn, not {0}", most = MOST_RESAMPLES)]
    Resamples(usize),
    /// No items, or no items at a time.
    #[error("at least one {0} is needed")]
    None(&'static str),
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}
