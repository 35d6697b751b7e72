//! Which class of `transformers` reads a tokenizer: some classes take only the vocabulary of `tokenizer.json` and bring the
//! way of cutting text along.

use serde_json::{Value, json};

/// What reads the tokenizer, as `AutoTokenizer` of `transformers` 5 chooses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Class {
    /// `TokenizersBackend`, once `PreTrainedTokenizerFast`: `tokenizer.json` as it stands.
    AsItStands,
    /// `GPT2Tokenizer`.
    Gpt2,
    /// `GPTNeoXTokenizer`.
    GptNeoX,
    /// `LlamaTokenizer`.
    Llama,
    /// `GemmaTokenizer`.
    Gemma,
    /// `Qwen2Tokenizer`.
    Qwen2,
    /// One that is not known here.
    Other(String),
}

/// What a class brings along in place of what `tokenizer.json` says.
pub(super) struct Pipeline {
    pub normalizer: Value,
    pub pre_tokenizer: Value,
    pub decoder: Value,
    /// Unknown pieces become one, or their bytes.
    pub by_sentence_piece: bool,
    /// What stands for unknown pieces that have no bytes, the token of that role, must be there.
    pub has_unknown: bool,
}

/// Families whose tokenizer `transformers` reads by this class whatever the folder says: their folders are known to name a
/// wrong one (`MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS`).
const FOLDERS_NAME_A_WRONG_CLASS: [&str; 2] = ["phi3", "qwen2"];

const QWEN2_WORDS: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

impl Class {
    /// As `AutoTokenizer.from_pretrained` of `transformers` 5.24 chooses (`models/auto/tokenization_auto.py`): `named` is
    /// `tokenizer_class` of `tokenizer_config.json`, or of `config.json`.
    pub fn choose(model_type: Option<&str>, named: Option<&str>, is_byte_level: bool) -> Self {
        let family = model_type.and_then(Self::of_family);
        let is_wrong = model_type.is_some_and(|name| FOLDERS_NAME_A_WRONG_CLASS.contains(&name));
        match (family, named.map(Self::of_name)) {
            // Llama 3's folders name the class of Llama 2.
            (_, Some(Self::Llama)) if is_byte_level && !is_wrong => Self::AsItStands,
            (Some(family), Some(_)) if is_wrong => family,
            (Some(Self::AsItStands), _) => Self::AsItStands,
            (_, Some(named)) => named,
            (Some(family), None) => family,
            (None, None) => Self::AsItStands,
        }
    }

    /// The class that is registered for a family (`TOKENIZER_MAPPING_NAMES`); Llama and SmolLM3 have none.
    fn of_family(model_type: &str) -> Option<Self> {
        match model_type {
            "gpt2" | "gpt_neo" | "opt" | "phi" | "starcoder2" => Some(Self::Gpt2),
            "gpt_neox" => Some(Self::GptNeoX),
            "gemma2" | "gemma3_text" => Some(Self::Gemma),
            "granite" | "mistral" | "olmo2" | "phi3" | "stablelm" => Some(Self::AsItStands),
            "qwen2" | "qwen3" => Some(Self::Qwen2),
            _ => None,
        }
    }

    fn of_name(name: &str) -> Self {
        match name.strip_suffix("Fast").unwrap_or(name) {
            "PreTrainedTokenizer" | "TokenizersBackend" | "PythonBackend" => Self::AsItStands,
            "GPT2Tokenizer" => Self::Gpt2,
            "GPTNeoXTokenizer" => Self::GptNeoX,
            "LlamaTokenizer" => Self::Llama,
            "GemmaTokenizer" => Self::Gemma,
            "Qwen2Tokenizer" => Self::Qwen2,
            _ => Self::Other(name.to_owned()),
        }
    }

    /// The name in `transformers`.
    pub fn name(&self) -> &str {
        match self {
            Self::AsItStands => "TokenizersBackend",
            Self::Gpt2 => "GPT2Tokenizer",
            Self::GptNeoX => "GPTNeoXTokenizer",
            Self::Llama => "LlamaTokenizer",
            Self::Gemma => "GemmaTokenizer",
            Self::Qwen2 => "Qwen2Tokenizer",
            Self::Other(name) => name,
        }
    }

