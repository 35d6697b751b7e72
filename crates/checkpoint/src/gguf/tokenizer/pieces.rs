//! `llama`: SentencePiece's BPE, whose file has scores in place of merges. The merges are made of them as `transformers` makes
//! them: every way of parting a piece into two others is one, and a better score goes first.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Kind, Made, TOKENS, Vocabulary};
use crate::gguf::{GgufError, metadata::Metadata};

const SCORES: &str = "tokenizer.ggml.scores";
/// What stands for a space.
const SPACE: char = '\u{2581}';
/// Bytes of a piece at most: SentencePiece's own limit is far below, and each is parted at every place.
const LONGEST: usize = 1024;

pub(super) fn made(
    metadata: &Metadata,
    vocabulary: &Vocabulary<'_>,
    model_type: Option<&str>,
) -> Result<Made, GgufError> {
    refuse_other_ways(metadata)?;
    // Spaces that are tokens by themselves are stored as spaces, and come to be looked up as what stands for them.
    let texts: Vec<String> = vocabulary
        .texts
        .iter()
        .zip(&vocabulary.kinds)
        .map(|(text, kind)| match kind {
            Kind::UserDefined => text.replace(' ', &SPACE.to_string()),
            _ => (*text).to_owned(),
        })
        .collect();
    let ids = vocabulary.ids(&texts)?;
    let merges = merges(metadata, vocabulary, &texts)?;
    let is_gemma = model_type.is_some_and(|name| name.starts_with("gemma"));
    let add_space = metadata.flag("tokenizer.ggml.add_space_prefix")?;
    let add_space = add_space.unwrap_or(true);
    let unknown = vocabulary
        .kinds
        .iter()
        .position(|kind| *kind == Kind::Unknown);
    let unknown = unknown.filter(|_| is_gemma).map(|id| &texts[id]);
    let falls_back = vocabulary.kinds.contains(&Kind::Byte);
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if add_space {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let scheme = if add_space { "first" } else { "never" };
    let (normalizer, pre_tokenizer) = match is_gemma {
        true => (
            json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE}),
            json!({
                "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
                "invert": false,
            }),
        ),
        false => (
            Value::Null,
            json!({
                "type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": false,
            }),
        ),
    };
    Ok(Made {
        model: json!({
            "type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": falls_back,
            "ignore_merges": false, "vocab": ids, "merges": merges,
        }),
        normalizer,
        pre_tokenizer,
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        post_processor: Value::Null,
        class: match is_gemma {
            true => "PreTrainedTokenizerFast",
            false => "LlamaTokenizer",
        },
        swallows_spaces: match model_type {
            // Its folders say so, and llama.cpp has it in its code.
            Some("phi3") => |text| !matches!(text, "<unk>" | "<s>" | "<|endoftext|>"),
            _ => |_| false,
        },
        texts,
        add_space,
        adds_bos: true,
    })
}

/// Refuses what only unigram models have.
fn refuse_other_ways(metadata: &Metadata) -> Result<(), GgufError> {
    const TABLE: &str = "tokenizer.ggml.precompiled_charsmap";
    const SPACES: &str = "tokenizer.ggml.remove_extra_whitespaces";
    let changes = match metadata.length(TABLE) {
        Some(1..) => Some((TABLE, "a table of characters")),
        _ => metadata
            .flag(SPACES)?
            .filter(|flag| *flag)
            .map(|_| (SPACES, "true")),
    };
    match changes {
        None => Ok(()),
        Some((key, found)) => Err(GgufError::Unsupported {
            key: key.to_owned(),
            found: found.to_owned(),
            supported: format!("texts are read as they are written; {}", super::CURE),
        }),
    }
}

/// A piece parted into two.
struct Parted<'a> {
    score: f32,
    first: &'a str,
    second: &'a str,
    /// Characters of each.
    lengths: (usize, usize),
}

fn merges<'a>(
    metadata: &Metadata,
    vocabulary: &Vocabulary<'_>,
    texts: &'a [String],
) -> Result<Vec<[&'a str; 2]>, GgufError> {
    let scores = metadata.list_of_numbers(SCORES)?;
    let scores: Vec<f32> = match scores {
        Some(scores) => scores.map(|score| score as f32).collect(),
        None => return Err(super::missing(SCORES)),
    };
    if scores.len() != texts.len() {
        return Err(GgufError::Metadata {
            key: SCORES.to_owned(),
            problem: format!("has {} entries for {} tokens", scores.len(), texts.len()),
        });
    }
    // Only these come to be by merging: special tokens are found before, bytes take the place of what is unknown.
    let merged = texts.iter().zip(&vocabulary.kinds).zip(&scores).enumerate();
    let merged = merged.filter_map(|(id, ((text, kind), score))| match kind {
        // Adding nothing makes a negative zero the other one, which is equal to it.
        Kind::Normal => Some((id, text.as_str(), *score + 0.0)),
        // Converters write another score; SentencePiece has 0, which is the best.
        Kind::UserDefined => Some((id, text.as_str(), 0.0)),
        _ => None,
    });
    let ids: HashMap<&str, usize> = merged.clone().map(|(id, text, _)| (text, id)).collect();
    let mut all: Vec<Parted<'a>> = Vec::new();
    for (_, text, score) in merged {
        if text.len() > LONGEST || score.is_nan() {
            return Err(GgufError::Metadata {
                key: TOKENS.to_owned(),
                problem: format!(
                    "has a piece of {} bytes and score {score}, which is none of SentencePiece's",
                    text.len()
                ),
            });
        }
        let characters = text.chars().count();
        let places = text.char_indices().enumerate().skip(1);
        let mut ways: Vec<(usize, usize, Parted<'a>)> = places
            .filter_map(|(count, (place, _))| {
                let (first, second) = text.split_at(place);
                let parted = Parted {
                    score,
                    first,
                    second,
                    lengths: (count, characters - count),
                };
                Some((*ids.get(first)?, *ids.get(second)?, parted))
            })
            .collect();
        ways.sort_by_key(|(first, second, _)| (*first, *second));
        all.extend(ways.into_iter().map(|(.., parted)| parted));
    }
    // The best score first, then the longer parts; among equals the order of ids stays.
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.lengths.cmp(&a.lengths)));
    let pairs = all.into_iter().map(|parted| [parted.first, parted.second]);
    Ok(pairs.collect())
}
