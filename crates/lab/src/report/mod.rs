//! The report that all faces share: one versioned document, and views of it.

mod conclusion;
mod csv;
mod document;
mod escape;
mod hallucination_tables;
mod html;
mod markdown;
mod number;
mod pruning;
mod scoring_table;
mod statistics;
mod table;
mod task_line;
mod task_table;
mod text_keys;

pub(crate) use conclusion::conclude;
pub use document::{
    ComparisonReport, DataReport, DeviceReport, Experiment, ModelReport, OptionsReport, Program,
    Report, SCHEMA, ScoringReport, Timings,
};
pub use escape::{visible, visible_lines};
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
