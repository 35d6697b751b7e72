//! How pruned models are healed.

use clap::{Args, ValueEnum};
use layerlab_lab::{DistilRecipe, HealRequest, HealSource, Healing};

use super::{layers::parse_share, scoring::CutArguments};

/// Which text healing learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HealTextArgument {
    Calibration,
    #[value(name = "self")]
    Own,
}

/// How a cut is healed
#[derive(Args, Clone)]
#[command(next_help_heading = "Healing")]
pub struct DistilArguments {
    /// The text that healing learns from: the calibration text, or one that the whole model writes itself, of --max-sequences sequences
    #[arg(long, value_enum, value_name = "TEXT", default_value_t = HealTextArgument::Calibration)]
    heal_text: HealTextArgument,
    /// Of distil: steps at most
    #[arg(long, value_name = "N", default_value_t = DistilRecipe::default().steps)]
    distil_steps: usize,
    /// Of distil: sequences of a step
    #[arg(long, value_name = "N", default_value_t = DistilRecipe::default().sequences)]
    distil_sequences: usize,
    /// Of distil: rank of the adapters
    #[arg(long, value_name = "N", default_value_t = DistilRecipe::default().rank)]
    distil_rank: usize,
    /// Of distil: the highest learning rate
    #[arg(long, value_name = "RATE", default_value_t = DistilRecipe::default().learning_rate)]
    distil_rate: f64,
}

impl DistilArguments {
    /// Whether the whole model writes the text that is learned from.
    pub fn writes_text(&self) -> bool {
        self.heal_text == HealTextArgument::Own
    }

    /// What to heal by, and how; a text that the model writes is as long as `cut` says.
    pub fn request(&self, ways: Vec<Healing>, cut: &CutArguments) -> HealRequest {
        HealRequest {
            ways,
            source: match self.heal_text {
                HealTextArgument::Calibration => HealSource::Calibration,
                HealTextArgument::Own => {
                    let options = cut.options();
                    HealSource::Own {
                        sequences: options.max_sequences,
                        length: options.sequence_length,
                        seed: 0,
                    }
                }
            },
            distil: DistilRecipe {
                rank: self.distil_rank,
                steps: self.distil_steps,
                sequences: self.distil_sequences,
                learning_rate: self.distil_rate,
                ..DistilRecipe::default()
            },
            ..HealRequest::default()
        }
    }
}

fn parse_keep(text: &str) -> Result<f64, String> {
    match parse_share(text)? {
        share if share > 0.0 && share.is_finite() => Ok(share),
        _ => Err("expected a number above 0, such as 0.9 or 90%".into()),
    }
}

/// Several ways of healing, compared
#[derive(Args, Clone)]
#[command(next_help_heading = "Healing")]
pub struct HealArguments {
    #[arg(
        long,
        value_name = "WAY,…",
        value_delimiter = ',',
        default_values_t = HealRequest::default().ways,
        help = format!("Ways to heal the pruned models, each tried: {}", Healing::CHOICES)
    )]
    heal: Vec<Healing>,
    /// The share of perplexity, or of what --keep-of names, that the largest cut is to keep, such as 0.9 or 90%
    #[arg(long, value_name = "SHARE", value_parser = parse_keep, default_value = "0.9")]
    keep: f64,
    /// Judge the largest cut by this task's first metric, by the name that it was given by, in place of perplexity
    #[arg(long, value_name = "TASK")]
    keep_of: Option<String>,
    #[command(flatten)]
    distil: DistilArguments,
}

impl HealArguments {
    /// What is asked for.
    pub fn request(&self, cut: &CutArguments) -> HealRequest {
        HealRequest {
            keep: self.keep,
            keep_of: self.keep_of.clone(),
            ..self.distil.request(self.heal.clone(), cut)
        }
    }
}
