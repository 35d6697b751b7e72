//! The second half of the lab: layers that carry hallucination are located, and repaired.

mod alone;
mod answers;
mod choice;
mod locate;
mod margin;
mod material;
mod measure;
mod measured_dataset;
mod mine;
mod pooled;
mod repair;
mod split;
mod tokens;
mod train;

pub use alone::{HeldOutMargin, TrainedAlone};
pub use answers::{AnswerChange, GivenAnswer, answer_changes};
pub use choice::LayerChoice;
pub use locate::{
    HallucinationReport, LocateRequest, Located, LocatedDataset, LocatedTap, MatchedLength,
    locate_layers, locate_pairs,
};
pub(crate) use locate::{found_in, located};
pub use margin::MarginChange;
pub use material::RepairMaterial;
pub(crate) use measure::MeasuredPairs;
pub(crate) use measured_dataset::{MeasuredDataset, enough_pairs, token_pairs};
pub use mine::{MineOptions, Mined};
pub use repair::{RepairReport, RepairRequest, RepairRun, Repaired, repair_layers};
pub use split::SplitReport;
pub use tokens::{AnswerTokens, LocatedPairs, PairTokens};

pub use layerlab_tune::{Ending, Objective, Recipe};
