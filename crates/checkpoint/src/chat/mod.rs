//! A conversation as the text that a chat model was trained to read. How that looks, the model's own chat template says: a
//! small program in the language Jinja, which comes with the tokenizer. It is run as `apply_chat_template` of
//! `transformers` 5 runs it.

mod clock;
mod environment;
mod error;
mod generation;
mod python;
mod source;

use std::collections::BTreeMap;

use minijinja::{Environment, Value, context};

pub use error::ChatError;
pub(crate) use source::{FILE, KEY, Source};

/// Who says something in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Who sets the rules; not every template knows it.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// What one of them says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who.
    pub role: Role,
    /// What.
    pub content: String,
}

impl Message {
    /// `content`, said by `role`.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
        }
    }
}

/// A model's chat template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTemplate {
    source: String,
    /// The file that it was found in.
    place: String,
    /// Special tokens by role, such as `bos_token`.
    tokens: BTreeMap<String, String>,
}

impl ChatTemplate {
    /// A template from `place`, which errors name. `tokens` are the special tokens that it may write, by role such as
    /// `bos_token`.
    ///
    /// # Errors
    /// When it breaks the rules of its language.
    pub fn new(
        place: impl Into<String>,
        source: impl Into<String>,
        tokens: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ChatError> {
        let template = Self {
            source: generation::without_marks(&source.into()),
            place: place.into(),
            tokens: tokens.into_iter().collect(),
        };
        match environment::new().and_then(|language| template.is_parsed(&language)) {
            Ok(()) => Ok(template),
            Err(error) => Err(ChatError::of(&template.place, &error)),
        }
    }

    /// The conversation as text, and then the beginning of the model's answer. The text holds the special tokens, written
    /// out, BOS among them where the template writes it.
    ///
    /// # Errors
    /// When the template refuses the conversation, such as a system message that the model does not know, or fails.
    pub fn render(&self, messages: &[Message]) -> Result<String, ChatError> {
        let message = |message: &Message| {
            Value::from_pairs([
                ("role", Value::from(message.role.name())),
                ("content", Value::from(message.content.as_str())),
            ])
        };
        let given = context! {
            messages => messages.iter().map(message).collect::<Vec<_>>(),
            tools => (),
            documents => (),
            add_generation_prompt => true,
        };
        let tokens = self
            .tokens
            .iter()
            .map(|(role, token)| (role, token.as_str()));
        let tokens = Value::from_pairs(tokens);
        let bytes = messages.iter().map(|message| message.content.len()).sum();
        let rendered = environment::new().and_then(|mut language| {
            language.set_fuel(Some(environment::most_steps(bytes)));
            let template = language.template_from_str(&self.source)?;
            template.render(context! { ..given, ..tokens })
        });
        rendered.map_err(|error| ChatError::of(&self.place, &error))
    }

    /// As it is written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it was found.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether it may write the day's date, so that another day's prompts may differ.
    pub fn may_write_date(&self) -> bool {
        self.source.contains(environment::DATE)
    }

    fn is_parsed(&self, language: &Environment<'_>) -> Result<(), minijinja::Error> {
        language.template_from_str(&self.source).map(|_| ())
    }
}
