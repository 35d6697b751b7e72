//! How a prompt is put before a model: as plain text, or in a conversation by the model's chat template.

use layerlab_model::{
    Tokenizer,
    chat::{Message, Role},
    tokenizer::TokenizerError,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Continued, EvalError};

/// That prompts are asked in a conversation, which the model's chat template writes: each is what the user says, and the answer
/// what the model says next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatOptions {
    /// What the system says before; nothing if none, or what the template itself has for that.
    #[serde(default)]
    pub system: Option<String>,
}

impl ChatOptions {
    /// The conversation in which the user says `prompt`.
    pub fn messages(&self, prompt: &str) -> Vec<Message> {
        let system = self.system.iter();
        let system = system.map(|system| Message::new(Role::System, system.as_str()));
        system.chain([Message::new(Role::User, prompt)]).collect()
    }
}

/// A prompt with a choice.
pub(crate) struct Continuation<'a> {
    pub line: usize,
    pub prompt: &'a str,
    pub choice: &'a str,
}

/// What turns prompts and choices into tokens.
#[derive(Clone, Copy)]
pub(crate) struct Prompting<'a> {
    pub tokenizer: &'a Tokenizer,
    pub chat: Option<&'a ChatOptions>,
    pub context: usize,
    pub dataset: &'a str,
    /// Whether the model reads the last token too, whose hidden state is wanted, or only predicts it.
    pub reads_last: bool,
}

impl Prompting<'_> {
    /// Ids of a prompt that a model is to answer.
    pub fn prompt(&self, prompt: &str) -> Result<Vec<u32>, TokenizerError> {
        match self.chat {
            Some(chat) => self.tokenizer.encode_chat(&chat.messages(prompt)),
            None => self.tokenizer.encode_text(prompt),
        }
    }

    /// Tokenises prompt and choice as one text: the choice's tokens are those beyond the prompt's own, as
    /// lm-evaluation-harness has it, and a space is between them. In a conversation there is none: what the template writes
    /// before an answer is part of the prompt, and the choice follows. Also says whether the prompt had to be cut.
    pub fn continued(
        &self,
        Continuation {
            line,
            prompt,
            choice,
        }: Continuation<'_>,
    ) -> Result<(Continued, bool), EvalError> {
        let (dataset, context) = (self.dataset.to_owned(), self.context);
        let (start, mut ids) = match self.chat {
            Some(chat) => {
                let template = self.tokenizer.chat().map_err(TokenizerError::from)?;
                let asked = template.render(&chat.messages(prompt));
                let asked = asked.map_err(TokenizerError::from)?;
                let start = self.tokenizer.encode(&asked, false)?.len();
                (start, self.tokenizer.encode(&(asked + choice), false)?)
            }
            None => {
                let start = self.tokenizer.encode_text(prompt)?.len();
                let text = format!("{prompt} {choice}");
                (start, self.tokenizer.encode_text(&text)?)
            }
        };
        let tokens = ids.len().saturating_sub(start);
        // A prompt of no tokens has nothing to predict the first one from.
        if tokens == 0 || start == 0 || choice.trim().is_empty() {
            let choice = choice.to_owned();
            return Err(EvalError::EmptyChoice {
                dataset,
                line,
                choice,
            });
        }
        let longest = context + usize::from(!self.reads_last);
        // The first token of a choice is predicted from one before it.
        if tokens >= longest {
            return Err(EvalError::LongAnswer {
                dataset,
                line,
                tokens,
                context,
            });
        }
        let surplus = ids.len().saturating_sub(longest);
        ids.drain(..surplus);
        let start = start - surplus;
        Ok((Continued { ids, start }, surplus > 0))
    }

    /// Whether prompts begin with BOS: the tokenizer adds it to plain text, and a chat template writes it, or does not.
    pub fn begins_with_bos(&self) -> Result<bool, TokenizerError> {
        match self.chat {
            Some(_) => {
                let first = self.prompt("?")?.first().copied();
                Ok(first.is_some() && first == self.tokenizer.bos())
            }
            None => Ok(self.tokenizer.leading_bos().is_some()),
        }
    }
}
