//! The report that all faces share: one versioned document, and views of it.

mod build;
mod data;
mod document;
mod escape;
mod format;
mod harness;
mod healing;
mod number;
mod pruning;
mod section;
mod statistics;
mod text_keys;

pub(crate) use build::conclusions;
pub use data::{AnswersReport, DataReport};
pub use document::{
    ComparisonReport, DeviceReport, Experiment, HeldAs, ModelReport, OptionsReport, Program,
    Report, SCHEMA, ScoringReport, Timings,
};
pub use escape::{visible, visible_lines};
pub use format::Detail;
pub use harness::HarnessViews;
pub use healing::{HealedOutcome, HealingReport, Refused};
pub use number::{bytes, count};
pub use pruning::{FrontierPoint, Outcome, PruningReport};
pub(crate) use statistics::layer_reports;
pub use statistics::{
    HistogramReport, LayerReport, PairReport, SparsityReport, TapReport, VarianceReport,
};

impl Report {
    /// The JSON document, for people to read as well.
    ///
    /// # Errors
    /// When a number has no place in JSON; none of ours should be such.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    /// The JSON Schema of reports, as published in the repository.
    ///
    /// # Errors
    /// As [`to_json`](Self::to_json).
    pub fn json_schema() -> Result<String, serde_json::Error> {
        let schema = schemars::schema_for!(Self);
        serde_json::to_string_pretty(&schema).map(|json| json + "\n")
    }
}
