//! Configurations that describe no decoder that can be run.

use thiserror::Error;

use crate::config::ConfigError;

/// A `config.json` that cannot be turned into a decoder.
#[derive(Debug, Error)]
pub enum SpecError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No family of that name is known.
    #[error("unknown architecture `{found}`; known are {known}")]
    UnknownFamily {
        /// `model_type` as found.
        found: String,
        /// What would work.
        known: String,
    },
    /// A model of a kind that is known, and that cannot be run.
    #[error("`{found}` {kind}, which cannot be run; {instead}")]
    OtherKind {
        /// `model_type` as found.
        found: String,
        /// What it is: a clause that begins with a verb.
        kind: &'static str,
        /// What can be run in its place.
        instead: String,
    },
    /// The language model is a part of something larger.
    #[error(
        "`{found}` is no decoder alone: config.json describes its language model (`{inner}`) in `{section}`; \
         save that model by itself, with a configuration of its own"
    )]
    Nested {
        /// `model_type` as found.
        found: String,
        /// The field that holds the language model's configuration.
        section: &'static str,
        /// `model_type` found there.
        inner: String,
    },
    /// A known family with an option that cannot be run.
    #[error("config.json: `{field}` is `{found}`, which cannot be run yet; supported: {supported}")]
    Unsupported {
        /// The field of `config.json`.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would work.
        supported: &'static str,
    },
    /// Two sizes of the configuration contradict each other.
    #[error("config.json: {0}")]
    Inconsistent(String),
}
