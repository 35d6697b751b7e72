//! Text to token ids and back, with the ids of `transformers` 5.

mod beside;
mod build;
mod class;
mod error;
mod guard;
mod settings;
mod stops;
mod unknown;

use serde_json::Value;

pub use error::TokenizerError;

use crate::{
    ChatError, ChatTemplate, ModelFiles,
    chat::{self, Message},
    gguf,
};
use beside::{Beside, Object, object, parsed};
use build::Built;
use error::{failed, malformed};
use guard::guarded;
use settings::Settings;

/// The file that most tokenizers are.
pub const TOKENIZER: &str = "tokenizer.json";
const VOCABULARY: &str = "vocab.json";
const MERGES: &str = "merges.txt";
/// What says which tokens are special.
const CONFIG: &str = "tokenizer_config.json";
/// The same, from before that did.
const SPECIAL: &str = "special_tokens_map.json";
/// Tokens beside the vocabulary, likewise.
const ADDED: &str = "added_tokens.json";
const MODEL: &str = "config.json";
/// Where `eos_token_id` is looked for; the first that has it counts.
const STOPS: [&str; 2] = ["generation_config.json", MODEL];
/// Other forms of a tokenizer, which are not read.
const OTHER_FORMS: [&str; 5] = [
    VOCABULARY,
    "tokenizer.model",
    "spiece.model",
    "vocab.txt",
    "tekken.json",
];

/// What is read beside the vocabulary, where it is there.
pub const BESIDE: [&str; 4] = [CONFIG, SPECIAL, ADDED, chat::FILE];
/// What is read where there is no [`TOKENIZER`].
pub const VOCABULARY_FILES: [&str; 2] = [VOCABULARY, MERGES];

/// A model's tokenizer, with the special tokens that its configuration names.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
    stops: Vec<u32>,
    leading_bos: Option<u32>,
    /// A template that cannot be used is told of where it is wanted: all else goes without.
    chat: Result<ChatTemplate, ChatError>,
    notes: Vec<String>,
}

impl Tokenizer {
    /// Reads `tokenizer.json`, or `vocab.json` and `merges.txt` where the configuration says how, and what lies beside; where
    /// there are none of them, what the model's GGUF file says of its tokenizer.
    ///
    /// # Errors
    /// When there is no tokenizer that can be read, or a file is malformed.
    pub async fn open<F: ModelFiles>(files: &F) -> Result<Self, TokenizerError> {
        if let Some(model) = Self::gguf(files).await? {
            return Self::from_gguf(&model);
        }
        let beside = Beside::read(files).await?;
        let stops = stops(files, beside.model.as_ref()).await?;
        let mut opened = match files.read_small(TOKENIZER).await? {
            Some(tokenizer) => Self::from_parts(&tokenizer, beside)?,
            None => Self::without_tokenizer_json(files, beside).await?,
        };
        opened.stops.extend(stops);
        opened.stops.sort_unstable();
        opened.stops.dedup();
        Ok(opened)
    }

    /// The model in a GGUF file, where that is what the tokenizer is read from.
    async fn gguf<F: ModelFiles>(files: &F) -> Result<Option<gguf::Model>, TokenizerError> {
        for name in [TOKENIZER, VOCABULARY] {
            if files.size(name).await?.is_some() {
                return Ok(None);
            }
        }
        match gguf::model_of(files).await? {
            Some(parts) => Ok(Some(gguf::open(files, &parts).await?)),
            None => Ok(None),
        }
    }

    fn from_gguf(model: &gguf::Model) -> Result<Self, TokenizerError> {
        let model_type = model.fields.get("model_type").and_then(Value::as_str);
        let parts = gguf::tokenizer(&model.metadata, model_type)?;
        let beside = Beside {
            config: Some(parts.config),
            model: Some(model.fields.clone()),
            chat: chat::Source {
                place: gguf::CHAT_TEMPLATE,
                ..chat::Source::default()
            },
            ..Beside::default()
        };
        let mut opened = Self::from_parts(&parts.tokenizer, beside)?;
        let stops = stops::stop_ids(MODEL, &model.fields)?;
        opened.stops.extend(stops.into_iter().flatten());
        opened.stops.sort_unstable();
        opened.stops.dedup();
        Ok(opened)
    }

