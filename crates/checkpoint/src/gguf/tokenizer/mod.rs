//! A tokenizer as `tokenizer.json` and `tokenizer_config.json` would have it, from a GGUF file's metadata.

mod byte_level;
mod pieces;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(super) use byte_level::cutting_of;

use super::{GgufError, metadata::Metadata};
use crate::chat;

/// The vocabulary, in the order of ids.
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
const KIND: &str = "tokenizer.ggml.model";
/// The template of conversations.
pub(crate) const CHAT_TEMPLATE: &str = "tokenizer.chat_template";
const TYPES: &str = "tokenizer.ggml.token_type";
/// What can be done where a tokenizer is not read.
const CURE: &str =
    "put the model's tokenizer.json into one folder with the file and give the folder";
/// llama.cpp's keys for ids, and the roles that `tokenizer_config.json` has for them.
const ROLES: [(&str, &str); 5] = [
    ("bos", "bos_token"),
    ("eos", "eos_token"),
    ("unknown", "unk_token"),
    ("padding", "pad_token"),
    ("mask", "mask_token"),
];

/// What takes the place of files.
pub(crate) struct TokenizerParts {
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// `tokenizer_config.json`.
    pub config: Map<String, Value>,
}

/// How a token came into the vocabulary (`enum llama_token_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Unknown,
    /// Special: never made of text by merging.
    Control,
    /// Found as it stands before text is cut.
    UserDefined,
    /// A filler, no token.
    Unused,
    Byte,
}

/// The vocabulary as it is stored.
struct Vocabulary<'a> {
    texts: Vec<&'a str>,
    kinds: Vec<Kind>,
}

/// What one way of tokenizing makes of the vocabulary.
struct Made {
    /// The model of `tokenizer.json`.
    model: Value,
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    /// What comes before the template that adds BOS and EOS; null if nothing does.
    post_processor: Value,
    /// `tokenizer_class` of `tokenizer_config.json`.
    class: &'static str,
    /// The texts of the tokens, as they are looked for in a text.
    texts: Vec<String>,
    /// Whether special tokens swallow the spaces after them.
    swallows_spaces: fn(&str) -> bool,
    add_space: bool,
    adds_bos: bool,
}

/// The tokenizer; `model_type` is that of the configuration.
///
/// # Errors
/// When the metadata holds none, or one that is not read.
pub(crate) fn tokenizer(
    metadata: &Metadata,
    model_type: Option<&str>,
) -> Result<TokenizerParts, GgufError> {
    let kind = metadata.text(KIND)?.ok_or_else(|| missing(KIND))?;
    let vocabulary = Vocabulary::read(metadata)?;
    let made = match kind {
        "gpt2" => byte_level::made(metadata, &vocabulary, model_type)?,
        "llama" => pieces::made(metadata, &vocabulary, model_type)?,
        found => {
            return Err(GgufError::Unsupported {
                key: KIND.to_owned(),
                found: format!("`{found}`"),
                supported: format!(
                    "read are `gpt2` (BPE of bytes) and `llama` (SentencePiece); {CURE}"
                ),
            });
        }
    };
    let special = Special::read(metadata, &made, vocabulary.texts.len())?;
    let added = added(&made, &vocabulary);
    let config = config(metadata, &made, &special)?;
    let Made {
        model,
        normalizer,
        pre_tokenizer,
        decoder,
        post_processor,
        ..
    } = made;
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
        "post_processor": around(&special, post_processor), "decoder": decoder, "model": model,
    });
    Ok(TokenizerParts {
        // Plain values always have a JSON form.
        tokenizer: serde_json::to_vec(&tokenizer).unwrap_or_default(),
        config,
    })
}

fn missing(key: &str) -> GgufError {
    GgufError::Missing {
        key: key.to_owned(),
        more: ": there is no tokenizer in the file; put the model's tokenizer.json into one folder with the file and give the \
               folder",
    }
}

impl<'a> Vocabulary<'a> {
    fn read(metadata: &'a Metadata) -> Result<Self, GgufError> {
        let texts = metadata.texts(TOKENS)?.ok_or_else(|| missing(TOKENS))?;
        let kinds = match metadata.list_of_numbers(TYPES)? {
            Some(kinds) => kinds.map(Kind::of).collect::<Result<Vec<_>, _>>()?,
            None => vec![Kind::Normal; texts.len()],
        };
        match kinds.len() == texts.len() {
            true => Ok(Self { texts, kinds }),
            false => Err(GgufError::Metadata {
                key: TYPES.to_owned(),
                problem: format!("has {} entries for {} tokens", kinds.len(), texts.len()),
            }),
        }
    }

    /// Ids by text, of all but fillers.
    fn ids(&self, texts: &[String]) -> Result<BTreeMap<String, usize>, GgufError> {
        let mut ids = BTreeMap::new();
        for (id, (text, kind)) in texts.iter().zip(&self.kinds).enumerate() {
            if *kind == Kind::Unused {
                continue;
            }
            if let Some(first) = ids.insert(text.clone(), id) {
                return Err(GgufError::Metadata {
                    key: TOKENS.to_owned(),
                    problem: format!("has `{text}` twice, as tokens {first} and {id}; {CURE}"),
                });
            }
        }
        Ok(ids)
    }
}

