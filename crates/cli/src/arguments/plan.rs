//! Which layers are removed.

use clap::Args;
use layerlab_lab::{Budget, Constraints};

/// How much is removed
#[derive(Args)]
#[command(next_help_heading = "Budget")]
pub struct BudgetArguments {
    /// Remove this many layers
    #[arg(long, value_name = "N", conflicts_with_all = ["share", "tolerance"])]
    remove: Option<usize>,
    /// Remove this share of the layers, rounded to the nearest, halves up: 0.25 of 12 is 3 [default: 0.25]
    #[arg(long, value_name = "SHARE", conflicts_with = "tolerance")]
    share: Option<f64>,
    /// Remove layers while perplexity on the calibration text rises by at most this share
    #[arg(long, value_name = "SHARE")]
    tolerance: Option<f64>,
    /// Layers that stay, numbered from 0
    #[arg(long, value_name = "LAYER,…", value_delimiter = ',')]
    protect: Vec<usize>,
    /// Layers that go before any other; they count towards the budget
    #[arg(long, value_name = "LAYER,…", value_delimiter = ',')]
    always_remove: Vec<usize>,
}

impl BudgetArguments {
    /// How much may go.
    pub fn budget(&self) -> Budget {
        match (self.remove, self.share, self.tolerance) {
            (Some(count), _, _) => Budget::Count(count),
            (_, _, Some(tolerance)) => Budget::Tolerance(tolerance),
            (_, share, _) => Budget::Share(share.unwrap_or(0.25)),
        }
    }

    /// What a person has decided on.
    pub fn constraints(&self) -> Constraints {
        Constraints {
            protected: self.protect.iter().copied().collect(),
            forced: self.always_remove.iter().copied().collect(),
        }
    }
}
