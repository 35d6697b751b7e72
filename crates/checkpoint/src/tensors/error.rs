//! What can be wrong with weight files.

use thiserror::Error;

use crate::{config::ConfigError, files::FileError};

/// A checkpoint that cannot be read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no model here.
    #[error("no config.json in {place}: is it a model folder in Hugging Face layout?")]
    NoConfig {
        /// Where it was looked for.
        place: String,
    },
    /// There are no weights that can be read.
    #[error(
        "no model.safetensors or model.safetensors.index.json in {place}; \
         weights in other formats must be converted to safetensors first"
    )]
    NoWeights {
        /// Where they were looked for.
        place: String,
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
    /// A data type that is not read.
    #[error("tensor `{name}` is stored as {dtype:?}; read are F32, F16 and BF16")]
    Dtype {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: safetensors::Dtype,
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
