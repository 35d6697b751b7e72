//! Which layers tell hallucinated answers from factual ones.

use std::collections::BTreeSet;

use layerlab_eval::{Dataset, EvalOptions, Shard, TokenPair, dataset::Mapping};
use layerlab_model::{Decoder, ModelFiles};
use layerlab_score::{
    AnswerControls, ContrastAgreement, ContrastOptions, LayerContrast, LayerSigns, Margins,
    ShuffledLabels, contrast_layers, shuffled_labels,
};
use layerlab_stats::{FEW_UNITS, ModelStatistics, Tap, TapStatistics};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web_time::Instant;

use super::{
    margin::MarginChange,
    measure::{MeasuredPairs, measure_pairs},
    measured_dataset::MeasuredDataset,
    mine::{MineOptions, Mined},
    tokens::LocatedPairs,
};
use crate::{
    LabError, OpenModel, Progress, Run,
    evaluate::dated,
    report::{Experiment, Report},
};

/// Fewer pairs than this are not looked at alone.
const FEW_PAIRS: usize = 20;

/// What every report of these figures says.
pub(crate) const DEFINITIONS: &str = "The definitions of HSAV, HSS and EAVSS are ours, in the spirit of \
    arXiv 2411.10069, whose formulas were not available: HSAV = AV(hallucinated) / AV(factual), HSS = AS'(hallucinated) / \
    AS'(factual), EAVSS = HSAV / HSS, over answer tokens only; propensity is |ln EAVSS|.";

/// What is located, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LocateRequest {
    /// Estimator, threshold, resamples, controls.
    pub contrast: ContrastOptions,
    /// Where activations are read.
    pub taps: BTreeSet<Tap>,
    /// How questions are written, and answers generated where pairs are mined.
    pub eval: EvalOptions,
    /// Which wrong answers of the model count, where pairs are mined.
    pub mining: MineOptions,
    /// Whether the margin of right answers over wrong ones is measured without each layer.
    #[serde(default)]
    pub margin_change: MarginChange,
}

impl Default for LocateRequest {
    fn default() -> Self {
        Self {
            contrast: ContrastOptions::default(),
            taps: BTreeSet::from([Tap::Output, Tap::Update]),
            eval: EvalOptions::default(),
            mining: MineOptions::default(),
            margin_change: MarginChange::default(),
        }
    }
}

/// Where a model's hallucinations show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HallucinationReport {
    /// Whose definitions these are.
    pub definitions: String,
    /// What was asked for.
    pub request: LocateRequest,
    /// One for each dataset.
    pub datasets: Vec<LocatedDataset>,
}

/// The pairs of one dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LocatedDataset {
    /// Its name.
    pub dataset: String,
    /// SHA-256 of its bytes, as hexadecimal.
    pub sha256: String,
    /// Pairs, each of its own question unless the dataset repeats one.
    pub pairs: usize,
    /// Items that the dataset has: more than were looked at where only some were drawn, and 0 where that was not noted.
    #[serde(default)]
    pub of: usize,
    /// Items that were looked at.
    #[serde(default)]
    pub items: usize,
    /// Which field of the dataset was read as what, and which were not used.
    #[serde(default)]
    pub mapping: Option<Mapping>,
    /// Records of the dataset that could not be read and were passed over.
    #[serde(default)]
    pub skipped: usize,
    /// Pairs whose prompt lost its beginning to fit the context.
    #[serde(default)]
    pub truncated: usize,
    /// How pairs were mined; none where the dataset has them.
    pub mined: Option<Mined>,
    /// Mean tokens of a factual and of a hallucinated answer.
    pub answer_tokens: [f64; 2],
    /// What answers show before any layer is looked at; none of reports from before that was.
    #[serde(default)]
    pub controls: Option<AnswerControls>,
    /// By how much each layer moves the margin of right answers over wrong ones, where that was measured.
    #[serde(default)]
    pub margins: Option<Margins>,
    /// Every tap that was asked for.
    pub taps: Vec<LocatedTap>,
}

