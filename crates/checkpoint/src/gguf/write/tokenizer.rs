//! A tokenizer as a GGUF file has it: of `tokenizer.json`, or as another file has it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{GgufWriteError, pairs::Pairs};
use crate::{
    Tokenizer,
    gguf::{
        metadata::Metadata,
        tokenizer::{CHAT_TEMPLATE, TOKENS, cutting_of},
    },
};

/// Keys about a model that are its own and no other's.
const OWN: [&str; 6] = [
    "general.architecture",
    "general.alignment",
    "general.file_type",
    "general.quantization_version",
    "general.size_label",
    "general.parameter_count",
];
/// Types of tokens.
const NORMAL: i32 = 1;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;

/// Carries over what another file says of the model in general and of its tokenizer.
///
/// # Errors
/// When its vocabulary is not as long as this model's.
pub(super) fn carry_over(
    metadata: &Metadata,
    vocabulary: usize,
    pairs: &mut Pairs,
) -> Result<(), GgufWriteError> {
    let tokens = metadata.length(TOKENS);
    if tokens != Some(vocabulary as u64) {
        let tokens = tokens.unwrap_or(0);
        return Err(GgufWriteError::Like {
            problem: format!("its vocabulary has {tokens} tokens, this model's has {vocabulary}"),
        });
    }
    for (key, stored) in metadata.stored() {
        let is_general = key.starts_with("general.") && !OWN.contains(&key);
        if is_general || key.starts_with("tokenizer.") {
            pairs.carried(stored);
        }
    }
    Ok(())
}

/// Writes the tokenizer of `tokenizer.json`, where that is BPE of bytes; `tokenizer` is the same, ready for use.
///
/// # Errors
/// When it is of another kind, or cuts text in a way that llama.cpp has no name for.
pub(super) fn write(
    json: &Value,
    tokenizer: &Tokenizer,
    vocabulary: usize,
    pairs: &mut Pairs,
) -> Result<(), GgufWriteError> {
    let refused = |problem: &str| GgufWriteError::Tokenizer {
        problem: problem.to_owned(),
    };
    let model = &json["model"];
    if model["type"] != "BPE" || model["byte_fallback"] == true {
        return Err(refused("it is not BPE of bytes"));
    }
    let pre = cutting_of(json)
        .ok_or_else(|| refused("llama.cpp has no name for how it cuts text into words"))?;
    let mut tokens: BTreeMap<usize, (&str, i32)> = BTreeMap::new();
    let id = |id: &Value| id.as_u64().and_then(|id| usize::try_from(id).ok());
    let known = model["vocab"].as_object().into_iter().flatten();
    for (text, place) in known {
        let place = id(place).ok_or_else(|| refused("its vocabulary has an id that is none"))?;
        tokens.insert(place, (text, NORMAL));
    }
    for token in json["added_tokens"].as_array().into_iter().flatten() {
        let kind = match token["special"] == true {
            true => CONTROL,
            false => USER_DEFINED,
        };
        if let (Some(place), Some(text)) = (id(&token["id"]), token["content"].as_str()) {
            tokens.insert(place, (text, kind));
        }
    }
    if tokens.keys().any(|place| *place >= vocabulary) {
        return Err(refused("it has more tokens than the model has embeddings"));
    }
    let fillers: Vec<String> = (0..vocabulary)
        .map(|place| format!("[PAD{place}]"))
        .collect();
    let (texts, kinds): (Vec<&str>, Vec<i32>) = (0..vocabulary)
        .map(|place| {
            let filler = (fillers[place].as_str(), UNUSED);
            tokens.get(&place).copied().unwrap_or(filler)
        })
        .unzip();
    let merges = model["merges"].as_array().into_iter().flatten();
    let merges = merges.map(|merge| match merge {
        Value::String(merge) => Some(merge.clone()),
        Value::Array(pair) => Some(format!(
            "{} {}",
            pair.first()?.as_str()?,
            pair.get(1)?.as_str()?
        )),
        _ => None,
    });
    let merges: Option<Vec<String>> = merges.collect();
    let merges = merges.ok_or_else(|| refused("its merges are no pairs of tokens"))?;
    pairs.text("tokenizer.ggml.model", "gpt2");
    pairs.text("tokenizer.ggml.pre", pre);
    pairs.texts(TOKENS, texts.into_iter());
    pairs.kinds("tokenizer.ggml.token_type", &kinds);
    pairs.texts("tokenizer.ggml.merges", merges.iter().map(String::as_str));
    for (name, id) in [
        ("bos", tokenizer.bos()),
        ("eos", tokenizer.eos()),
        ("padding", tokenizer.pad()),
    ] {
        if let Some(id) = id {
            pairs.natural(&format!("tokenizer.ggml.{name}_token_id"), id);
        }
    }
    let adds_bos = tokenizer.leading_bos().is_some();
    pairs.flag("tokenizer.ggml.add_bos_token", adds_bos);
    if let Ok(chat) = tokenizer.chat() {
        pairs.text(CHAT_TEMPLATE, chat.source());
    }
    Ok(())
}