    /// The special token of a role where the configuration is silent.
    pub fn usual_token(&self, role: &str) -> Option<&'static str> {
        match (self, role) {
            (Self::Llama, "bos_token") => Some("<s>"),
            (Self::Llama, "eos_token") => Some("</s>"),
            (Self::Llama | Self::Gemma, "unk_token") => Some("<unk>"),
            (Self::Gemma, "bos_token") => Some("<bos>"),
            (Self::Gemma, "eos_token") => Some("<eos>"),
            (Self::Gemma, "pad_token") => Some("<pad>"),
            (Self::Gemma, "mask_token") => Some("<mask>"),
            (Self::GptNeoX, "pad_token") => Some("<|padding|>"),
            (Self::Gpt2 | Self::GptNeoX, "bos_token" | "eos_token" | "unk_token")
            | (Self::Qwen2, "eos_token" | "unk_token" | "pad_token") => Some("<|endoftext|>"),
            _ => None,
        }
    }

    /// Whether the pad token is that of the padding in `tokenizer.json`, where the configuration is silent.
    pub fn takes_pad_of_padding(&self) -> bool {
        matches!(self, Self::AsItStands | Self::Llama | Self::Other(_))
    }

    /// Whether the class builds a byte-level tokenizer of `vocab.json` and `merges.txt`.
    pub fn reads_vocabulary_files(&self) -> bool {
        matches!(self, Self::Gpt2 | Self::GptNeoX | Self::Qwen2)
    }

    /// What the class brings along, if it does. `space_first`: `add_prefix_space` of the configuration, `legacy` likewise.
    pub fn pipeline(&self, space_first: Option<bool>, legacy: bool) -> Option<Pipeline> {
        let nfc = || json!({"type": "NFC"});
        let by_bytes = |use_regex: bool| {
            json!({
                "type": "ByteLevel", "add_prefix_space": space_first.unwrap_or(false),
                "trim_offsets": true, "use_regex": use_regex,
            })
        };
        let bytes = |normalizer, pre_tokenizer| Pipeline {
            normalizer,
            pre_tokenizer,
            decoder: json!({
                "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
            }),
            by_sentence_piece: false,
            has_unknown: false,
        };
        match self {
            Self::AsItStands | Self::Other(_) => None,
            Self::Gpt2 => Some(bytes(Value::Null, by_bytes(true))),
            Self::GptNeoX => Some(bytes(nfc(), by_bytes(true))),
            Self::Qwen2 => {
                let words = json!({
                    "type": "Split", "pattern": {"Regex": QWEN2_WORDS}, "behavior": "Isolated", "invert": false,
                });
                let parts = json!({"type": "Sequence", "pretokenizers": [words, by_bytes(false)]});
                Some(bytes(nfc(), parts))
            }
            Self::Llama => Some(sentence_piece(space_first.unwrap_or(true), legacy)),
            Self::Gemma => Some(gemma()),
        }
    }
}

fn sentence_piece(space_first: bool, legacy: bool) -> Pipeline {
    let scheme = match (space_first, legacy) {
        (false, _) => "never",
        (true, false) => "first",
        (true, true) => "always",
    };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if space_first {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    Pipeline {
        normalizer: Value::Null,
        pre_tokenizer: json!({
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false,
        }),
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        by_sentence_piece: true,
        has_unknown: false,
    }
}

/// Spaces are letters; none is added.
fn gemma() -> Pipeline {
    Pipeline {
        normalizer: json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
        pre_tokenizer: json!({
            "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false,
        }),
        decoder: json!({"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
        ]}),
        by_sentence_piece: true,
        has_unknown: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_families;

    #[test]
    fn every_family_is_looked_up() {
        let without: Vec<_> = known_families()
            .filter(|family| Class::of_family(family).is_none())
            .collect();
        assert_eq!(
            without,
            ["llama", "smollm3"],
            "of TOKENIZER_MAPPING_NAMES, transformers 5.24"
        );
    }
}