/// All layers at one tap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LocatedTap {
    /// The tap.
    pub tap: Tap,
    /// First layer first.
    pub layers: Vec<LayerContrast>,
    /// Only pairs whose answers have as many tokens; none where they are fewer than 20.
    pub matched_length: Option<MatchedLength>,
    /// The same figures over as many tokens of both answers of a pair, the first of the longer one; none of reports from before
    /// that was done.
    #[serde(default)]
    pub cut: Option<Vec<LayerContrast>>,
    /// Labels drawn by coins: what chance alone shows.
    pub shuffled: Option<ShuffledLabels>,
    /// How far these figures go with margin changes, where these were measured.
    #[serde(default)]
    pub agreement: Option<ContrastAgreement>,
}

/// The same figures over pairs whose answers have as many tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatchedLength {
    /// Such pairs.
    pub pairs: usize,
    /// First layer first.
    pub layers: Vec<LayerContrast>,
}

/// A report, and the pairs that it is about.
pub struct Located {
    /// The report.
    pub report: Report,
    /// Of each dataset, in the order of the report.
    pub pairs: Vec<LocatedPairs>,
}

/// Contrasts factual and hallucinated answers at every layer, dataset by dataset.
///
/// # Errors
/// When a dataset has no pairs and none can be mined, an option is out of range, the model cannot read a pair, the device
/// fails, or the caller asks to stop.
pub async fn locate_layers<F: ModelFiles>(
    model: &OpenModel<F>,
    datasets: &[Dataset],
    request: &LocateRequest,
    created: String,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let located = locate_pairs(model, datasets, request, created, run).await?;
    Ok(located.report)
}

/// As [`locate_layers`], and keeps what it takes to look at single pairs.
///
/// # Errors
/// As [`locate_layers`].
pub async fn locate_pairs<F: ModelFiles>(
    model: &OpenModel<F>,
    datasets: &[Dataset],
    request: &LocateRequest,
    created: String,
    run: &mut Run<'_>,
) -> Result<Located, LabError> {
    request.eval.validate(&model.tokenizer)?;
    let start = Instant::now();
    let mut found = Vec::with_capacity(datasets.len());
    let mut pairs = Vec::with_capacity(datasets.len());
    for dataset in datasets {
        let measured = MeasuredDataset::of(model, dataset, Shard::WHOLE, request, run).await?;
        let (located, of_dataset) = measured.contrasted(request, run).await?;
        found.push(located);
        pairs.push(of_dataset);
    }
    let seconds = start.elapsed().as_secs_f64();
    run.step(Progress::Hashing).await?;
    let mut report = Report::begin(model, Experiment::Locate, created).await?;
    report.timings.measure_seconds = Some(seconds);
    report
        .warnings
        .extend(dated(&model.tokenizer, &request.eval));
    found_in(&mut report, request, found);
    Ok(Located {
        report: report.concluded(),
        pairs,
    })
}

/// Puts what was found where it belongs in a report.
pub(crate) fn found_in(report: &mut Report, request: &LocateRequest, found: Vec<LocatedDataset>) {
    let short = found.iter().filter(|dataset| dataset.pairs < FEW_UNITS);
    let short = short.map(|dataset| {
        format!(
            "{}: {} pairs are fewer than {FEW_UNITS}, so that intervals are too narrow and no layer is told apart; more pairs \
             would tell more",
            dataset.dataset, dataset.pairs
        )
    });
    report.warnings.extend(short);
    report.hallucination = Some(HallucinationReport {
        definitions: DEFINITIONS.into(),
        request: request.clone(),
        datasets: found,
    });
}

/// What was found of pairs.
pub(crate) struct Contrasted {
    /// Every tap that was asked for, with its controls.
    pub taps: Vec<LocatedTap>,
    pub controls: AnswerControls,
    pub margins: Option<Margins>,
    /// What is said of layers at the first of the taps.
    pub signs: Option<LayerSigns>,
}

