//! Kinds of models in GGUF files, as data: what `config.json` says of each, and what its tensors are called there.
//!
//! To add one: a line in [`ARCHITECTURES`], with a table of names and a function that fills the configuration. Its keys are
//! those of `transformers`, so that the family that reads them need not know of GGUF.

mod gemma;
mod names;
mod others;
mod rope;
mod source;

use serde_json::{Map, Value};

pub(super) use names::{Change, Names, renamed};
pub(super) use rope::FACTOR_TENSORS;
pub(super) use source::Source;

use super::{GgufError, metadata::Metadata};

type Fields = Map<String, Value>;

/// One kind of model.
pub(super) struct Architecture {
    /// `general.architecture`.
    pub name: &'static str,
    /// Names of tensors.
    pub names: Names,
    /// What `config.json` says.
    pub config: fn(&Source<'_>) -> Result<Fields, GgufError>,
}

/// Every kind that is read.
const ARCHITECTURES: &[Architecture] = &[
    others::LLAMA,
    others::QWEN2,
    others::QWEN3,
    others::GPT2,
    others::GPT_NEOX,
    others::STABLELM,
    others::PHI2,
    others::PHI3,
    others::OLMO2,
    others::SMOLLM3,
    others::GRANITE,
    others::STARCODER2,
    gemma::GEMMA2,
    gemma::GEMMA3,
];

/// The kind of model that a file holds.
///
/// # Errors
/// When it says none, or one that is not read.
pub(super) fn of(metadata: &Metadata) -> Result<&'static Architecture, GgufError> {
    const KEY: &str = "general.architecture";
    const TYPE: &str = "general.type";
    let found = metadata.text(KEY)?.ok_or_else(|| GgufError::Missing {
        key: KEY.to_owned(),
        more: "",
    })?;
    if let Some(kind) = metadata.text(TYPE)?.filter(|kind| *kind != "model") {
        return Err(GgufError::Unsupported {
            key: TYPE.to_owned(),
            found: kind.to_owned(),
            supported: "read are files of type `model`".to_owned(),
        });
    }
    let named = ARCHITECTURES.iter().find(|one| one.name == found);
    named.ok_or_else(|| GgufError::Architecture {
        found: found.to_owned(),
        why: why_not(found),
    })
}

/// The kind of model of that name.
pub(super) fn named(name: &str) -> Option<&'static Architecture> {
    ARCHITECTURES.iter().find(|one| one.name == name)
}

/// Why an architecture is not read.
fn why_not(found: &str) -> String {
    let is = |parts: &[&str]| parts.iter().any(|part| found.contains(part));
    let reason = match found {
        "llama4" => "a mixture of experts with attention in chunks",
        "clip" | "mmproj" => "the part of a model that sees pictures, not its language model",
        "t5" | "t5encoder" | "bert" | "nomic-bert" | "jina-bert-v2" | "modern-bert" => {
            "no decoder alone"
        }
        _ if is(&["moe", "deepseek", "grok", "dbrx", "mixtral", "gpt-oss"]) => {
            "a mixture of experts"
        }
        _ if is(&[
            "mamba",
            "rwkv",
            "jamba",
            "hybrid",
            "lfm",
            "falcon-h1",
            "nemotron_h",
        ]) =>
        {
            "a model with recurrent layers"
        }
        _ => "not known here",
    };
    let known: Vec<&str> = ARCHITECTURES.iter().map(|one| one.name).collect();
    format!("it is {reason}; read are {}", known.join(", "))
}
