//! Which part of an experiment is done here.

use std::{env, fs};

use anyhow::{Context, anyhow};
use clap::Args;
use layerlab_lab::{LabError, NamedShard, NoShard, Report, Shard, ShardDocument, ShardTask};

use super::OutputArguments;
use crate::{
    Failure,
    output::{Destination, warn},
};

/// A part of the experiment
#[derive(Args, Clone)]
#[command(next_help_heading = "Many machines")]
pub struct ShardArguments {
    /// Do one of several equal parts, such as 2/8, and write what it found to --output: a file for `layerlab merge`. auto/8 takes the
    /// part's number from SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX. What is there already is not done again
    #[arg(
        long,
        value_name = "I/N|auto/N",
        value_parser = parse_shard,
        requires = "output",
        conflicts_with_all = ["full", "json", "markdown", "csv"]
    )]
    shard: Option<Shard>,
}

/// A shard that was asked for.
pub struct WantedShard {
    shard: Shard,
    destination: Destination,
    /// What lies at the destination.
    known: Option<NamedShard>,
}

/// What an experiment came to.
pub enum Found {
    /// All of it.
    All(Box<Report>),
    /// A part; none where it is there already.
    Part(Box<WantedShard>, Option<Box<ShardDocument>>),
}

impl Found {
    /// Writes a part where it is wanted, and the report as told.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(self, report: impl FnOnce(&Report) -> Result<(), Failure>) -> Result<(), Failure> {
        match self {
            Self::All(found) => report(&found),
            Self::Part(wanted, found) => wanted.write(found),
        }
    }
}

fn parse_shard(text: &str) -> Result<Shard, String> {
    let Some(of) = text.strip_prefix("auto/") else {
        return text.parse().map_err(|error: NoShard| error.to_string());
    };
    let of: usize = of.parse().map_err(|_| NoShard.to_string())?;
    let index = own_index(|name| env::var(name).ok())?;
    Shard::new(index, of).map_err(|_| format!("this is part {index}, and there are {of}"))
}

/// The number of this part, from 1, as Slurm's job arrays and Kubernetes' indexed jobs tell it.
fn own_index(variable: impl Fn(&str) -> Option<String>) -> Result<usize, String> {
    let number = |name: &str| -> Result<Option<usize>, String> {
        let Some(value) = variable(name) else {
            return Ok(None);
        };
        let parsed = value.parse();
        parsed
            .map(Some)
            .map_err(|_| format!("{name} is `{value}`, which is no number"))
    };
    if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
        let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        return Ok(id.saturating_sub(first) / step + 1);
    }
    if let Some(index) = number("JOB_COMPLETION_INDEX")? {
        return Ok(index + 1);
    }
    Err("neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX says which part this is".into())
}

impl ShardArguments {
    /// The shard that is asked for, after looking at what lies where it is to go; none where everything is to be done.
    ///
    /// # Errors
    /// When something else lies there, or it cannot be written to.
    pub fn wanted(&self, output: &OutputArguments) -> Result<Option<WantedShard>, Failure> {
        let Some(shard) = self.shard else {
            return Ok(None);
        };
        let destination = output.destination();
        let path = destination.path.as_ref();
        let known = match path.filter(|path| path.is_file() && !destination.force) {
            None => {
                destination.check()?;
                None
            }
            Some(path) => Some(read_shard(&path.display().to_string())?),
        };
        Ok(Some(WantedShard {
            shard,
            destination,
            known,
        }))
    }
}

impl WantedShard {
    /// What is to be done. `created` is the time as RFC 3339.
    pub fn task(&self, created: String) -> ShardTask<'_> {
        ShardTask {
            shard: self.shard,
            known: self.known.as_ref(),
            created,
        }
    }

    /// Writes what was found; none where it is there already, which is told.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, found: Option<Box<ShardDocument>>) -> Result<(), Failure> {
        match (found, &self.known) {
            (Some(found), _) => self
                .destination
                .write(found.to_json().map_err(Failure::machine)?),
            (None, known) => {
                let name = known.as_ref().map_or("it", |known| &known.name);
                warn(&format!(
                    "shard {} is in {name} already; nothing was computed",
                    self.shard
                ));
                Ok(())
            }
        }
    }
}

/// Reads a shard from a file.
///
/// # Errors
/// When it cannot be read or holds none.
pub fn read_shard(name: &str) -> Result<NamedShard, Failure> {
    let contents = fs::read(name)
        .with_context(|| format!("cannot read {name}"))
        .map_err(Failure::input)?;
    let document = ShardDocument::from_json(name, &contents);
    let document = document.map_err(|error| match &error {
        _ if contents.is_empty() => Failure::input(anyhow!("{name} is empty")),
        _ => LabError::from(error).into(),
    })?;
    Ok(NamedShard {
        name: name.to_owned(),
        document,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(variables: &[(&str, &str)]) -> Result<usize, String> {
        own_index(|wanted| {
            let mut variables = variables.iter();
            let (_, value) = variables.find(|(name, _)| *name == wanted)?;
            Some((*value).to_owned())
        })
    }

    #[test]
    fn engines_tell_which_part_is_meant() {
        let slurm = |id, first, step| {
            index(&[
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", first),
                ("SLURM_ARRAY_TASK_STEP", step),
            ])
        };
        assert_eq!(slurm("0", "0", "1"), Ok(1));
        assert_eq!(slurm("4", "1", "1"), Ok(4));
        assert_eq!(slurm("14", "2", "4"), Ok(4));
        assert_eq!(index(&[("JOB_COMPLETION_INDEX", "3")]), Ok(4));
        assert!(index(&[]).unwrap_err().contains("SLURM_ARRAY_TASK_ID"));
        assert!(index(&[("JOB_COMPLETION_INDEX", "x")]).is_err());
    }
}
