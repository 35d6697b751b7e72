//! The second half of the lab: layers that carry hallucination are located, and repaired.

mod locate;
mod measure;
mod mine;
mod pooled;
mod repair;
mod split;

pub use locate::{
    HallucinationReport, LocateRequest, LocatedDataset, LocatedTap, MatchedLength, locate_layers,
};
pub(crate) use locate::{located, token_pairs};
pub use mine::{MineOptions, Mined};
pub use repair::{
    LayerChoice, RepairMaterial, RepairReport, RepairRequest, RepairRun, Repaired, repair_layers,
};
pub use split::SplitReport;

pub use layerlab_tune::{Ending, Objective, Recipe};
