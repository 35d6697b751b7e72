//! Right answers to a dataset's questions, as a model reads them.

use layerlab_model::Tokenizer;

use crate::{
    Continued, Dataset, EvalError, EvalOptions, Items,
    prompt::{Continuation, Prompting},
};

/// Each item's prompt with its right answer behind it: the first right choice, the first of the answers that count as right, or the
/// name of the class. Prompts are written by the options' templates, as plain text or in a conversation; a beginning that does not fit the
/// context is cut off.
///
/// # Errors
/// When the dataset is a text, or an answer has no tokens of its own or is longer than the context.
pub fn right_answers(
    dataset: &Dataset,
    tokenizer: &Tokenizer,
    context: usize,
    options: &EvalOptions,
) -> Result<Vec<Continued>, EvalError> {
    let prompting = Prompting {
        tokenizer,
        chat: options.chat.as_ref(),
        context,
        dataset: &dataset.name,
        // They are passed whole.
        reads_last: true,
    };
    let question = |question: &str| options.question_template.replace("{question}", question);
    let asked: Vec<(usize, String, &str)> = match &dataset.items {
        Items::Text(_) => {
            return Err(EvalError::NoAnswers {
                dataset: dataset.name.clone(),
            });
        }
        Items::Choices(items) => {
            let right = items.iter().filter_map(|item| {
                let set = item.single.as_ref().or(item.multiple.as_ref())?;
                let mut choices = set.choices.iter().zip(&set.right);
                let (choice, _) = choices.find(|(_, right)| **right)?;
                Some((item.line, question(&item.question), choice.as_str()))
            });
            right.collect()
        }
        Items::Answers(items) => {
            let right = items.iter().filter_map(|item| {
                let answer = item.answers.first()?;
                Some((item.line, question(&item.question), answer.as_str()))
            });
            right.collect()
        }
        Items::Labels(items) => {
            let right = items.iter().map(|item| {
                let prompt = options.text_template.replace("{text}", &item.text);
                (item.line, prompt, item.label.as_str())
            });
            right.collect()
        }
    };
    let continued = asked.iter().map(|(line, prompt, choice)| {
        let continuation = Continuation {
            line: *line,
            prompt,
            choice,
        };
        Ok(prompting.continued(continuation)?.0)
    });
    continued.collect()
}
