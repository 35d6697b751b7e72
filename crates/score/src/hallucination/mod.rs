//! Which layers tell hallucinated answers from factual ones: HSAV, HSS, EAVSS and a linear probe.
//!
//! The abstract of arXiv 2411.10069 names HSAV and HSS without giving formulas. These definitions are ours.

mod agreement;
mod auroc;
mod margin;
mod probe;

use layerlab_stats::{
    Epsilon, Estimator, FEW_UNITS, MOST_RESAMPLES, Resamples, SummedTap, TapStatistics,
    percentile_interval,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Direction, ScoreError, rank::ranks};
use agreement::Drawn;
pub use agreement::{ContrastAgreement, LayerSigns, TrainingAgreement};
pub use margin::{AnswerControls, AnswerLosses, LayerMargin, Margins};
use probe::Probe;

/// Resamples of each shuffle of the labels.
const SHUFFLE_RESAMPLES: usize = 200;

/// How layers are told apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContrastOptions {
    /// Estimator of the activation variance.
    pub estimator: Estimator,
    /// Sparsity threshold.
    pub epsilon: Epsilon,
    /// Bootstrap resamples of the questions; 0 gives no intervals.
    pub resamples: usize,
    /// Confidence level of intervals, in (0, 1).
    pub confidence: f64,
    /// Parts of the cross-validation of the probe.
    pub folds: usize,
    /// Times that labels are shuffled as a control.
    pub shuffles: usize,
    /// Seed of resamples, folds and shuffles.
    pub seed: u64,
}

/// More shuffles than this make no control better that anybody reads.
pub(crate) const MOST_SHUFFLES: usize = 1000;

impl Default for ContrastOptions {
    fn default() -> Self {
        Self {
            estimator: Estimator::Pooled,
            epsilon: Epsilon::Relative(0.05),
            resamples: 1000,
            confidence: 0.95,
            folds: 5,
            shuffles: 20,
            seed: 0,
        }
    }
}

/// A value with its bootstrap interval over questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Of the data as they are; none where it is undefined.
    pub value: Option<f64>,
    /// Lower end; none where there is no interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Estimate {
    fn of(value: Option<f64>, sample: Vec<f64>, confidence: f64) -> Self {
        let interval = percentile_interval(sample, confidence);
        Self {
            value,
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
        }
    }

    /// Whether the interval leaves out `value`; none without an interval.
    pub fn excludes(&self, value: f64) -> Option<bool> {
        let (low, high) = self.low.zip(self.high)?;
        Some(low > value || high < value)
    }
}

/// One layer at one tap, hallucinated answers against factual ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerContrast {
    /// The layer, from 0.
    pub layer: usize,
    /// AV(hallucinated) / AV(factual); 1 where the layer is indifferent.
    pub hsav: Estimate,
    /// AS'(hallucinated) / AS'(factual); 1 where the layer is indifferent.
    pub hss: Estimate,
    /// ln(HSAV / HSS); 0 where the layer is indifferent.
    pub ln_eavss: Estimate,
    /// |ln EAVSS|.
    pub propensity: Option<f64>,
    /// Whether the interval of ln EAVSS leaves out 0; none without an interval, or of fewer than 10 pairs, whose
    /// interval is too narrow.
    pub distinguishable: Option<bool>,
    /// 1 is the layer of the highest propensity.
    pub rank: Option<usize>,
    /// Area under the ROC curve of the mass-mean probe on questions that it was not made from; 0.5 is chance.
    pub auroc: Estimate,
}

/// The same with labels drawn by fair coins: what chance alone would show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShuffledLabels {
    /// Times that labels were shuffled.
    pub shuffles: usize,
    /// Mean of |ln EAVSS| over layers and shuffles; none where it is undefined in all of them.
    pub propensity: Option<f64>,
    /// Share of layers and shuffles whose interval leaves out 0; about one less the confidence level by chance. None
    /// where there is no interval.
    pub distinguishable: Option<f64>,
    /// Mean AUROC over layers and shuffles; about 0.5 by chance. None where it is undefined in all of them.
    pub auroc: Option<f64>,
}