impl Kind {
    fn of(number: f64) -> Result<Self, GgufError> {
        Ok(match number as i64 {
            // Undefined, which old converters wrote.
            0 | 1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => {
                return Err(GgufError::Metadata {
                    key: TYPES.to_owned(),
                    problem: format!("has {number}; types are numbers from 1 to 6"),
                });
            }
        })
    }
}

/// Special tokens by role, and which of them are put around a text.
struct Special {
    roles: Vec<(&'static str, String, usize)>,
    adds_bos: bool,
    adds_eos: bool,
}

impl Special {
    fn read(metadata: &Metadata, made: &Made, tokens: usize) -> Result<Self, GgufError> {
        let mut roles = Vec::new();
        for (name, role) in ROLES {
            let key = format!("tokenizer.ggml.{name}_token_id");
            // Some files say that there is none by the largest number.
            let none = |id: &u64| *id == u64::from(u32::MAX);
            let Some(id) = metadata.natural(&key)?.filter(|id| !none(id)) else {
                continue;
            };
            let place = usize::try_from(id).unwrap_or(usize::MAX);
            let text = made.texts.get(place).ok_or_else(|| GgufError::Metadata {
                key,
                problem: format!("is {id}, but the vocabulary has {tokens} tokens"),
            })?;
            roles.push((role, text.clone(), place));
        }
        let flag = |name: &str| metadata.flag(&format!("tokenizer.ggml.add_{name}_token"));
        Ok(Self {
            roles,
            adds_bos: flag("bos")?.unwrap_or(made.adds_bos),
            adds_eos: flag("eos")?.unwrap_or(false),
        })
    }

    fn of(&self, role: &str) -> Option<(&str, usize)> {
        let mut roles = self.roles.iter();
        let (_, text, id) = roles.find(|(name, ..)| *name == role)?;
        Some((text, *id))
    }
}

/// Tokens that are looked for before text is cut.
fn added(made: &Made, vocabulary: &Vocabulary<'_>) -> Vec<Value> {
    let tokens = made.texts.iter().zip(&vocabulary.kinds).enumerate();
    let added = tokens.filter(|(_, (text, kind))| {
        matches!(kind, Kind::Control | Kind::UserDefined | Kind::Unknown) && !text.is_empty()
    });
    let token = |(id, (text, kind)): (usize, (&String, &Kind))| {
        json!({
            "id": id, "content": text, "single_word": false, "lstrip": false,
            "rstrip": (made.swallows_spaces)(text), "normalized": false,
            "special": *kind != Kind::UserDefined,
        })
    };
    added.map(token).collect()
}

/// BOS before and EOS after a text.
fn around(special: &Special, first: Value) -> Value {
    let bos = special.of("bos_token").filter(|_| special.adds_bos);
    let eos = special.of("eos_token").filter(|_| special.adds_eos);
    if bos.is_none() && eos.is_none() {
        return first;
    }
    let text = |id: &str, kind: u8| json!({"Sequence": {"id": id, "type_id": kind}});
    let token =
        |(text, _): (&str, usize), kind: u8| json!({"SpecialToken": {"id": text, "type_id": kind}});
    let framed = |id: &str, kind: u8| {
        let before = bos.map(|bos| token(bos, kind));
        let after = eos.map(|eos| token(eos, kind));
        before.into_iter().chain([text(id, kind)]).chain(after)
    };
    let tokens: Map<String, Value> = bos
        .into_iter()
        .chain(eos)
        .map(|(text, id)| {
            let token = json!({"id": text, "ids": [id], "tokens": [text]});
            (text.to_owned(), token)
        })
        .collect();
    let template = json!({
        "type": "TemplateProcessing", "single": framed("A", 0).collect::<Vec<_>>(),
        "pair": framed("A", 0).chain(framed("B", 1)).collect::<Vec<_>>(), "special_tokens": tokens,
    });
    match first {
        Value::Null => template,
        first => json!({"type": "Sequence", "processors": [first, template]}),
    }
}

fn config(
    metadata: &Metadata,
    made: &Made,
    special: &Special,
) -> Result<Map<String, Value>, GgufError> {
    let mut config = Map::new();
    config.insert("tokenizer_class".to_owned(), made.class.into());
    config.insert("add_prefix_space".to_owned(), made.add_space.into());
    config.insert("legacy".to_owned(), false.into());
    for role in ROLES.map(|(_, role)| role) {
        // A class would fill in what is not said at all.
        let text = special.of(role).map(|(text, _)| text);
        config.insert(role.to_owned(), text.into());
    }
    if let Some(template) = metadata.text(CHAT_TEMPLATE)? {
        config.insert(chat::KEY.to_owned(), template.into());
    }
    Ok(config)
}
