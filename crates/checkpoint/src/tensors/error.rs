//! What can be wrong with weight files.

use thiserror::Error;

use super::StoredType;
use crate::{SpecError, config::ConfigError, files::FileError, gguf::GgufError};

/// A checkpoint that cannot be read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A GGUF file cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration describes no decoder that can be run.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// There is no model here.
    #[error(
        "no config.json and no GGUF file in {place}: is it a model folder in Hugging Face layout? {there}"
    )]
    NoConfig {
        /// Where it was looked for.
        place: String,
        /// What there is, as a sentence.
        there: String,
    },
    /// An adapter, which changes a model, in place of the model.
    #[error(
        "{place} is an adapter of {base} (adapter_config.json), not a model: give that model, or merge the adapter into it \
         and save the result"
    )]
    Adapter {
        /// Where it lies.
        place: String,
        /// The model that it changes.
        base: String,
    },
    /// There are no weights that can be read.
    #[error(
        "no model.safetensors, model.safetensors.index.json or GGUF file in {place}; \
         weights in other formats must be converted to safetensors first. {there}"
    )]
    NoWeights {
        /// Where they were looked for.
        place: String,
        /// What there is, as a sentence.
        there: String,
    },
    /// Text in place of weights.
    #[error("{file} holds text (\"{text}\") and no weights; download it again")]
    Text {
        /// The file.
        file: String,
        /// How it begins.
        text: String,
    },
    /// A weight file ends before its data do.
    #[error("{file} is cut short: {found} of its {expected} bytes are there; download it again")]
    Truncated {
        /// The file.
        file: String,
        /// Bytes that the header promises.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// A header that is longer than any, or than its file.
    #[error(
        "{file}: the header claims {length} bytes; the file has {size}, and headers end at 100 MB"
    )]
    HeaderLength {
        /// The file.
        file: String,
        /// The length claimed.
        length: u64,
        /// Size of the file.
        size: u64,
    },
    /// A header that breaks the format.
    #[error("{file}: the safetensors header is malformed: {problem}")]
    Header {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The index of shards breaks the format.
    #[error("{file}: {problem}")]
    Index {
        /// The index.
        file: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The index names a shard that is not there.
    #[error("shard {shard} is named by model.safetensors.index.json but missing")]
    MissingShard {
        /// The shard.
        shard: String,
    },
    /// A tensor is not where the index says.
    #[error("tensor `{name}` is not in {shard}, where the index says it is")]
    MisplacedTensor {
        /// The tensor.
        name: String,
        /// The shard.
        shard: String,
    },
    /// No tensor of that name.
    #[error("tensor `{name}` is not in the checkpoint")]
    NoTensor {
        /// The tensor.
        name: String,
    },
    /// Two shards hold different values under one name.
    #[error(
        "tensor `{name}` is in both {shards}, with different values; which of them counts cannot be told"
    )]
    Ambiguous {
        /// The tensor.
        name: String,
        /// The two shards.
        shards: String,
    },
    /// Two tensors have one name once what wraps a model is left out of it.
    #[error("tensors `{first}` and `{second}` are both `{name}` of the model that was wrapped")]
    WrappedTwice {
        /// A name as stored.
        first: String,
        /// Another.
        second: String,
        /// What both become.
        name: String,
    },
    /// Tensors that the architecture needs are not in the checkpoint.
    #[error("{}", missing(names, *more, hint))]
    MissingTensors {
        /// The first of them.
        names: Vec<String>,
        /// How many more there are.
        more: usize,
        /// Why that may be, as a sentence; empty where nothing is known.
        hint: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error(
        "tensor `{name}` has shape {found:?}, but config.json asks for {expected:?}{}",
        others(*more)
    )]
    TensorShape {
        /// Its name.
        name: String,
        /// What the configuration asks for.
        expected: Vec<usize>,
        /// What the file holds.
        found: Vec<usize>,
        /// How many more have other shapes than they should.
        more: usize,
    },
    /// The weights are quantised, as their names say.
    #[error(
        "the weights are quantised ({scheme}: tensor `{name}`), which cannot be read; \
         read are safetensors of f32, f16 and bf16"
    )]
    Quantised {
        /// What makes such tensors.
        scheme: &'static str,
        /// One of them.
        name: String,
    },
    /// A data type that is not read.
    #[error(
        "tensor `{name}` is stored as {dtype}; read are F32, F16 and BF16, into which quantised or longer weights must be \
         converted first"
    )]
    Dtype {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: StoredType,
    },
    /// Weights that are not numbers.
    #[error(
        "tensor `{name}` holds {count} values of {total} that are not finite (NaN or infinite)"
    )]
    NotFinite {
        /// The tensor.
        name: String,
        /// How many.
        count: usize,
        /// Of how many.
        total: usize,
    },
}

fn missing(names: &[String], more: usize, hint: &str) -> String {
    let (which, are) = match names.len() + more {
        1 => ("tensor", "is"),
        _ => ("tensors", "are"),
    };
    let names = names.join("`, `");
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let because = match hint.is_empty() {
        true => String::new(),
        false => format!(": {hint}"),
    };
    format!("{which} `{names}`{more} {are} missing from the checkpoint{because}")
}

fn others(more: usize) -> String {
    match more {
        0 => String::new(),
        more => format!(", and so it is with {more} more"),
    }
}
