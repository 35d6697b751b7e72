//! Text to token ids and back.

use serde_json::Value;
use thiserror::Error;

use crate::{ModelFiles, files::FileError};

/// A tokenizer that cannot be used.
#[derive(Debug, Error)]
pub enum TokenizerError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The model has none.
    #[error("there is no tokenizer.json in {place}")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// A file breaks its format.
    #[error("{file} cannot be used: {problem}")]
    Malformed {
        /// The file.
        file: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The configuration names a token that the vocabulary lacks.
    #[error("tokenizer_config.json names the {role} `{token}`, which the vocabulary does not have")]
    UnknownToken {
        /// `bos_token`, `eos_token` or `pad_token`.
        role: &'static str,
        /// The token.
        token: String,
    },
    /// The text cannot be encoded, or ids not decoded.
    #[error("the tokenizer failed: {0}")]
    Failed(String),
}

const TOKENIZER: &str = "tokenizer.json";
/// What says which tokens are special.
const CONFIG: &str = "tokenizer_config.json";
/// Where `eos_token_id` is looked for; the first that has it counts.
const STOPS: [&str; 2] = ["generation_config.json", "config.json"];

/// A model's tokenizer, with the special tokens that its configuration names.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
    stops: Vec<u32>,
    bos_rule: BosRule,
    leading_bos: Option<u32>,
}

/// What is done to the BOS of the post-processor. `transformers` rebuilds the post-processor where
/// `tokenizer_config.json` has `add_bos_token`; this gives the same ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BosRule {
    /// The post-processor does as it should.
    Keep,
    /// It adds no BOS, but should.
    Add(u32),
    /// It adds a BOS, but should not.
    Drop,
}

impl Tokenizer {
    /// Reads `tokenizer.json` and, where they are there, `tokenizer_config.json` and what says at
    /// which ids a generated text ends.
    ///
    /// # Errors
    /// When the first is missing, any is malformed, or a named token is not in the vocabulary.
    pub async fn open<F: ModelFiles>(files: &F) -> Result<Self, TokenizerError> {
        let Some(tokenizer) = files.read_small(TOKENIZER).await? else {
            return Err(TokenizerError::Missing {
                place: files.describe(),
            });
        };
        let config = files.read_small(CONFIG).await?;
        let mut opened = Self::from_bytes(&tokenizer, config.as_deref())?;
        for file in STOPS {
            let ids = match files.read_small(file).await? {
                Some(contents) => stop_ids(file, &contents)?,
                None => None,
            };
            if let Some(ids) = ids {
                opened.stops.extend(ids);
                opened.stops.sort_unstable();
                opened.stops.dedup();
                break;
            }
        }
        Ok(opened)
    }

