//! `gpt2`: BPE of bytes. How text is cut into words before bytes are merged, the file says by a name alone, which llama.cpp
//! knows; here are those names whose meaning in `tokenizer.json` is certain.

use serde_json::{Value, json};

use super::{CURE, Made, Vocabulary};
use crate::gguf::{GgufError, metadata::Metadata};

const NAME: &str = "tokenizer.ggml.pre";
const MERGES: &str = "tokenizer.ggml.merges";

/// Words of Llama 3, and of tokenizers made in the manner of GPT-4's.
const BY_THREE_DIGITS: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The same of Qwen, which takes digits one by one.
const BY_ONE_DIGIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cutting {
    /// GPT-2's words.
    Gpt2,
    /// The same of composed characters (GPT-NeoX and what follows it).
    Composed,
    /// Digits by themselves, then GPT-2's words.
    Digits,
    /// Words of Llama 3, and whole words of the vocabulary are not merged.
    Llama3,
    /// The same, merged.
    ByThreeDigits,
    /// Words of Qwen, of composed characters.
    Qwen2,
}

impl Cutting {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "gpt-2" | "phi-2" => Self::Gpt2,
            "olmo" | "mpt" => Self::Composed,
            "smollm" | "starcoder" | "refact" => Self::Digits,
            "llama-bpe" | "llama3" | "llama-v3" => Self::Llama3,
            "smaug-bpe" | "dbrx" => Self::ByThreeDigits,
            "qwen2" => Self::Qwen2,
            _ => return None,
        })
    }

    /// Of files without a name or with `default`, which the oldest converters wrote, where a family has one way only.
    fn of_family(model_type: Option<&str>) -> Option<Self> {
        match model_type? {
            "gpt2" | "phi" => Some(Self::Gpt2),
            "gpt_neox" => Some(Self::Composed),
            "starcoder2" => Some(Self::Digits),
            "qwen2" | "qwen3" => Some(Self::Qwen2),
            _ => None,
        }
    }

    fn normalizer(self) -> Value {
        match self {
            Self::Composed | Self::Qwen2 => json!({"type": "NFC"}),
            _ => Value::Null,
        }
    }

    fn pre_tokenizer(self, add_space: bool) -> Value {
        let bytes = |use_regex: bool| {
            json!({
                "type": "ByteLevel", "add_prefix_space": add_space, "trim_offsets": true,
                "use_regex": use_regex,
            })
        };
        let split = |regex: &str| {
            json!({
                "type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false,
            })
        };
        let both = |first: Value, second: Value| json!({"type": "Sequence", "pretokenizers": [first, second]});
        match self {
            Self::Gpt2 | Self::Composed => bytes(true),
            Self::Digits => both(
                json!({"type": "Digits", "individual_digits": true}),
                bytes(true),
            ),
            Self::Llama3 | Self::ByThreeDigits => both(split(BY_THREE_DIGITS), bytes(false)),
            Self::Qwen2 => both(split(BY_ONE_DIGIT), bytes(false)),
        }
    }
}

/// llama.cpp's names of ways to cut text that are written, each for one way.
const WRITTEN: [(&str, Cutting); 5] = [
    ("gpt-2", Cutting::Gpt2),
    ("smollm", Cutting::Digits),
    ("llama-bpe", Cutting::Llama3),
    ("smaug-bpe", Cutting::ByThreeDigits),
    ("qwen2", Cutting::Qwen2),
];

/// llama.cpp's name for how a `tokenizer.json` cuts text; none where it has none.
pub(in crate::gguf) fn cutting_of(tokenizer: &Value) -> Option<&'static str> {
    // Where offsets lie is of no consequence to ids.
    let essence = |value: &Value| {
        let mut value = value.clone();
        forget_offsets(&mut value);
        value
    };
    let found = essence(&tokenizer["pre_tokenizer"]);
    let merges_whole = tokenizer["model"]["ignore_merges"] == true;
    let mut ways = WRITTEN.into_iter();
    let way = ways.find(|(_, cutting)| {
        essence(&cutting.pre_tokenizer(false)) == found
            && cutting.normalizer() == tokenizer["normalizer"]
            && (*cutting == Cutting::Llama3) == merges_whole
    });
    way.map(|(name, _)| name)
}

fn forget_offsets(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("trim_offsets");
            fields.values_mut().for_each(forget_offsets);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_offsets),
        _ => {}
    }
}

pub(super) fn made(
    metadata: &Metadata,
    vocabulary: &Vocabulary<'_>,
    model_type: Option<&str>,
) -> Result<Made, GgufError> {
    let name = metadata.text(NAME)?;
    let cutting = match name.filter(|name| *name != "default") {
        Some(name) => Cutting::named(name),
        None => Cutting::of_family(model_type),
    };
    let cutting = cutting.ok_or_else(|| GgufError::Unsupported {
        key: NAME.to_owned(),
        found: name.map_or("not there".to_owned(), |name| format!("`{name}`")),
        supported: format!(
            "how it cuts text into words is not certain, and other words are other ids; {CURE}"
        ),
    })?;
    // GPT-NeoX's class composes characters whatever the file's name for it is.
    let cutting = match (cutting, model_type) {
        (Cutting::Gpt2, Some("gpt_neox")) => Cutting::Composed,
        _ => cutting,
    };
    let add_space = metadata.flag("tokenizer.ggml.add_space_prefix")?;
    let add_space = add_space.unwrap_or(false);
    let texts: Vec<String> = vocabulary
        .texts
        .iter()
        .map(|text| (*text).to_owned())
        .collect();
    let ids = vocabulary.ids(&texts)?;
    Ok(Made {
        model: json!({
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": cutting == Cutting::Llama3, "vocab": ids, "merges": merges(metadata)?,
        }),
        normalizer: cutting.normalizer(),
        pre_tokenizer: cutting.pre_tokenizer(add_space),
        decoder: json!({
            "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
        }),
        post_processor: json!({
            "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true,
        }),
        class: "PreTrainedTokenizerFast",
        texts,
        swallows_spaces: |_| false,
        add_space,
        adds_bos: cutting == Cutting::Llama3,
    })
}

/// Two tokens each, as they are stored: with a space between.
fn merges(metadata: &Metadata) -> Result<Vec<[&str; 2]>, GgufError> {
    let merges = metadata
        .texts(MERGES)?
        .ok_or_else(|| super::missing(MERGES))?;
    let mut pairs = Vec::with_capacity(merges.len());
    for (place, merge) in merges.into_iter().enumerate() {
        match merge.split_once(' ') {
            Some((first, second)) if !second.contains(' ') => pairs.push([first, second]),
            _ => {
                return Err(GgufError::Metadata {
                    key: MERGES.to_owned(),
                    problem: format!("has in entry {place} no two tokens with a space between"),
                });
            }
        }
    }
    Ok(pairs)
}
