//! Experiments in parts, each on a machine of its own, and the one report that comes of them.
//!
//! A shard does its part of the sequences (scoring), of the items and windows (evaluating), of the pairs (locating), or of the plans
//! (pruning, for which every shard scores all layers itself). What starts the shards is somebody else's program. What a shard found
//! is a [`ShardDocument`]; [`merge_shards`] makes the report of all of them, for which no model is needed.

mod document;
mod error;
mod evaluated;
mod inputs;
mod located;
mod merge;
mod packed;
mod pruned;
mod scored;
mod task;

pub use document::ShardDocument;
pub use error::ShardError;
pub use evaluated::evaluate_shard;
pub use inputs::Inputs;
pub use located::locate_shard;
pub use merge::{NamedShard, merge_shards};
pub use pruned::{PruneShard, prune_shard};
pub use scored::score_shard;
pub use task::ShardTask;
pub(crate) use task::enough;
