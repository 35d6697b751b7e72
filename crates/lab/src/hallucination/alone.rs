//! What training a layer alone brings, and whether anything said so before.

use std::collections::BTreeMap;

use layerlab_eval::TokenPair;
use layerlab_model::Decoder;
use layerlab_score::{AnswerLosses, ContrastOptions, Estimate, LayerSigns, TrainingAgreement};
use layerlab_tune::Objective;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RepairRun, margin::answer_losses};
use crate::{LabError, Run};

/// Fewer pairs than these tell nothing of a margin.
const LEAST_PAIRS: usize = 2;
/// Fewer layers than these have no order to speak of.
const LEAST_LAYERS: usize = 5;

/// The margin of right answers over wrong ones on held-out pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeldOutMargin {
    /// Pairs of held-out questions.
    pub pairs: usize,
    /// Their margin in nats a token; interval over pairs.
    pub per_token: Estimate,
}

/// Rank correlations of what is said of layers, on training pairs, with what training each alone adds to the margin of held-out pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainedAlone {
    /// What was minimised.
    pub objective: Objective,
    /// The correlations.
    pub agreement: TrainingAgreement,
}

/// How likely both answers of held-out pairs are; none where there are too few.
pub(super) async fn margin_losses(
    decoder: &Decoder,
    pairs: &[TokenPair],
    run: &mut Run<'_>,
) -> Result<Option<AnswerLosses>, LabError> {
    if pairs.len() < LEAST_PAIRS {
        return Ok(None);
    }
    let factual: Vec<_> = pairs.iter().map(|pair| &pair.factual).collect();
    let hallucinated: Vec<_> = pairs.iter().map(|pair| &pair.hallucinated).collect();
    let losses = answer_losses(decoder, [&factual, &hallucinated], false, run).await?;
    Ok(Some(losses))
}

/// For each objective by which enough layers were trained alone. `gains` has what each held-out pair gained, run by run.
pub(super) fn trained_alone(
    runs: &[RepairRun],
    gains: &[Option<Vec<f64>>],
    signs: Option<&LayerSigns>,
    options: &ContrastOptions,
) -> Vec<TrainedAlone> {
    let mut by_objective: Vec<(Objective, BTreeMap<usize, Vec<f64>>)> = Vec::new();
    for (run, gains) in runs.iter().zip(gains) {
        let (Some(gains), Some(&layer), 1) = (gains, run.layers.first(), run.layers.len()) else {
            continue;
        };
        let known = by_objective.iter_mut();
        match known.into_iter().find(|(of, _)| *of == run.objective) {
            Some((_, layers)) => {
                layers.insert(layer, gains.clone());
            }
            None => by_objective.push((run.objective, BTreeMap::from([(layer, gains.clone())]))),
        }
    }
    let enough = by_objective
        .into_iter()
        .filter(|(_, layers)| layers.len() >= LEAST_LAYERS);
    let found = enough.filter_map(|(objective, layers)| {
        Some(TrainedAlone {
            objective,
            agreement: signs?.with_training(&layers, options),
        })
    });
    found.collect()
}
