//! Where a model's chat template lies: in a file of its own, in `tokenizer_config.json`, or in a GGUF file's metadata.

use serde_json::Value;

use super::{ChatError, ChatTemplate};

/// The file of its own, which goes before the configuration.
pub(crate) const FILE: &str = "chat_template.jinja";
/// Where it is in `tokenizer_config.json`.
pub(crate) const KEY: &str = "chat_template";
/// Which of several is taken where nothing else is asked for.
const DEFAULT: &str = "default";

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// The contents of [`FILE`].
    pub file: Option<Vec<u8>>,
    /// What the tokenizer's configuration has as [`KEY`].
    pub configured: Option<Value>,
    /// What that configuration is called.
    pub place: &'static str,
}

impl Source {
    /// The template, which may write the special `tokens`, by role.
    ///
    /// # Errors
    /// When there is none, or what is there cannot be used.
    pub fn template(
        self,
        tokens: impl IntoIterator<Item = (String, String)>,
    ) -> Result<ChatTemplate, ChatError> {
        if let Some(contents) = self.file {
            let source = String::from_utf8(contents)
                .map_err(|_| malformed(FILE, "it is no text in UTF-8"))?;
            return ChatTemplate::new(FILE, source, tokens);
        }
        let source = match self.configured {
            None | Some(Value::Null) => return Err(ChatError::Missing),
            Some(Value::String(source)) => source,
            Some(Value::Array(several)) => named_default(&several, self.place)?,
            Some(_) => {
                let problem = format!("`{KEY}` is neither a text nor a list");
                return Err(malformed(self.place, problem));
            }
        };
        ChatTemplate::new(self.place, source, tokens)
    }
}

/// The one of several that is taken where nothing else is asked for.
fn named_default(several: &[Value], place: &str) -> Result<String, ChatError> {
    let mut names = Vec::new();
    for one in several {
        let text = |name: &str| one.get(name).and_then(Value::as_str);
        let (Some(name), Some(source)) = (text("name"), text("template")) else {
            let problem = format!("`{KEY}` lists something without `name` and `template`");
            return Err(malformed(place, problem));
        };
        if name == DEFAULT {
            return Ok(source.to_owned());
        }
        names.push(name);
    }
    let names = names.join(", ");
    let problem = format!("of those in `{KEY}` ({names}) none is called `{DEFAULT}`");
    Err(malformed(place, problem))
}

fn malformed(place: &str, problem: impl Into<String>) -> ChatError {
    ChatError::Malformed {
        place: place.to_owned(),
        problem: problem.into(),
    }
}
