//! Pairs of a factual and a hallucinated answer to the same prompt.

use layerlab_model::Tokenizer;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{
    Dataset, EvalError, EvalOptions, Items,
    dataset::ChoiceSet,
    metric::normalised,
    prompt::{Continuation, Prompting},
};

/// A prompt with a factual and a hallucinated answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Line of the file.
    pub line: usize,
    /// What questions that must not be parted by a split share.
    pub group: String,
    /// The question.
    pub question: String,
    /// A right answer.
    pub factual: String,
    /// A wrong one.
    pub hallucinated: String,
}

/// A pair as tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPair {
    /// As in [`Pair`].
    pub group: String,
    /// Prompt and factual answer.
    pub factual: Continued,
    /// Prompt and hallucinated answer.
    pub hallucinated: Continued,
}

/// A prompt with what follows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Continued {
    /// Prompt and answer, an answer of at least one token.
    pub ids: Vec<u32>,
    /// The first token of the answer, at least 1.
    pub start: usize,
}

/// One pair for each question of a dataset of choices: its first right answer, and one of the wrong ones drawn by
/// `seed`.
///
/// # Errors
/// When the dataset has no choices, or the two sides of a pair say the same.
pub fn pairs(dataset: &Dataset, seed: u64) -> Result<Vec<Pair>, EvalError> {
    let Items::Choices(items) = &dataset.items else {
        return Err(EvalError::NoPairs {
            dataset: dataset.name.clone(),
        });
    };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut pairs = Vec::with_capacity(items.len());
    for item in items {
        let Some(set) = item.single.as_ref().or(item.multiple.as_ref()) else {
            continue;
        };
        let side = |right: bool| sides(set, right);
        let wrong = side(false);
        // A set of choices has both kinds; the reader makes sure.
        let (Some(&factual), false) = (side(true).first(), wrong.is_empty()) else {
            continue;
        };
        let hallucinated = wrong[random.random_range(0..wrong.len())];
        if normalised(factual) == normalised(hallucinated) {
            return Err(EvalError::SameSides {
                dataset: dataset.name.clone(),
                line: item.line,
                answer: factual.to_owned(),
            });
        }
        pairs.push(Pair {
            line: item.line,
            group: item.group.clone(),
            question: item.question.clone(),
            factual: factual.to_owned(),
            hallucinated: hallucinated.to_owned(),
        });
    }
    Ok(pairs)
}

fn sides(set: &ChoiceSet, wanted: bool) -> Vec<&str> {
    let choices = set.choices.iter().zip(&set.right);
    let wanted = choices.filter(|(_, right)| **right == wanted);
    wanted.map(|(choice, _)| choice.as_str()).collect()
}

/// The pairs as the model reads them: the question by the options' template, as plain text or in a conversation, and the answer. A
/// beginning that does not fit the context is cut off; also says of how many pairs.
///
/// # Errors
/// When an answer has no tokens of its own or is longer than the context.
pub fn tokenise(
    dataset: &str,
    pairs: &[Pair],
    tokenizer: &Tokenizer,
    context: usize,
    options: &EvalOptions,
) -> Result<(Vec<TokenPair>, usize), EvalError> {
    let prompting = Prompting {
        tokenizer,
        chat: options.chat.as_ref(),
        context,
        dataset,
        reads_last: true,
    };
    let mut truncated = 0;
    let tokenised = pairs.iter().map(|pair| {
        let mut is_cut = false;
        let template = &options.question_template;
        let prompt = template.replace("{question}", &pair.question);
        let mut side = |choice: &str| {
            let continued = prompting.continued(Continuation {
                line: pair.line,
                prompt: &prompt,
                choice,
            })?;
            is_cut |= continued.1;
            Ok::<_, EvalError>(continued.0)
        };
        let pair = TokenPair {
            group: pair.group.clone(),
            factual: side(&pair.factual)?,
            hallucinated: side(&pair.hallucinated)?,
        };
        truncated += usize::from(is_cut);
        Ok(pair)
    });
    let tokenised = tokenised.collect::<Result<_, EvalError>>()?;
    Ok((tokenised, truncated))
}