    /// From the contents of `tokenizer.json` and `tokenizer_config.json`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(tokenizer: &[u8], config: Option<&[u8]>) -> Result<Self, TokenizerError> {
        let config = config.map(|config| parsed(CONFIG, config)).transpose()?;
        let beside = Beside {
            config,
            ..Beside::default()
        };
        Self::from_parts(tokenizer, beside)
    }

    fn from_parts(tokenizer: &[u8], mut beside: Beside) -> Result<Self, TokenizerError> {
        const BYTE_LEVEL: &[u8] = b"\"ByteLevel\"";
        let tokenizer = without_mark(tokenizer);
        let is_byte_level = tokenizer
            .windows(BYTE_LEVEL.len())
            .any(|window| window == BYTE_LEVEL);
        let class = beside.class(is_byte_level);
        let chat = beside.take_chat();
        let mut settings = beside.settings(&class)?;
        guard::check(tokenizer)?;
        let built = guarded(TOKENIZER, || {
            build::from_tokenizer_json(tokenizer, &class, &mut settings)
        })?;
        let mut opened = Self::of(built, &settings, chat)?;
        let frame = opened.encode("", true)?;
        let adds = |id: Option<u32>| id.is_some_and(|id| frame.contains(&id));
        let (adds_bos, adds_eos) = (opened.leading_bos.is_some(), adds(opened.eos));
        let contradictions = build::contradictions(&settings, adds_bos, adds_eos);
        opened.notes.extend(contradictions);
        Ok(opened)
    }

    async fn without_tokenizer_json<F: ModelFiles>(
        files: &F,
        mut beside: Beside,
    ) -> Result<Self, TokenizerError> {
        let class = beside.class(false);
        let vocabulary = files.read_small(VOCABULARY).await?;
        let merges = files.read_small(MERGES).await?;
        if let (Some(vocabulary), Some(merges)) = (&vocabulary, &merges)
            && class.reads_vocabulary_files()
        {
            let chat = beside.take_chat();
            let settings = beside.settings(&class)?;
            let (vocabulary, merges) = (without_mark(vocabulary), without_mark(merges));
            let built = guarded(VOCABULARY, || {
                build::from_vocabulary(vocabulary, merges, &class, &settings)
            })?;
            return Self::of(built, &settings, chat);
        }
        let place = files.describe();
        let mut found = Vec::new();
        for name in OTHER_FORMS.into_iter().chain([MERGES]) {
            if files.size(name).await?.is_some() {
                found.push(name);
            }
        }
        let cure = match found[..] {
            [] => return Err(TokenizerError::Missing { place }),
            [VOCABULARY, MERGES] => format!(
                "if they are in the manner of GPT-2, put \"tokenizer_class\": \"GPT2Tokenizer\" into {CONFIG}"
            ),
            _ => "make one in Python: from transformers import AutoTokenizer; \
                  AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
                .to_owned(),
        };
        Err(TokenizerError::OtherForm {
            place,
            found: found.join(" and "),
            cure,
        })
    }

    fn of(built: Built, settings: &Settings, chat: chat::Source) -> Result<Self, TokenizerError> {
        let Built { tokenizer, notes } = built;
        let id = |role: &str| {
            let mut named = settings.named.iter();
            let (_, token) = named.find(|(name, _)| name == role)?;
            tokenizer.token_to_id(token.content())
        };
        let (bos, eos, pad) = (id("bos_token"), id("eos_token"), id("pad_token"));
        let tokens = settings.named.iter();
        let tokens = tokens.map(|(role, token)| (role.clone(), token.content().to_owned()));
        let mut opened = Self {
            inner: tokenizer,
            bos,
            eos,
            pad,
            stops: eos.into_iter().collect(),
            leading_bos: None,
            chat: chat.template(tokens),
            notes,
        };
        opened.leading_bos = opened.leading()?;
        Ok(opened)
    }

    /// The token before a text that the text itself has not.
    fn leading(&self) -> Result<Option<u32>, TokenizerError> {
        // A vocabulary may lack any of them.
        for text in ["a", "e", "0", ".", " "] {
            let (with, without) = (self.encode(text, true)?, self.encode(text, false)?);
            if without.is_empty() {
                continue;
            }
            let before = with.windows(without.len()).position(|part| part == without);
            return match before {
                None | Some(0) => Ok(None),
                Some(1) => Ok(with.first().copied()),
                Some(several) => Err(malformed(
                    TOKENIZER,
                    format!(
                        "its post-processor puts {several} tokens before every text, which cannot be run yet"
                    ),
                )),
            };
        }
        let frame = self.encode("", true)?;
        Ok(self.bos.filter(|bos| frame.first() == Some(bos)))
    }

    /// Ids of a text. With `special`, what the tokenizer puts around a text is added. A special token that is written out in
    /// the text becomes its id either way.
    ///
    /// # Errors
    /// When the tokenizer cannot encode the text.
    pub fn encode(&self, text: &str, special: bool) -> Result<Vec<u32>, TokenizerError> {
        guarded(TOKENIZER, || {
            let encoding = self.inner.encode_fast(text, special).map_err(failed)?;
            Ok(encoding.get_ids().to_vec())
        })
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
        let encoding = guarded(TOKENIZER, || self.inner.encode(text, false).map_err(failed))?;
        let bos = self.leading_bos.into_iter();
        let ids = bos.clone().chain(encoding.get_ids().iter().copied());
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
        Ok((ids.collect(), ends))
    }

    /// Ids of a conversation, up to where the model's answer begins, as `apply_chat_template` of `transformers` gives them.
    /// What the tokenizer adds to a text is not added: the template writes it, where it is wanted.
    ///
    /// # Errors
    /// When the model has no chat template, this fails or refuses the conversation, or the tokenizer cannot encode the text.
    pub fn encode_chat(&self, messages: &[Message]) -> Result<Vec<u32>, TokenizerError> {
        self.encode(&self.chat()?.render(messages)?, false)
    }

    /// The model's chat template.
    ///
    /// # Errors
    /// When it has none, or one that cannot be used.
    pub fn chat(&self) -> Result<&ChatTemplate, ChatError> {
        self.chat.as_ref().map_err(Clone::clone)
    }

    /// The text of ids.
    ///
    /// # Errors
    /// When the tokenizer cannot decode them.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, TokenizerError> {
        guarded(TOKENIZER, || {
            self.inner.decode(ids, skip_special).map_err(failed)
        })
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

    /// What should be told of how the files were read: where they contradict each other, and what of them was not used.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// `eos_token_id` of the first file that has it.
async fn stops<F: ModelFiles>(
    files: &F,
    model: Option<&Object>,
) -> Result<Vec<u32>, TokenizerError> {
    let [generation, _] = STOPS;
    let own = object(files, generation).await?;
    for (file, config) in STOPS.into_iter().zip([own.as_ref(), model]) {
        if let Some(config) = config
            && let Some(ids) = stops::stop_ids(file, config)?
        {
            return Ok(ids);
        }
    }
    Ok(Vec::new())
}

/// Editors on Windows put a byte order mark before a text, which is no part of it.
fn without_mark(contents: &[u8]) -> &[u8] {
    contents.strip_prefix(b"\xef\xbb\xbf").unwrap_or(contents)
}
