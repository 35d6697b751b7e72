//! What the files beside `tokenizer.json` say of special tokens, in the order and with the precedence of `transformers` 5
//! (`PreTrainedTokenizerBase._from_pretrained`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tokenizers::AddedToken;

use super::{ADDED, CONFIG, SPECIAL, TokenizerError, class::Class, error::malformed};

/// The roles that every tokenizer may fill.
const ROLES: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];
/// More special tokens, under the old and the new name.
const MORE: [&str; 2] = ["additional_special_tokens", "extra_special_tokens"];

type Object = Map<String, Value>;

/// A special token as it is written: a text, or an object with flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Text(String),
    Object {
        token: AddedToken,
        /// Special tokens are found before the text is normalised, where the object does not say.
        says_normalized: bool,
    },
}

impl From<AddedToken> for Token {
    fn from(token: AddedToken) -> Self {
        Self::Object {
            token,
            says_normalized: true,
        }
    }
}

impl Token {
    pub fn content(&self) -> &str {
        match self {
            Self::Text(content) => content,
            Self::Object { token, .. } => &token.content,
        }
    }

    /// As it is added to the vocabulary; a token with a role is special whatever its object says.
    pub fn added(&self, has_role: bool) -> AddedToken {
        match self {
            Self::Text(content) => AddedToken::from(content.clone(), true),
            Self::Object {
                token,
                says_normalized,
            } => {
                let mut token = token.clone();
                token.special |= has_role;
                if !says_normalized {
                    token.normalized = !token.special;
                }
                token
            }
        }
    }

    fn read(file: &'static str, name: &str, value: &Value) -> Result<Self, TokenizerError> {
        let object = match value {
            Value::String(content) => return Ok(Self::Text(content.clone())),
            Value::Object(object) => object,
            _ => return Err(not_a_token(file, name)),
        };
        let content = object.get("content").and_then(Value::as_str);
        let flag = |name: &str| object.get(name).and_then(Value::as_bool);
        let token = AddedToken {
            content: content.ok_or_else(|| not_a_token(file, name))?.to_owned(),
            single_word: flag("single_word").unwrap_or(false),
            lstrip: flag("lstrip").unwrap_or(false),
            rstrip: flag("rstrip").unwrap_or(false),
            normalized: flag("normalized").unwrap_or(false),
            // That file names special tokens only.
            special: file == SPECIAL || flag("special").unwrap_or(false),
        };
        Ok(Self::Object {
            token,
            says_normalized: flag("normalized").is_some(),
        })
    }
}

fn not_a_token(file: &'static str, name: &str) -> TokenizerError {
    malformed(
        file,
        format!("`{name}` is neither a text nor an object with `content`"),
    )
}

/// What is asked for beside the vocabulary.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// By role, `bos_token` first.
    pub named: Vec<(String, Token)>,
    /// Whether no file and no class says anything of a pad token, not even that there is none.
    pub pad_is_open: bool,
    /// Special tokens without a role.
    pub more: Vec<Token>,
    /// Tokens with the ids that they had when the tokenizer was saved, beside those of `tokenizer.json`.
    pub added: BTreeMap<u64, Token>,
    /// Whether `added` takes the place of those of `tokenizer.json`.
    pub is_complete: bool,
    pub add_bos: Option<bool>,
    pub add_eos: Option<bool>,
    pub add_prefix_space: Option<bool>,
    pub legacy: bool,
    /// Special tokens that are written out in a text are text.
    pub split_special: bool,
}

