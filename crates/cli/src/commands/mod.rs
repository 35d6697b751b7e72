//! One file for each command.

pub mod compare;
pub mod completions;
pub mod eval;
pub mod export;
pub mod generate;
mod harness;
pub mod heal;
pub mod info;
pub mod locate;
pub mod merge;
pub mod plan;
pub mod prune;
pub mod quantize;
pub mod repair;
pub mod run;
pub mod score;
pub mod show;

use std::{path::Path, time::SystemTime};

use layerlab_lab::{
    HealSource, Healing, Report,
    report::{HealingReport, ScoringReport},
};

/// What to type next, below a report of one screen: how to remove the layers that it names, and where the rest is.
fn next_steps(report: &Report, model: &str, text: Option<&Path>, rest: &str) -> String {
    let text = text.map_or(String::new(), |path| {
        format!(" --text {}", quoted(&path.display().to_string()))
    });
    let model = quoted(model);
    let mut healing = report.pruning.iter().filter_map(|run| run.healing.as_ref());
    let writes_text = |found: &HealingReport| found.request.source != HealSource::Calibration;
    // Where the model wrote the text that healed it, the layers are named and no other is read.
    let learned = match healing.any(writes_text) {
        true => " --heal-text self".to_owned(),
        false => text.clone(),
    };
    let choice = match &report.pruning {
        // Where no plan keeps what was asked for, none is proposed.
        Some(pruning) => pruning
            .best_healed()
            .map(|(plan, way)| (plan.set().into_iter().collect(), way)),
        None => {
            let cheapest = report.scoring.as_ref().and_then(ScoringReport::cheapest);
            cheapest.map(|layers| (layers, Healing::None))
        }
    };
    let layers = choice.map(|(layers, way): (Vec<usize>, Healing)| {
        let layers: Vec<String> = layers.iter().map(ToString::to_string).collect();
        let layers = layers.join(",");
        let (healing, output) = match way {
            Healing::None => (String::new(), "pruned"),
            way => (format!(" --heal {way}{learned}"), "healed"),
        };
        format!(
            "Remove them: layerlab prune --model {model} --layers {layers}{healing} --output {output}\n"
        )
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