/// Measures pairs and contrasts them.
pub(crate) async fn located(
    decoder: &Decoder,
    pairs: &[TokenPair],
    request: &LocateRequest,
    run: &mut Run<'_>,
) -> Result<Contrasted, LabError> {
    let measured = measure_pairs(decoder, pairs, request, run).await?;
    contrasted(&measured, pairs, request, run).await
}

/// Figures and controls of what was measured.
pub(super) async fn contrasted(
    measured: &MeasuredPairs,
    pairs: &[TokenPair],
    request: &LocateRequest,
    run: &mut Run<'_>,
) -> Result<Contrasted, LabError> {
    let options = &request.contrast;
    let questions: Vec<&str> = pairs.iter().map(|pair| pair.group.as_str()).collect();
    let length = |answer: &layerlab_eval::Continued| answer.ids.len() - answer.start;
    let matched: Vec<usize> = (0..pairs.len())
        .filter(|&pair| length(&pairs[pair].factual) == length(&pairs[pair].hallucinated))
        .collect();
    let contrast = |[factual, hallucinated]: [&[TapStatistics]; 2], questions: &[&str]| {
        contrast_layers(&refs(factual), &refs(hallucinated), questions, options)
    };
    let mut taps = Vec::with_capacity(request.taps.len());
    let mut first_signs = None;
    for &tap in &request.taps {
        run.step(Progress::Scoring).await?;
        let factual = at_tap(&measured.factual, tap);
        let hallucinated = at_tap(&measured.hallucinated, tap);
        let found = contrast([&factual, &hallucinated], &questions)?;
        let signs = found.signs(&measured.losses);
        let agreement = signs.agreement(options.confidence);
        first_signs.get_or_insert(signs);
        let matched_length = match matched.len() {
            count if count < FEW_PAIRS => None,
            count => {
                let of_matched = |side: &[TapStatistics]| -> Vec<TapStatistics> {
                    side.iter().map(|layer| only(layer, &matched)).collect()
                };
                let (factual, hallucinated) = (of_matched(&factual), of_matched(&hallucinated));
                let questions: Vec<&str> = matched.iter().map(|&pair| questions[pair]).collect();
                Some(MatchedLength {
                    pairs: count,
                    layers: contrast([&factual, &hallucinated], &questions)?.layers,
                })
            }
        };
        run.step(Progress::Scoring).await?;
        let [cut_factual, cut_hallucinated] =
            [0, 1].map(|side: usize| at_tap(&measured.cut[side], tap));
        let cut = contrast([&cut_factual, &cut_hallucinated], &questions)?;
        run.step(Progress::Scoring).await?;
        let shuffled = shuffled_labels(&refs(&factual), &refs(&hallucinated), &questions, options);
        taps.push(LocatedTap {
            tap,
            layers: found.layers,
            matched_length,
            cut: Some(cut.layers),
            shuffled,
            agreement,
        });
    }
    Ok(Contrasted {
        taps,
        controls: measured.losses.controls(options),
        margins: measured.losses.margins(options),
        signs: first_signs,
    })
}

/// Answers of one side at a tap, layer by layer.
fn at_tap(statistics: &ModelStatistics, tap: Tap) -> Vec<TapStatistics> {
    let layers = statistics.layers.iter();
    layers
        .map(|layer| layer.taps.get(&tap).cloned().unwrap_or_default())
        .collect()
}

fn refs(layers: &[TapStatistics]) -> Vec<&TapStatistics> {
    layers.iter().collect()
}

fn only(layer: &TapStatistics, pairs: &[usize]) -> TapStatistics {
    TapStatistics {
        sequences: pairs
            .iter()
            .map(|&pair| layer.sequences[pair].clone())
            .collect(),
    }
}