impl Settings {
    /// From the contents of `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`.
    ///
    /// # Errors
    /// When one says something of a token that cannot be understood.
    pub fn read(
        mut config: Object,
        map: Option<Object>,
        old_added: Option<Object>,
        class: &Class,
    ) -> Result<Self, TokenizerError> {
        let [old_more, more] = MORE;
        let is_empty = |value: Option<&Value>| match value {
            None | Some(Value::Null) => true,
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::Object(object)) => object.is_empty(),
            _ => false,
        };
        if is_empty(config.get(more))
            && let Some(old) = config.remove(old_more)
        {
            config.insert(more.to_owned(), old);
        }
        let mut settings = Self {
            add_bos: flag(&config, "add_bos_token")?,
            add_eos: flag(&config, "add_eos_token")?,
            add_prefix_space: flag(&config, "add_prefix_space")?,
            legacy: flag(&config, "legacy")?.unwrap_or(false),
            split_special: flag(&config, "split_special_tokens")?.unwrap_or(false),
            ..Self::default()
        };
        // Where the configuration lists what was added, the older files beside it say nothing.
        let sources = match config.get("added_tokens_decoder") {
            Some(Value::Object(listed)) => {
                settings.is_complete = true;
                for (id, token) in listed {
                    let place = id.parse().map_err(|_| {
                        malformed(
                            CONFIG,
                            format!("`added_tokens_decoder` names `{id}`, which is no id"),
                        )
                    })?;
                    let name = format!("added_tokens_decoder.{id}");
                    settings
                        .added
                        .insert(place, Token::read(CONFIG, &name, token)?);
                }
                vec![(CONFIG, config)]
            }
            Some(_) => return Err(malformed(CONFIG, "`added_tokens_decoder` is not an object")),
            None => {
                let map = map.map(|map| (SPECIAL, map));
                std::iter::once((CONFIG, config)).chain(map).collect()
            }
        };
        settings.read_special(&sources, class)?;
        if !settings.is_complete
            && let Some(old_added) = old_added
        {
            settings.read_added(&old_added)?;
        }
        Ok(settings)
    }

    /// Later sources go before earlier ones.
    fn read_special(
        &mut self,
        sources: &[(&'static str, Object)],
        class: &Class,
    ) -> Result<(), TokenizerError> {
        let find = |name: &str| {
            let mut later_first = sources.iter().rev();
            later_first.find_map(|(file, fields)| Some((*file, fields.get(name)?)))
        };
        for role in ROLES {
            match find(role) {
                Some((_, Value::Null)) => {}
                Some((file, value)) => self.name(file, role, value)?,
                None => match class.usual_token(role) {
                    Some(token) => self
                        .named
                        .push((role.to_owned(), Token::Text(token.to_owned()))),
                    None => self.pad_is_open |= role == "pad_token" && class.takes_pad_of_padding(),
                },
            }
        }
        // A model may have roles of its own; texts of the configuration come after all else.
        let own = sources.iter().flat_map(|(file, fields)| {
            let is_own = |name: &str| name.ends_with("_token") && !ROLES.contains(&name);
            let own = fields.iter().filter(move |(name, _)| is_own(name));
            own.map(move |(name, value)| (*file, name, value))
        });
        let (last, first): (Vec<_>, Vec<_>) =
            own.partition(|(file, _, value)| *file == CONFIG && value.is_string());
        for (file, name, value) in first.into_iter().chain(last) {
            if value.is_string() || value.is_object() {
                self.name(file, name, value)?;
            }
        }
        let [old_more, more] = MORE;
        let has_more = sources
            .first()
            .is_some_and(|(_, config)| config.contains_key(more));
        for (file, fields) in sources {
            let old = fields.get(old_more).filter(|_| !has_more);
            match fields.get(more).or(old) {
                None | Some(Value::Null) => {}
                Some(Value::Array(tokens)) => {
                    for token in tokens {
                        let token = Token::read(file, more, token)?;
                        if !self.more.contains(&token) {
                            self.more.push(token);
                        }
                    }
                }
                Some(Value::Object(tokens)) => {
                    for (name, token) in tokens {
                        self.name(file, name, token)?;
                    }
                }
                Some(_) => return Err(malformed(file, format!("`{more}` is no list"))),
            }
        }
        Ok(())
    }

    fn name(
        &mut self,
        file: &'static str,
        role: &str,
        value: &Value,
    ) -> Result<(), TokenizerError> {
        let token = Token::read(file, role, value)?;
        match self.named.iter_mut().find(|(name, _)| name == role) {
            Some((_, named)) => *named = token,
            None => self.named.push((role.to_owned(), token)),
        }
        Ok(())
    }

    /// `added_tokens.json`: ids by content.
    fn read_added(&mut self, old_added: &Object) -> Result<(), TokenizerError> {
        for (content, id) in old_added {
            let id = id.as_u64().ok_or_else(|| {
                malformed(ADDED, format!("the id of `{content}` is no whole number"))
            })?;
            let mut special = self.named.iter().map(|(_, token)| token).chain(&self.more);
            let is_special = special.any(|token| token.content() == content);
            let token = AddedToken::from(content.clone(), is_special);
            self.added.insert(id, token.into());
        }
        Ok(())
    }
}

/// True, false, or nothing said.
fn flag(config: &Object, name: &str) -> Result<Option<bool>, TokenizerError> {
    match config.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(malformed(
            CONFIG,
            format!("`{name}` is neither true nor false"),
        )),
    }
}
