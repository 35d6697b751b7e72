//! How pruned models are healed.

use clap::Args;
use layerlab_lab::{DistilRecipe, HealRequest, Healing};

use super::layers::parse_share;

/// How a cut is healed
#[derive(Args, Clone)]
#[command(next_help_heading = "Healing")]
pub struct DistilArguments {
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
    /// What to heal by, and how.
    pub fn request(&self, ways: Vec<Healing>) -> HealRequest {
        HealRequest {
            ways,
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
    /// The share of perplexity that the largest cut is to keep, such as 0.9 or 90%
    #[arg(long, value_name = "SHARE", value_parser = parse_keep, default_value = "0.9")]
    keep: f64,
    #[command(flatten)]
    distil: DistilArguments,
}

impl HealArguments {
    /// What is asked for.
    pub fn request(&self) -> HealRequest {
        HealRequest {
            keep: self.keep,
            ..self.distil.request(self.heal.clone())
        }
    }
}
