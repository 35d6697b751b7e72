//! From all shards of an experiment to its report.

use std::collections::BTreeMap;

use layerlab_eval::Shard;

use super::{ShardDocument, ShardError, document::Found, evaluated, located, pruned, scored};
use crate::{LabError, Report, Run, report::Timings};

/// Missing shards that are named.
const NAMED: usize = 20;

/// A shard, and what to call it in messages.
#[derive(Debug, Clone)]
pub struct NamedShard {
    /// The file that it was read from.
    pub name: String,
    /// The shard.
    pub document: ShardDocument,
}

/// The report of all shards of one experiment: what one machine would have found, but for the rounding of sums. `created` is the time
/// of the report as RFC 3339. Seconds are sums over the shards.
///
/// # Errors
/// When shards are missing, there twice, or of different experiments; when scores cannot be computed; when the caller asks to stop.
pub async fn merge_shards(
    shards: Vec<NamedShard>,
    created: String,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let shards = in_order(shards)?;
    let (Some(first), of) = (shards.first(), shards.len()) else {
        return Err(ShardError::Nothing.into());
    };
    let mut head = first.document.report.clone();
    head.created = created;
    head.warnings = warnings(&shards);
    head.timings = Timings::default();
    for shard in &shards {
        head.timings.add(&shard.document.report.timings);
    }
    if of > 1 {
        head.warnings
            .push(format!("merged of {of} shards; seconds are sums over them"));
    }
    let report = match &first.document.found {
        Found::Score { .. } => scored::joined(&shards, head, run).await?,
        Found::Evaluate { .. } => evaluated::joined(&shards, head)?,
        Found::Locate { .. } => located::joined(&shards, head, run).await?,
        Found::Run { .. } => pruned::joined(&shards, head)?,
    };
    Ok(report.concluded())
}

/// All shards of one experiment, each once.
fn in_order(shards: Vec<NamedShard>) -> Result<Vec<NamedShard>, ShardError> {
    let mut places: BTreeMap<Shard, NamedShard> = BTreeMap::new();
    let mut first: Option<NamedShard> = None;
    for shard in shards {
        let name = shard.name.clone();
        let place = shard.document.shard;
        let other = |what: String, first: &NamedShard| ShardError::Other {
            first: first.name.clone(),
            name: name.clone(),
            what,
        };
        if let Some(first) = &first {
            if let Some(what) = first.document.inputs.difference(&shard.document.inputs) {
                return Err(other(what, first));
            }
            let [one, two] = [first.document.shard.of(), place.of()];
            if one != two {
                let what = format!("it is one of {two} shards, not of {one}");
                return Err(other(what, first));
            }
        }
        first.get_or_insert_with(|| shard.clone());
        if let Some(known) = places.insert(place, shard) {
            return Err(ShardError::Twice {
                shard: place,
                first: known.name,
                second: name,
            });
        }
    }
    let of = first.map_or(0, |first| first.document.shard.of());
    let is_there = |index: &usize| places.keys().any(|shard| shard.index() == *index);
    // A file may say any number.
    let missing = of - places.len();
    let first = (1..=of)
        .filter(|index| !is_there(index))
        .take(missing.min(NAMED));
    match missing {
        0 => Ok(places.into_values().collect()),
        missing => Err(ShardError::Missing {
            missing,
            first: first.collect(),
            of,
        }),
    }
}

/// What any shard warns of, once; and that they ran on different devices, where they did.
fn warnings(shards: &[NamedShard]) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    let mut devices: Vec<String> = Vec::new();
    for shard in shards {
        let report = &shard.document.report;
        for warning in &report.warnings {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        let device = report.device.line();
        if !devices.contains(&device) {
            devices.push(device);
        }
    }
    if devices.len() > 1 {
        warnings.push(format!(
            "shards ran on different devices, whose figures can differ in the last digits: {}",
            devices.join("; ")
        ));
    }
    warnings
}
