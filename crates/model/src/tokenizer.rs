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

/// What `tokenizer_config.json` says of special tokens.
const CONFIG: &str = "tokenizer_config.json";

/// A model's tokenizer, with the special tokens that its configuration names.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
    /// `add_bos_token`, where the configuration says so: it overrules the post-processor.
    add_bos: Option<bool>,
}

impl Tokenizer {
    /// Reads `tokenizer.json` and, if it is there, `tokenizer_config.json`.
    ///
    /// # Errors
    /// When the first is missing, either is malformed, or a named token is not in the vocabulary.
    pub async fn open<F: ModelFiles>(files: &F) -> Result<Self, TokenizerError> {
        let Some(tokenizer) = files.read_small("tokenizer.json").await? else {
            return Err(TokenizerError::Missing {
                place: files.describe(),
            });
        };
        let config = files.read_small(CONFIG).await?;
        Self::from_bytes(&tokenizer, config.as_deref())
    }

    /// From the contents of `tokenizer.json` and `tokenizer_config.json`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(tokenizer: &[u8], config: Option<&[u8]>) -> Result<Self, TokenizerError> {
        let malformed = |file, problem: String| TokenizerError::Malformed { file, problem };
        let mut inner = tokenizers::Tokenizer::from_bytes(tokenizer)
            .map_err(|error| malformed("tokenizer.json", error.to_string()))?;
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
        Ok(Self {
            bos: special("bos_token")?,
            eos: special("eos_token")?,
            pad: special("pad_token")?,
            add_bos: config.get("add_bos_token").and_then(Value::as_bool),
            inner,
        })
    }

    /// Ids of a text. With `special`, the post-processor's special tokens are added, and BOS as
    /// `add_bos_token` says where the configuration has it.
    ///
    /// # Errors
    /// When the tokenizer cannot encode the text.
    pub fn encode(&self, text: &str, special: bool) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self
            .inner
            .encode_fast(text, special)
            .map_err(|error| TokenizerError::Failed(error.to_string()))?;
        let mut ids = encoding.get_ids().to_vec();
        if let (true, Some(add), Some(bos)) = (special, self.add_bos, self.bos) {
            let has = ids.first() == Some(&bos);
            if add && !has {
                ids.insert(0, bos);
            } else if !add && has {
                ids.remove(0);
            }
        }
        Ok(ids)
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

    /// Padding; many models have none, and none is needed.
    pub fn pad(&self) -> Option<u32> {
        self.pad
    }
}

/// A special token: a text, or an object with its `content`.
fn named_token<'a>(config: &'a Value, role: &str) -> Option<&'a str> {
    let token = config.get(role)?;
    token.as_str().or_else(|| token.get("content")?.as_str())
}
