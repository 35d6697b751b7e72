//! The experiment behind `layerlab score`: what is every layer worth, by every method?

use std::collections::BTreeSet;

use layerlab_model::ModelFiles;
use layerlab_score::{ScoreOptions, score};
use layerlab_stats::Tap;
use web_time::Instant;

use crate::{
    LabError, MeasureOptions, OpenModel, Progress, Run, Text,
    measure::measure,
    report::{
        DataReport, DeviceReport, Experiment, ModelReport, OptionsReport, Program, Report, SCHEMA,
        Timings, layer_reports,
    },
};

/// Fewer sequences than this make a bootstrap a rough guess.
const FEW_SEQUENCES: usize = 10;

/// What to score, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRequest {
    /// Estimator, threshold, tap, bootstrap.
    pub score: ScoreOptions,
    /// Taps whose statistics go into the report beside those that the scores need.
    pub extra_taps: BTreeSet<Tap>,
    /// How many blocks apart hidden states are compared, for angular distances of n blocks.
    pub spans: BTreeSet<usize>,
    /// Sequences per forward pass. More of them need more memory for activations and, on the CPU, are
    /// no faster from 4 on.
    pub batch: usize,
}

impl Default for ScoreRequest {
    fn default() -> Self {
        Self {
            score: ScoreOptions::default(),
            extra_taps: BTreeSet::new(),
            spans: BTreeSet::from([1]),
            batch: 4,
        }
    }
}

impl ScoreRequest {
    fn measure_options(&self) -> MeasureOptions {
        // Relative AVSS needs the first two, AVSS the tap that it is asked for.
        let mut taps = BTreeSet::from([Tap::Input, Tap::Update, Tap::Output, self.score.tap]);
        taps.extend(&self.extra_taps);
        MeasureOptions {
            taps,
            epsilon: self.score.epsilon,
            spans: self.spans.clone(),
            batch: self.batch,
        }
    }
}

/// Measures the text on the model and scores every layer by every method. `created` is the time of the
/// report as RFC 3339: what tells the time differs from face to face.
///
/// # Errors
/// When an option is out of range, the model cannot read the text, the device fails, or the caller asks
/// to stop.
pub async fn score_layers<F: ModelFiles>(
    model: &OpenModel<F>,
    text: &Text,
    request: &ScoreRequest,
    created: String,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let start = Instant::now();
    let options = request.measure_options();
    let statistics = measure(&model.decoder, &text.sequences, &options, run).await?;
    let measure_seconds = start.elapsed().as_secs_f64();

    run.step(Progress::Scoring)?;
    let start = Instant::now();
    let scores = score(&statistics, &request.score)?;
    let score_seconds = start.elapsed().as_secs_f64();

    run.step(Progress::Hashing)?;
    let start = Instant::now();
    let model_report = ModelReport::of(model).await?;
    let hash_seconds = start.elapsed().as_secs_f64();

    let mut warnings = Vec::new();
    warnings.extend(
        model
            .device
            .fallback
            .as_ref()
            .map(|reason| format!("running on the CPU: {reason}")),
    );
    if (2..FEW_SEQUENCES).contains(&text.sequences.len()) {
        warnings.push(format!(
            "there are only {} sequences: intervals are rough; a longer text or shorter sequences \
             give better ones",
            text.sequences.len()
        ));
    }
    Ok(Report {
        schema: SCHEMA.into(),
        program: Program::this(),
        created,
        experiment: Experiment::Score,
        model: model_report,
        data: DataReport::of(text),
        device: DeviceReport::of(&model.device),
        options: OptionsReport {
            score: request.score.clone(),
            spans: options.spans,
            batch: options.batch,
        },
        statistics: layer_reports(&statistics, &request.score),
        scores,
        timings: Timings {
            load_seconds: model.load_seconds,
            measure_seconds,
            score_seconds,
            hash_seconds,
            tokens_per_second: text.tokens() as f64 / measure_seconds.max(f64::MIN_POSITIVE),
        },
        warnings,
    })
}
