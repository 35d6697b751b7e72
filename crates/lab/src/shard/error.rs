//! Shards that are none, or do not belong together.

use layerlab_eval::Shard;
use thiserror::Error;

/// What is wrong with shards.
#[derive(Debug, Error)]
pub enum ShardError {
    /// A file that is no shard.
    #[error("{name} holds no shard of an experiment")]
    NoShard {
        /// The file.
        name: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A shard whose numbers cannot be read.
    #[error("what shard {shard} measured cannot be read; it must be made anew")]
    Garbled {
        /// The shard.
        shard: Shard,
    },
    /// No shard at all.
    #[error("there is no shard to merge")]
    Nothing,
    /// Shards of different experiments.
    #[error("{name} is not of the same experiment as {first}: {what}")]
    Other {
        /// The shard that others were held against.
        first: String,
        /// The one that does not belong to it.
        name: String,
        /// How they differ.
        what: String,
    },
    /// A shard that is there twice.
    #[error("{first} and {second} are both shard {shard}; leave one out")]
    Twice {
        /// The shard.
        shard: Shard,
        /// A file of it.
        first: String,
        /// Another.
        second: String,
    },
    /// Shards that are not there.
    #[error("of {of} shards {missing} {} missing: {}", if *missing == 1 { "is" } else { "are" }, list(first, *missing))]
    Missing {
        /// How many.
        missing: usize,
        /// The numbers of the first of them, from 1.
        first: Vec<usize>,
        /// How many there should be.
        of: usize,
    },
    /// More shards than there are parts to do.
    #[error("there are {units} {what} for {of} shards; take {units} shards at most")]
    TooMany {
        /// How many there are.
        units: usize,
        /// Of what.
        what: &'static str,
        /// Shards.
        of: usize,
    },
    /// Shards that decided otherwise what to do.
    #[error(
        "{first} and {name} would remove different layers: their machines measured scores that differ in the last digits; let all \
         shards take the scores of one, which lie where it keeps its finished stages"
    )]
    OtherPlans {
        /// The shard that others were held against.
        first: String,
        /// The one that differs.
        name: String,
    },
}

/// The first of `all` numbers for a sentence.
fn list(first: &[usize], all: usize) -> String {
    let shown: Vec<String> = first.iter().map(ToString::to_string).collect();
    match all.saturating_sub(first.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
