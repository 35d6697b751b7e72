//! What one shard found, as a file.

use layerlab_eval::{EvalOptions, Shard};
use layerlab_score::{Plan, ScoreOptions};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{Inputs, ShardError, packed::Packed};
use crate::{LocateRequest, LocatedDataset, Report};

/// Name and version of the format.
const SCHEMA: &str = "layerlab-shard/1";

/// One shard of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardDocument {
    #[serde(deserialize_with = "this_schema")]
    schema: String,
    pub(super) shard: Shard,
    pub(super) inputs: Inputs,
    /// What is known of model and device; of pruned models, what was found of this shard's.
    pub(super) report: Report,
    pub(super) found: Found,
}

/// What is merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "experiment", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Found {
    Score {
        options: ScoreOptions,
        /// [`Measured`](crate::Measured) of these sequences.
        measured: Packed,
    },
    Evaluate {
        options: EvalOptions,
    },
    Locate {
        request: LocateRequest,
        /// What is known of each dataset, its taps not contrasted yet.
        datasets: Vec<LocatedDataset>,
        /// The pairs of each and their statistics.
        pairs: Packed,
    },
    Run {
        /// Those of all shards.
        plans: Vec<Plan>,
    },
}

fn this_schema<'de, D: Deserializer<'de>>(found: D) -> Result<String, D::Error> {
    let found = String::deserialize(found)?;
    match found == SCHEMA {
        true => Ok(found),
        false => Err(D::Error::custom(format!(
            "its schema is `{found}`, and only {SCHEMA} is read"
        ))),
    }
}

impl ShardDocument {
    pub(super) fn new(shard: Shard, inputs: Inputs, report: Report, found: Found) -> Self {
        Self {
            schema: SCHEMA.into(),
            shard,
            inputs,
            report,
            found,
        }
    }

    /// Which part.
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// What it depends on.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Reads a file; `name` is for messages.
    ///
    /// # Errors
    /// When it is none of this version.
    pub fn from_json(name: &str, contents: &[u8]) -> Result<Self, ShardError> {
        serde_json::from_slice(contents).map_err(|source| {
            let name = name.to_owned();
            ShardError::NoShard { name, source }
        })
    }

    /// As it is written to a file.
    ///
    /// # Errors
    /// When a number has no place in JSON; none of ours should be such.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(|json| json + "\n")
    }
}
