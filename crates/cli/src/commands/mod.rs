//! One file for each command.

pub mod compare;
pub mod completions;
pub mod eval;
pub mod generate;
pub mod heal;
pub mod info;
pub mod locate;
pub mod prune;
pub mod repair;
pub mod run;
pub mod score;

use std::{path::Path, time::SystemTime};

use layerlab_lab::{Report, report::ScoringReport};

/// What to type next, below a report of one screen: how to remove the layers that it names, and where the rest is.
fn next_steps(report: &Report, model: &str, text: Option<&Path>, rest: &str) -> String {
    let text = text.map_or(String::new(), |path| {
        format!(" --text {}", quoted(&path.display().to_string()))
    });
    let model = quoted(model);
    let layers = match &report.pruning {
        // Where no plan keeps what was asked for, none is proposed.
        Some(pruning) => pruning.best().map(|plan| plan.set().into_iter().collect()),
        None => report.scoring.as_ref().and_then(ScoringReport::cheapest),
    };
    let layers = layers.map(|layers: Vec<usize>| {
        let layers: Vec<String> = layers.iter().map(ToString::to_string).collect();
        let layers = layers.join(",");
        format!("Remove them: layerlab prune --model {model} --layers {layers} --output pruned\n")
    });
    let measure = match &report.pruning {
        Some(_) => String::new(),
        None => format!("See what every method would keep: layerlab run --model {model}{text}\n"),
    };
    format!("\n{}{measure}{rest}\n", layers.unwrap_or_default())
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-@:+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// The time as RFC 3339.
fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
