//! `layerlab plan`.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use crate::{Failure, output::print};

/// Print the jobs that an experiment on many machines takes, a line of JSON each
#[derive(Args)]
#[command(after_help = "\
Each line has the command of one shard, as a list of words and as a line for a shell, and the file that it writes. The last line's
command merges the shards, and must wait for them. GNU parallel, Snakemake, Nextflow, Ray, Slurm or Kubernetes start them.

Examples:
  layerlab plan --shards 8 --folder shards -- run --model path/to/model --text notes.txt > jobs.jsonl
  head -n -1 jobs.jsonl | jq -r .shell | parallel --jobs 2")]
pub struct Arguments {
    /// How many parts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    shards: u32,
    /// Where shards and the report go
    #[arg(long, value_name = "DIR", default_value = "shards")]
    folder: PathBuf,
    /// The experiment: run, score, eval or locate, with its options but for --shard and --output
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    experiment: Vec<String>,
}

/// A line of the plan.
#[derive(Serialize)]
struct Job {
    /// From 1; none of the merging.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<u32>,
    of: u32,
    /// The file that it writes.
    output: String,
    command: Vec<String>,
    /// The same for a shell.
    shell: String,
}

impl Job {
    fn of(arguments: &Arguments, shard: Option<u32>, output: String, words: Vec<String>) -> Self {
        let program = "layerlab".to_owned();
        let command: Vec<String> = [program].into_iter().chain(words).collect();
        let quoted: Vec<String> = command.iter().map(|word| super::quoted(word)).collect();
        Self {
            shard,
            of: arguments.shards,
            output,
            shell: quoted.join(" "),
            command,
        }
    }
}

/// Runs it. `parses` says why the words of a command are none.
///
/// # Errors
/// When the experiment cannot be parted, or its options are wrong.
pub fn run(
    arguments: &Arguments,
    parses: impl Fn(&[String]) -> Result<(), clap::Error>,
) -> Result<(), Failure> {
    let file = |name: String| arguments.folder.join(name).display().to_string();
    let mut jobs = Vec::new();
    for index in 1..=arguments.shards {
        let of = arguments.shards;
        let output = file(format!("{index}-of-{of}.shard"));
        let mut words = arguments.experiment.clone();
        let part = format!("{index}/{of}");
        words.extend(["--shard", &part, "--output", &output].map(str::to_owned));
        let job = Job::of(arguments, Some(index), output, words);
        if index == 1 {
            parses(&job.command).map_err(|error| {
                Failure::usage(anyhow!(
                    "`{}` cannot be done in shards: {}",
                    arguments.experiment.join(" "),
                    first_line(&error)
                ))
            })?;
        }
        jobs.push(job);
    }
    let report = file("report.json".into());
    let shards = jobs.iter().map(|job| job.output.clone());
    let words = ["merge".to_owned()].into_iter().chain(shards);
    let output = ["--json", "--output", &report].map(str::to_owned);
    let words = words.chain(output).collect();
    jobs.push(Job::of(arguments, None, report, words));
    let lines = jobs.iter().map(serde_json::to_string);
    let lines: Vec<String> = lines.collect::<Result<_, _>>().map_err(Failure::machine)?;
    print(lines.join("\n") + "\n")
}

/// What is wrong, without the usage of the command.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
