//! Which shard is to be done.

use layerlab_eval::Shard;

use super::{Inputs, NamedShard, ShardError};

/// A shard that is to be done.
#[derive(Debug, Clone)]
pub struct ShardTask<'a> {
    /// Which.
    pub shard: Shard,
    /// What lies where it is to go: where that is this very shard, nothing is computed.
    pub known: Option<&'a NamedShard>,
    /// The time of its report, as RFC 3339.
    pub created: String,
}

impl ShardTask<'_> {
    /// Whether what is there is this very shard; an error where it is something else.
    pub(super) fn is_done(&self, inputs: &Inputs) -> Result<bool, ShardError> {
        let Some(NamedShard { name, document }) = self.known else {
            return Ok(false);
        };
        let what = match document.inputs().difference(inputs) {
            None if document.shard() == self.shard => return Ok(true),
            None => format!("it is shard {}", document.shard()),
            Some(what) => what,
        };
        Err(ShardError::Other {
            first: format!("shard {}", self.shard),
            name: name.clone(),
            what,
        })
    }
}

/// That every shard has something to do.
pub(crate) fn enough(shard: Shard, units: usize, what: &'static str) -> Result<(), ShardError> {
    let of = shard.of();
    match of <= units {
        true => Ok(()),
        false => Err(ShardError::TooMany { units, what, of }),
    }
}