/// All layers of a contrast, with what each resample gave of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// First layer first.
    pub layers: Vec<LayerContrast>,
    resamples: Resamples,
    /// Propensity and AUROC by layer and resample.
    drawn: [Vec<Vec<Option<f64>>>; 2],
}

impl Contrast {
    /// What is said of layers. `losses` are of the same pairs.
    pub fn signs(&self, losses: &AnswerLosses) -> LayerSigns {
        let drawn =
            |value: fn(&LayerContrast) -> Option<f64>, resamples: &[Vec<Option<f64>>]| Drawn {
                values: self.layers.iter().map(value).collect(),
                resamples: resamples.to_vec(),
            };
        let [propensity, auroc] = &self.drawn;
        LayerSigns {
            propensity: drawn(|layer| layer.propensity, propensity),
            auroc: drawn(|layer| layer.auroc.value, auroc),
            margin_change: losses.drawn(&self.resamples),
        }
    }
}

/// Contrasts every layer: `factual` and `hallucinated` hold for each layer the statistics of answers in the same order,
/// one sequence for each answer; `questions` says which belong together and are kept in one fold.
///
/// # Errors
/// When nothing was measured, or the confidence level or the number of resamples or shuffles is out of range.
pub fn contrast_layers(
    factual: &[&TapStatistics],
    hallucinated: &[&TapStatistics],
    questions: &[&str],
    options: &ContrastOptions,
) -> Result<Contrast, ScoreError> {
    if !(options.confidence > 0.0 && options.confidence < 1.0) {
        return Err(ScoreError::Confidence(options.confidence));
    }
    if options.resamples > MOST_RESAMPLES {
        return Err(ScoreError::Resamples(options.resamples));
    }
    if options.shuffles > MOST_SHUFFLES {
        return Err(ScoreError::Shuffles(options.shuffles));
    }
    if factual.is_empty() || questions.is_empty() {
        return Err(ScoreError::NothingMeasured);
    }
    let resamples = Resamples::new(questions.len(), options.resamples, options.seed);
    let folds = probe::folds(questions, options.folds, options.seed);
    let mut contrasts = Vec::with_capacity(factual.len());
    let mut drawn = [0, 1].map(|_| vec![Vec::new(); resamples.draws().len()]);
    for (layer, (factual, hallucinated)) in factual.iter().zip(hallucinated).enumerate() {
        let both = Both {
            sides: [factual.summed(), hallucinated.summed()],
            probe: Probe::of(factual, hallucinated, &folds),
        };
        let (contrast, of_layer) = both.contrast(layer, &resamples, options);
        contrasts.push(contrast);
        for (drawn, of_layer) in drawn.iter_mut().zip(of_layer) {
            for (drawn, value) in drawn.iter_mut().zip(of_layer) {
                drawn.push(value);
            }
        }
    }
    let propensities: Vec<Option<f64>> = contrasts.iter().map(|layer| layer.propensity).collect();
    let ranks = ranks(&propensities, Direction::LowIsImportant);
    for (contrast, rank) in contrasts.iter_mut().zip(ranks) {
        contrast.rank = rank;
    }
    Ok(Contrast {
        layers: contrasts,
        resamples,
        drawn,
    })
}

