//! A byte-level BPE of the training texts.

use layerlab_model::Tokenizer;
use serde_json::json;
use tokenizers::{
    AddedToken, TokenizerBuilder,
    models::bpe::{BPE, BpeTrainer},
    pre_tokenizers::byte_level::ByteLevel,
    processors::template::TemplateProcessing,
};

use super::TrainError;

/// Begins a text.
pub const BOS: &str = "<s>";
/// Ends a text.
pub const EOS: &str = "</s>";

/// The contents of `tokenizer.json` and `tokenizer_config.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerFiles {
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// `tokenizer_config.json`.
    pub config: Vec<u8>,
}

impl TokenizerFiles {
    /// The tokenizer as models use it.
    ///
    /// # Errors
    /// When it cannot be read back.
    pub fn open(&self) -> Result<Tokenizer, TrainError> {
        Ok(Tokenizer::from_bytes(&self.tokenizer, Some(&self.config))?)
    }
}

/// Learns `vocabulary` tokens, all bytes among them. BOS is added before a text.
///
/// # Errors
/// When there is nothing to learn from.
pub fn train_tokenizer(texts: &[String], vocabulary: usize) -> Result<TokenizerFiles, TrainError> {
    let failed = |error: tokenizers::Error| TrainError::Vocabulary(error.to_string());
    let special = [BOS, EOS].map(|token| AddedToken::from(token, true));
    let mut trainer = BpeTrainer::builder()
        .vocab_size(vocabulary)
        .min_frequency(2)
        .show_progress(false)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(special.to_vec())
        .build();
    let byte_level = ByteLevel::default().add_prefix_space(false);
    let framed = TemplateProcessing::builder()
        .try_single(format!("{BOS} $A"))
        .map_err(TrainError::Vocabulary)?
        .special_tokens(vec![(BOS, 0)])
        .build()
        .map_err(|error| TrainError::Vocabulary(error.to_string()))?;
    let mut tokenizer = TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(None::<tokenizers::NormalizerWrapper>)
        .with_pre_tokenizer(Some(byte_level))
        .with_post_processor(Some(framed))
        .with_decoder(Some(byte_level))
        .build()
        .map_err(failed)?;
    tokenizer
        .train(&mut trainer, texts.iter().map(String::as_str))
        .map_err(failed)?;
    let written = tokenizer.to_string(true).map_err(failed)?;
    let config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "clean_up_tokenization_spaces": false,
    });
    Ok(TokenizerFiles {
        tokenizer: written.into_bytes(),
        config: format!("{config:#}\n").into_bytes(),
    })
}