    /// From the contents of `tokenizer.json` and `tokenizer_config.json`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(tokenizer: &[u8], config: Option<&[u8]>) -> Result<Self, TokenizerError> {
        let mut inner = tokenizers::Tokenizer::from_bytes(tokenizer)
            .map_err(|error| malformed(TOKENIZER, error.to_string()))?;
        // Some files carry settings of their training run, which would cut or fill every text.
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| TokenizerError::Failed(error.to_string()))?;
        let config: Value = match config {
            Some(config) => serde_json::from_slice(config)
                .map_err(|error| malformed(CONFIG, error.to_string()))?,
            None => Value::Null,
        };
        let special = |role: &'static str| match named_token(&config, role) {
            Some(token) => match inner.token_to_id(token) {
                Some(id) => Ok(Some(id)),
                None => Err(TokenizerError::UnknownToken {
                    role,
                    token: token.to_owned(),
                }),
            },
            None => Ok(None),
        };
        let bos = special("bos_token")?;
        let add = config.get("add_bos_token").and_then(Value::as_bool);
        let eos = special("eos_token")?;
        let mut opened = Self {
            bos,
            eos,
            stops: eos.into_iter().collect(),
            pad: special("pad_token")?,
            bos_rule: bos_rule(&inner, bos, add)?,
            leading_bos: None,
            inner,
        };
        let frame = opened.encode("", true)?;
        opened.leading_bos = bos.filter(|bos| frame.first() == Some(bos));
        Ok(opened)
    }

    /// Ids of a text. With `special`, the post-processor's special tokens are added, and BOS as
    /// `add_bos_token` says where the configuration has it. A special token that is written out in
    /// the text becomes its id either way.
    ///
    /// # Errors
    /// When the tokenizer cannot encode the text.
    pub fn encode(&self, text: &str, special: bool) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self
            .inner
            .encode_fast(text, special)
            .map_err(|error| TokenizerError::Failed(error.to_string()))?;
        let mut ids = encoding.get_ids().to_vec();
        match self.bos_rule {
            BosRule::Add(bos) if special => ids.insert(0, bos),
            BosRule::Drop if special && ids.first() == self.bos.as_ref() => {
                ids.remove(0);
            }
            _ => {}
        }
        Ok(ids)
    }

    /// The token that the tokenizer puts before a text, if it does.
    pub fn leading_bos(&self) -> Option<u32> {
        self.leading_bos
    }

    /// Ids of a text that a model is to continue: BOS where the tokenizer adds one, and nothing after
    /// the text, whatever the post-processor would add there.
    ///
    /// # Errors
    /// When the tokenizer cannot encode the text.
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let ids = self.encode(text, false)?;
        Ok(self.leading_bos.into_iter().chain(ids).collect())
    }

    /// The same, with where in the text each token ends, in bytes: a token stands for what lies between the end of the
    /// token before it and its own. BOS ends at 0, the last token with the text; of a character that is parted among
    /// tokens, one stands for all of it.
    ///
    /// # Errors
    /// When the tokenizer cannot encode the text.
    pub fn encode_text_with_ends(
        &self,
        text: &str,
    ) -> Result<(Vec<u32>, Vec<usize>), TokenizerError> {
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|error| TokenizerError::Failed(error.to_string()))?;
        let bos = self.leading_bos.into_iter();
        let ids: Vec<u32> = bos
            .clone()
            .chain(encoding.get_ids().iter().copied())
            .collect();
        let mut furthest = 0;
        let ends = bos
            .map(|_| 0)
            .chain(encoding.get_offsets().iter().map(|(_, end)| *end));
        let mut ends: Vec<usize> = ends
            .map(|end| {
                furthest = end.max(furthest).min(text.len());
                furthest
            })
            .collect();
        if let Some(last) = ends.last_mut() {
            *last = text.len();
        }
        Ok((ids, ends))
    }

    /// The text of ids.
    ///
    /// # Errors
    /// When the tokenizer cannot decode them.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, TokenizerError> {
        self.inner
            .decode(ids, skip_special)
            .map_err(|error| TokenizerError::Failed(error.to_string()))
    }

    /// Tokens in the vocabulary, added ones included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Beginning of a text.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// End of a text.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// Ids that end a generated text, in ascending order: EOS and what the model's configuration
    /// adds to it.
    pub fn stops(&self) -> &[u32] {
        &self.stops
    }

    /// Padding; many models have none, and none is needed.
    pub fn pad(&self) -> Option<u32> {
        self.pad
    }
}

/// Compares what the post-processor adds to no text at all with what the configuration asks for.
fn bos_rule(
    tokenizer: &tokenizers::Tokenizer,
    bos: Option<u32>,
    add: Option<bool>,
) -> Result<BosRule, TokenizerError> {
    let (Some(bos), Some(add)) = (bos, add) else {
        return Ok(BosRule::Keep);
    };
    let frame = tokenizer
        .encode_fast("", true)
        .map_err(|error| TokenizerError::Failed(error.to_string()))?;
    let added = frame.get_ids().first() == Some(&bos);
    Ok(match (add, added) {
        (true, false) => BosRule::Add(bos),
        (false, true) => BosRule::Drop,
        _ => BosRule::Keep,
    })
}

/// `eos_token_id` of a configuration, an id or a list of them; none where it has none.
fn stop_ids(file: &'static str, contents: &[u8]) -> Result<Option<Vec<u32>>, TokenizerError> {
    let config: Value =
        serde_json::from_slice(contents).map_err(|error| malformed(file, error.to_string()))?;
    let found = match config.get("eos_token_id") {
        None | Some(Value::Null) => return Ok(None),
        Some(found) => found,
    };
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids = match found {
        Value::Array(ids) => ids.iter().map(id).collect(),
        one => id(one).map(|id| vec![id]),
    };
    match ids {
        Some(ids) => Ok(Some(ids)),
        None => Err(malformed(
            file,
            "`eos_token_id` is neither an id nor a list of ids".into(),
        )),
    }
}

fn malformed(file: &'static str, problem: String) -> TokenizerError {
    TokenizerError::Malformed { file, problem }
}

/// A special token: a text, or an object with its `content`.
fn named_token<'a>(config: &'a Value, role: &str) -> Option<&'a str> {
    let token = config.get(role)?;
    token.as_str().or_else(|| token.get("content")?.as_str())
}
