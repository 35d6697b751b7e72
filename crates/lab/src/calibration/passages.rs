//! What losses are taken of: texts, or answers behind their prompts.

use std::{borrow::Cow, collections::BTreeSet};

use layerlab_eval::{Dataset, EvalOptions, right_answers};
use layerlab_model::{Target, Tokenizer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LabError;

/// Sequences, and where in each the tokens begin whose loss counts.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Passages<'a> {
    pub sequences: Cow<'a, [Vec<u32>]>,
    /// One for each sequence, at least 1; every token but the first counts where there are none.
    pub starts: Cow<'a, [usize]>,
}

impl<'a> Passages<'a> {
    /// Texts, all of whose tokens count.
    pub fn of(sequences: &'a [Vec<u32>]) -> Self {
        Self {
            sequences: Cow::Borrowed(sequences),
            starts: Cow::Borrowed(&[]),
        }
    }

    pub fn len(&self) -> usize {
        self.sequences.len()
    }

    /// Parts of so many sequences.
    pub fn chunks(&self, size: usize) -> impl Iterator<Item = Passages<'_>> {
        let chunks = self.sequences.chunks(size).enumerate();
        chunks.map(move |(place, sequences)| {
            let starts = self.starts.iter().skip(place * size).take(sequences.len());
            Passages {
                sequences: Cow::Borrowed(sequences),
                starts: starts.copied().collect(),
            }
        })
    }

    /// The tokens whose loss counts, of a batch of these sequences padded on the right.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets = Target::next_tokens(&self.sequences);
        targets.retain(|target| target.position + 1 >= self.start(target.row));
        targets
    }

    /// How many tokens count, of each sequence.
    pub fn counted(&self) -> impl Iterator<Item = usize> {
        let sequences = self.sequences.iter().enumerate();
        sequences.map(|(row, sequence)| sequence.len().saturating_sub(self.start(row)))
    }

    fn start(&self, row: usize) -> usize {
        self.starts.get(row).copied().unwrap_or(1)
    }
}

/// Right answers to a task's questions, whose loss is measured in place of a text's: what is expendable depends on what a model is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskAnswers {
    /// The datasets, by their names and the SHA-256 of their bytes as hexadecimal.
    pub datasets: Vec<(String, String)>,
    /// Ids of each prompt with its answer.
    pub sequences: Vec<Vec<u32>>,
    /// Where each answer begins.
    pub starts: Vec<usize>,
}

impl TaskAnswers {
    /// Those of every dataset that has questions, as `options` ask them.
    ///
    /// # Errors
    /// When none has, or an answer has no tokens of its own or is longer than the context.
    pub fn of(
        datasets: &[Dataset],
        tokenizer: &Tokenizer,
        context: usize,
        options: &EvalOptions,
    ) -> Result<Self, LabError> {
        let mut found = Self {
            datasets: Vec::new(),
            sequences: Vec::new(),
            starts: Vec::new(),
        };
        for dataset in datasets.iter().filter(|dataset| !dataset.is_text()) {
            let answers = right_answers(dataset, tokenizer, context, options)?;
            let name = (dataset.name.clone(), dataset.sha256.clone());
            found.datasets.push(name);
            for answer in answers {
                found.starts.push(answer.start);
                found.sequences.push(answer.ids);
            }
        }
        match found.sequences.is_empty() {
            true => Err(LabError::NoQuestions),
            false => Ok(found),
        }
    }

    pub(crate) fn passages(&self) -> Passages<'_> {
        Passages {
            sequences: Cow::Borrowed(&self.sequences),
            starts: Cow::Borrowed(&self.starts),
        }
    }

    /// Tokens of the answers.
    pub fn tokens(&self) -> usize {
        self.passages().counted().sum()
    }

    /// Whether they are of a dataset of these bytes.
    pub(crate) fn is_of(&self, sha256: &str) -> bool {
        let known: BTreeSet<&str> = self.datasets.iter().map(|(_, sha)| sha.as_str()).collect();
        known.contains(sha256)
    }
}
