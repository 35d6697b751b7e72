//! Speed of scoring beside PyTorch with hooks, in one run.

use std::process::{Command, Stdio};

use crate::command::{built, cargo, command, root, step};

/// Runs both on the same model, text, batch and threads and prints their figures with ratios.
///
/// # Errors
/// When the build or either run fails.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let build = ["build", "--workspace", "--example=scoring_speed"];
    step("building", cargo(&build))?;
    let example = built("examples/scoring_speed");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let script = root().join("tests/bench/pytorch_hooks.py");
    let mut figures = figures(command(&example.to_string_lossy(), &[]), arguments)?;
    let peer = command(&python, &[&script.to_string_lossy()]);
    figures.extend(self::figures(peer, arguments)?);
    print(&figures);
    Ok(())
}

/// Names and values that a benchmark program prints.
fn figures(mut program: Command, arguments: &[String]) -> Result<Vec<(String, f64)>, String> {
    let name = program.get_program().to_string_lossy().into_owned();
    eprintln!("== {name}");
    // Paths are the caller's.
    if let Ok(here) = std::env::current_dir() {
        program.current_dir(here);
    }
    let output = program
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", output.status));
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let figure = |line: &str| {
        let (name, value) = line.split_once('\t')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    Ok(lines.lines().filter_map(figure).collect())
}

/// Tokens per second as Markdown, each over PyTorch with hooks; memory as it stands.
fn print(figures: &[(String, f64)]) {
    let hooks = figures
        .iter()
        .find(|(name, _)| name == "PyTorch with hooks");
    println!("| figure | value | over PyTorch with hooks |\n|---|---|---|");
    for (name, value) in figures {
        match hooks {
            Some((_, hooks)) if !name.contains("memory") => {
                println!("| {name}, tokens/s | {value:.0} | {:.2} |", value / hooks);
            }
            _ => println!("| {name} | {value:.2} | |"),
        }
    }
}
