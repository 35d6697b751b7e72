//! One row of CSV.

use layerlab_eval::{Comparison, MetricResult, PairedTest};

/// The columns, in the order of [`Record::fields`].
pub(in crate::report) const COLUMNS: [&str; 28] = [
    "section",
    "method",
    "role",
    "source",
    "schedule",
    "healing",
    "layers",
    "layer",
    "tap",
    "dataset",
    "metric",
    "value",
    "low",
    "high",
    "rank",
    "probability_lowest",
    "retained",
    "retained_low",
    "retained_high",
    "difference",
    "difference_low",
    "difference_high",
    "test",
    "p",
    "p_adjusted",
    "significant",
    "rough",
    "text",
];

/// One figure with all that names it; what does not apply is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::report) struct Record {
    /// The section that it stands in.
    pub section: &'static str,
    /// The score, plan or choice of layers; another model's name where two are compared.
    pub method: String,
    /// `ranking`, `baseline` or `part`, of a score.
    pub role: String,
    /// Where a score's definition comes from.
    pub source: String,
    /// `one-shot` or `iterative`, of a plan.
    pub schedule: String,
    /// How a pruned model was healed: `none`, `scale`, `refit`, `distil` or `refit+distil`.
    pub healing: String,
    /// Layers that were removed, in their order; those that were trained, of a repair.
    pub layers: String,
    /// The layer that the value is of.
    pub layer: Option<usize>,
    /// Where in the block it was read.
    pub tap: String,
    /// The dataset that it was measured on.
    pub dataset: String,
    /// What the value is.
    pub metric: String,
    /// The value.
    pub value: Option<f64>,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end of its interval.
    pub high: Option<f64>,
    /// Place among the layers; 1 is the first to go.
    pub rank: Option<usize>,
    /// Share of resamples in which the layer is among the lowest.
    pub probability_lowest: Option<f64>,
    /// What is kept of the whole model's value.
    pub retained: Option<f64>,
    /// Lower end of its interval.
    pub retained_low: Option<f64>,
    /// Upper end of its interval.
    pub retained_high: Option<f64>,
    /// Value less the whole model's.
    pub difference: Option<f64>,
    /// Lower end of its interval.
    pub difference_low: Option<f64>,
    /// Upper end of its interval.
    pub difference_high: Option<f64>,
    /// `mcnemar` or `permutation`.
    pub test: &'static str,
    /// The test's p-value.
    pub p: Option<f64>,
    /// The same corrected for all comparisons of a table.
    pub p_adjusted: Option<f64>,
    /// Whether the difference is significant.
    pub significant: Option<bool>,
    /// Whether the interval is of too few items, and so too narrow.
    pub rough: Option<bool>,
    /// A sentence.
    pub text: String,
}

impl Record {
    /// What stands in each of the [`COLUMNS`]. By hand, since a serialiser would be downloaded with the page.
    pub fn fields(&self) -> [String; COLUMNS.len()] {
        fn written<T: ToString>(value: Option<T>) -> String {
            value.map_or(String::new(), |value| value.to_string())
        }
        [
            self.section.to_owned(),
            self.method.clone(),
            self.role.clone(),
            self.source.clone(),
            self.schedule.clone(),
            self.healing.clone(),
            self.layers.clone(),
            written(self.layer),
            self.tap.clone(),
            self.dataset.clone(),
            self.metric.clone(),
            written(self.value),
            written(self.low),
            written(self.high),
            written(self.rank),
            written(self.probability_lowest),
            written(self.retained),
            written(self.retained_low),
            written(self.retained_high),
            written(self.difference),
            written(self.difference_low),
            written(self.difference_high),
            self.test.to_owned(),
            written(self.p),
            written(self.p_adjusted),
            written(self.significant),
            written(self.rough),
            self.text.clone(),
        ]
    }

    /// The row with what a metric came to.
    pub fn with_result(self, result: &MetricResult) -> Self {
        Self {
            metric: result.metric.label().to_owned(),
            value: result.value,
            low: result.low,
            high: result.high,
            rough: Some(result.rough),
            ..self
        }
    }

    /// The row with how a metric stands to that of another model.
    pub fn with_comparison(self, compared: &Comparison) -> Self {
        let found = compared.significance;
        Self {
            metric: compared.metric.label().to_owned(),
            retained: compared.retained,
            retained_low: compared.retained_low,
            retained_high: compared.retained_high,
            difference: compared.difference,
            difference_low: compared.difference_low,
            difference_high: compared.difference_high,
            test: found.map_or("", |found| match found.test {
                PairedTest::McNemar => "mcnemar",
                PairedTest::Permutation => "permutation",
            }),
            p: found.map(|found| found.p),
            p_adjusted: found.map(|found| found.p_adjusted),
            significant: found.map(|found| found.significant),
            ..self
        }
    }
}