/// The same figures with the sides of each pair swapped by a fair coin.
pub fn shuffled_labels(
    factual: &[&TapStatistics],
    hallucinated: &[&TapStatistics],
    questions: &[&str],
    options: &ContrastOptions,
) -> Option<ShuffledLabels> {
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let resamples = Resamples::new(questions.len(), SHUFFLE_RESAMPLES, options.seed);
    let folds = probe::folds(questions, options.folds, options.seed);
    let swaps = (0..options.shuffles).map(|_| {
        let swap = (0..questions.len()).map(|_| random.random::<bool>());
        swap.collect::<Vec<bool>>()
    });
    let swaps: Vec<Vec<bool>> = swaps.collect();
    let mut found = Vec::new();
    for (layer, (factual, hallucinated)) in factual.iter().zip(hallucinated).enumerate() {
        let sides = [factual.summed(), hallucinated.summed()];
        for swap in &swaps {
            let both = Both {
                sides: swapped(&sides, swap),
                probe: Probe::shuffled(factual, hallucinated, &folds, swap),
            };
            found.push(both.contrast(layer, &resamples, options).0);
        }
    }
    let mean = |value: &dyn Fn(&LayerContrast) -> Option<f64>| {
        let values: Vec<f64> = found.iter().filter_map(value).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    (!found.is_empty()).then(|| ShuffledLabels {
        shuffles: options.shuffles,
        propensity: mean(&|layer| layer.propensity),
        distinguishable: mean(&|layer| Some(f64::from(u8::from(layer.distinguishable?)))),
        auroc: mean(&|layer| layer.auroc.value),
    })
}

/// Both sides with the answers of some pairs in each other's place.
fn swapped<'a>(sides: &[SummedTap<'a>; 2], swap: &[bool]) -> [SummedTap<'a>; 2] {
    let answers = |places: [usize; 2]| {
        let swap = swap.iter().enumerate();
        swap.map(|(pair, swapped)| sides[places[usize::from(*swapped)]].sequences()[pair].clone())
            .collect()
    };
    [answers([0, 1]), answers([1, 0])]
}

/// Both sides of all pairs at one layer.
struct Both<'a> {
    sides: [SummedTap<'a>; 2],
    probe: Probe,
}

impl Both<'_> {
    /// The figures of a layer, and propensity and AUROC of each resample.
    fn contrast(
        &self,
        layer: usize,
        resamples: &Resamples,
        options: &ContrastOptions,
    ) -> (LayerContrast, [Vec<Option<f64>>; 2]) {
        let draws = resamples.draws().iter();
        let drawn: Vec<Option<[f64; 3]>> = draws.map(|draw| self.ratios(draw, options)).collect();
        let here = self.ratios(resamples.data(), options);
        let estimate = |part: usize| {
            let sample = drawn.iter().flatten().map(|ratios| ratios[part]).collect();
            Estimate::of(here.map(|ratios| ratios[part]), sample, options.confidence)
        };
        let draws = resamples.draws().iter();
        let aurocs: Vec<Option<f64>> = draws.map(|draw| self.probe.auroc(draw)).collect();
        let auroc = Estimate::of(
            self.probe.auroc(resamples.data()),
            aurocs.iter().flatten().copied().collect(),
            options.confidence,
        );
        let ln_eavss = estimate(2);
        let contrast = LayerContrast {
            layer,
            hsav: estimate(0),
            hss: estimate(1),
            ln_eavss,
            propensity: ln_eavss.value.map(f64::abs),
            distinguishable: ln_eavss
                .excludes(0.0)
                .filter(|_| resamples.data().len() >= FEW_UNITS),
            rank: None,
            auroc,
        };
        let propensities = drawn.iter().map(|ratios| ratios.map(|[_, _, ln]| ln.abs()));
        (contrast, [propensities.collect(), aurocs])
    }

    /// HSAV, HSS and ln EAVSS; none where one is not a positive number.
    fn ratios(&self, draw: &[u32], options: &ContrastOptions) -> Option<[f64; 3]> {
        let [factual, hallucinated] = &self.sides;
        let of = |side: &SummedTap<'_>| {
            side.variance_and_sparsity(options.estimator, options.epsilon, draw)
        };
        let (factual, hallucinated) = (of(factual)?, of(hallucinated)?);
        let hsav = hallucinated.0 / factual.0;
        let hss = hallucinated.1 / factual.1;
        let ln_eavss = (hsav / hss).ln();
        ln_eavss.is_finite().then_some([hsav, hss, ln_eavss])
    }
}
