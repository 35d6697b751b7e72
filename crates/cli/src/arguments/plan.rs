//! Which layers are removed.

use std::str::FromStr;

use clap::Args;
use layerlab_lab::{Budget, Constraints, PlanError, Schedule};

use super::layers::{Layers, all, parse_share};

/// How much is removed
#[derive(Args)]
#[command(next_help_heading = "Budget")]
pub struct BudgetArguments {
    /// Remove this many layers
    #[arg(long, value_name = "N", conflicts_with_all = ["share", "tolerance"])]
    remove: Option<usize>,
    /// Remove this share of the layers, such as 0.25 or 25%, rounded to the nearest, halves up: 25% of 12 is 3
    /// [default: 25%]
    #[arg(long, value_name = "SHARE", conflicts_with = "tolerance", value_parser = parse_share)]
    share: Option<f64>,
    /// Remove layers while perplexity on the calibration text rises by at most this share, such as 0.1 or 10%
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    tolerance: Option<f64>,
    /// Layers that stay, numbered from 0, such as 0,1,10-12
    #[arg(long, value_name = "LAYER,…", value_delimiter = ',')]
    protect: Vec<Layers>,
    /// Layers that go before any other; they count towards the budget
    #[arg(long, value_name = "LAYER,…", value_delimiter = ',')]
    always_remove: Vec<Layers>,
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
            protected: all(&self.protect).into_iter().collect(),
            forced: all(&self.always_remove).into_iter().collect(),
        }
    }
}

/// Schedules by one name: that of one of them, or `both` for the two that do not heal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedules(pub Vec<Schedule>);

impl FromStr for Schedules {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "both" => Ok(Self(vec![Schedule::OneShot, Schedule::Iterative])),
            one => Ok(Self(vec![one.parse()?])),
        }
    }
}
