//! The `layerlab` command: what every layer of a language model is worth, on this machine.

mod arguments;
mod commands;
mod failure;
mod input;
mod memory;
mod model;
mod output;
mod progress;
mod stages;

use std::{panic, process::ExitCode, thread};

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use layerlab_lab::{dataset::PARQUET_READER, is_contained};

use failure::Failure;

#[derive(Parser)]
#[command(name = "layerlab", version, about, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    /// No progress bars and no warnings; errors still
    #[arg(long, short, global = true)]
    quiet: bool,
    /// How progress is told on the standard error: bars on a terminal, or a line of JSON for each step
    #[arg(long, global = true, value_enum, default_value_t)]
    progress: ProgressForm,
    #[command(subcommand)]
    command: Command,
}

/// How progress is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ProgressForm {
    #[default]
    Bars,
    Json,
}

#[derive(Subcommand)]
enum Command {
    Run(Box<commands::run::Arguments>),
    Score(commands::score::Arguments),
    Prune(Box<commands::prune::Arguments>),
    Heal(commands::heal::Arguments),
    Eval(commands::eval::Arguments),
    Compare(commands::compare::Arguments),
    Locate(Box<commands::locate::Arguments>),
    Repair(Box<commands::repair::Arguments>),
    Quantize(Box<commands::quantize::Arguments>),
    Export(commands::export::Arguments),
    Plan(commands::plan::Arguments),
    Merge(commands::merge::Arguments),
    Show(commands::show::Arguments),
    Generate(commands::generate::Arguments),
    Info(commands::info::Arguments),
    Completions(commands::completions::Arguments),
}

const AFTER_HELP: &str = "\
Exit codes:
  0    done
  1    the machine failed: device, network or disk
  2    the command line cannot be used, or would overwrite something
  3    the model or the text cannot be used
  130  interrupted by Ctrl-C; nothing half-written is left

What is downloaded lies in Hugging Face's own cache, and what runs have finished in the user's cache under layerlab/runs,
until they end.

Environment: HF_HOME, HF_ENDPOINT and HF_TOKEN for models and datasets by their Hub id; NO_COLOR; RUST_LOG.";

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    silence_display_drivers();
    // Burn and wgpu report trouble with a device through `log`.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    // That a file is broken is told as every other failure.
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        if !is_contained() && thread::current().name() != Some(PARQUET_READER) {
            usual(panicked);
        }
    }));
    let Cli {
        quiet,
        progress,
        command,
    } = Cli::parse();
    output::keep_quiet(quiet);
    output::tell_programs(progress == ProgressForm::Json);
    // In the pool whose threads share the work: a thread outside would be woken after every operation.
    let result = rayon::scope(|_| run(&command));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Where a session has no folder for its displays (a server, a container), Mesa says so once an adapter, though nothing is
/// displayed here.
#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "drivers read this from the environment and from nowhere else"
)]
fn silence_display_drivers() {
    const FOLDER: &str = "XDG_RUNTIME_DIR";
    if std::env::var_os(FOLDER).is_none() {
        // SAFETY: no other thread has been started yet.
        unsafe { std::env::set_var(FOLDER, std::env::temp_dir()) };
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => commands::run::run(arguments),
        Command::Score(arguments) => commands::score::run(arguments),
        Command::Prune(arguments) => commands::prune::run(arguments),
        Command::Heal(arguments) => commands::heal::run(arguments),
        Command::Eval(arguments) => commands::eval::run(arguments),
        Command::Compare(arguments) => commands::compare::run(arguments),
        Command::Locate(arguments) => commands::locate::run(arguments),
        Command::Repair(arguments) => commands::repair::run(arguments),
        Command::Quantize(arguments) => commands::quantize::run(arguments),
        Command::Export(arguments) => commands::export::run(arguments),
        Command::Plan(arguments) => {
            commands::plan::run(arguments, |words| Cli::try_parse_from(words).map(drop))
        }
        Command::Merge(arguments) => commands::merge::run(arguments),
        Command::Show(arguments) => commands::show::run(arguments),
        Command::Generate(arguments) => commands::generate::run(arguments),
        Command::Info(arguments) => commands::info::run(arguments),
        Command::Completions(arguments) => commands::completions::run(arguments, Cli::command()),
    }
}
