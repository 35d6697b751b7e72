//! What lies beside the vocabulary.

use serde_json::{Map, Value};

use super::{
    ADDED, CONFIG, MODEL, SPECIAL, TokenizerError, class::Class, error::malformed,
    settings::Settings, without_mark,
};
use crate::{ModelFiles, chat};

pub(super) type Object = Map<String, Value>;

/// The contents of what lies beside the vocabulary.
#[derive(Default)]
pub(super) struct Beside {
    pub config: Option<Object>,
    pub special: Option<Object>,
    pub added: Option<Object>,
    pub model: Option<Object>,
    pub chat: chat::Source,
}

impl Beside {
    /// As files have it; what is not there is none.
    ///
    /// # Errors
    /// When one cannot be read, or is no JSON object.
    pub async fn read<F: ModelFiles>(files: &F) -> Result<Self, TokenizerError> {
        Ok(Self {
            config: object(files, CONFIG).await?,
            special: object(files, SPECIAL).await?,
            added: object(files, ADDED).await?,
            model: object(files, MODEL).await?,
            chat: chat::Source {
                file: files.read_small(chat::FILE).await?,
                ..chat::Source::default()
            },
        })
    }

    pub fn class(&self, is_byte_level: bool) -> Class {
        let text = |object: &Option<Object>, name: &str| {
            let value = object.as_ref()?.get(name)?;
            value.as_str().map(str::to_owned)
        };
        let named =
            text(&self.config, "tokenizer_class").or_else(|| text(&self.model, "tokenizer_class"));
        let model_type = text(&self.model, "model_type");
        Class::choose(model_type.as_deref(), named.as_deref(), is_byte_level)
    }

    /// The chat template, out of what is read for all else.
    pub fn take_chat(&mut self) -> chat::Source {
        let mut source = std::mem::take(&mut self.chat);
        source.configured = self
            .config
            .as_mut()
            .and_then(|config| config.remove(chat::KEY));
        if source.place.is_empty() {
            source.place = CONFIG;
        }
        source
    }

    pub fn settings(self, class: &Class) -> Result<Settings, TokenizerError> {
        let config = self.config.unwrap_or_default();
        Settings::read(config, self.special, self.added, class)
    }
}

/// A file that holds a JSON object; none where there is no such file.
pub(super) async fn object<F: ModelFiles>(
    files: &F,
    name: &'static str,
) -> Result<Option<Object>, TokenizerError> {
    let contents = files.read_small(name).await?;
    contents.map(|contents| parsed(name, &contents)).transpose()
}

pub(super) fn parsed(name: &'static str, contents: &[u8]) -> Result<Object, TokenizerError> {
    serde_json::from_slice(without_mark(contents)).map_err(|error| malformed(name, error))
}
