//! `layerlab merge`.

use std::path::PathBuf;

use clap::Args;
use layerlab_lab::{Run, merge_shards};

use super::now;
use crate::{
    Failure,
    arguments::{ReportArguments, read_shard},
    progress::{Bars, on_interrupt},
};

/// Make one report of all shards of an experiment
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab run --model path/to/model --shard 1/2 --output 1.shard
  layerlab run --model path/to/model --shard 2/2 --output 2.shard
  layerlab merge 1.shard 2.shard --json --output report.json")]
pub struct Arguments {
    /// What `run`, `score`, `eval` or `locate` wrote with --shard, all of them
    #[arg(value_name = "SHARD", required = true)]
    shards: Vec<PathBuf>,
    #[command(flatten)]
    written: ReportArguments,
}

/// Runs it. No model is needed.
///
/// # Errors
/// When shards are missing or do not belong together, or the output cannot be written.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.written.check()?;
    let names = arguments.shards.iter();
    let shards = names.map(|path| read_shard(&path.display().to_string()));
    let shards = shards.collect::<Result<_, _>>()?;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let mut show = |progress| bars.show(progress);
    let mut run = Run::new(&mut show, &cancel);
    let report = pollster::block_on(merge_shards(shards, now(), &mut run));
    bars.clear();
    arguments.written.write(&report?)
}
