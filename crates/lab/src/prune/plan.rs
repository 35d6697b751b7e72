//! From scores to plans, measuring again where a plan asks for it.

use std::collections::{BTreeMap, BTreeSet};

use layerlab_model::Decoder;
use layerlab_score::{
    Budget, Constraints, MethodId, MethodScores, Plan, Schedule, ScoreTable, score,
};
use layerlab_stats::ModelStatistics;

use super::left::Healed;
use crate::{
    LabError, Run, ScoreRequest,
    calibration::{Calibration, PassRequest, Passes},
};

/// What is measured of a model in a search: the layers that it does without, and the schedule, since that may heal it.
type Left = (Schedule, BTreeSet<usize>);

/// Makes plans for one model, one text and one budget.
pub(crate) struct Planner<'a> {
    pub decoder: &'a Decoder,
    pub calibration: Calibration<'a>,
    /// What losses without layers are of, where not of the text.
    pub answers: Option<Calibration<'a>>,
    pub scoring: &'a ScoreRequest,
    pub budget: Budget,
    pub constraints: &'a Constraints,
    /// Layers to remove, or the most of them under a tolerance.
    pub count: usize,
    /// Scores of models without some layers.
    pub measured: BTreeMap<Left, ScoreTable>,
    /// The model that was healed last.
    pub healed: Option<Healed>,
    /// The highest mean loss that a tolerance allows; infinite without one.
    pub limit: f64,
    /// Of greedy removal.
    pub passes: Passes,
}

impl Planner<'_> {
    /// The plan of a method by one schedule.
    pub async fn plan(
        &mut self,
        method: &MethodScores,
        schedule: Schedule,
        run: &mut Run<'_>,
    ) -> Result<Plan, LabError> {
        let removed = match (schedule, method.id) {
            (Schedule::OneShot, _) => self.one_shot(method, run).await?,
            (_, MethodId::LossChange) => self.greedy(schedule, run).await?,
            _ => self.iterative(method.id, schedule, run).await?,
        };
        Ok(Plan {
            method: method.id,
            label: method.label.clone(),
            schedule,
            removed,
        })
    }

    async fn one_shot(
        &mut self,
        method: &MethodScores,
        run: &mut Run<'_>,
    ) -> Result<Vec<usize>, LabError> {
        let order = method.order();
        let Budget::Tolerance(_) = self.budget else {
            return Ok(self.constraints.choose(&method.label, &order, self.count)?);
        };
        // Not every layer need have a rank: under a tolerance, those that have are enough.
        let is_free = |layer: &&usize| self.is_free(layer, &BTreeSet::new(), Schedule::OneShot);
        let free = order.iter().filter(is_free).count();
        let most = self.count.min(free + self.constraints.forced.len());
        let mut chosen = self.constraints.choose(&method.label, &order, most)?;
        let mut removed = BTreeSet::new();
        let mut kept = 0;
        for &layer in &chosen {
            removed.insert(layer);
            if !self.fits(&removed, Schedule::OneShot, run).await? {
                break;
            }
            kept += 1;
        }
        chosen.truncate(kept);
        Ok(chosen)
    }

    /// Removes the lowest layer of the model that is left, until the budget is spent.
    async fn iterative(
        &mut self,
        id: MethodId,
        schedule: Schedule,
        run: &mut Run<'_>,
    ) -> Result<Vec<usize>, LabError> {
        let mut order = Vec::new();
        let mut removed = BTreeSet::new();
        while order.len() < self.count {
            let forced = self.constraints.forced.difference(&removed).next().copied();
            let next = match forced {
                Some(layer) => Some(layer),
                None => self.lowest(id, &removed, schedule, run).await?,
            };
            let Some(layer) = next else { break };
            removed.insert(layer);
            if !self.fits(&removed, schedule, run).await? {
                break;
            }
            order.push(layer);
        }
        Ok(order)
    }

    /// Removes the layer whose loss is missed least, until the budget is spent (SLEB, arXiv 2402.09025).
    async fn greedy(
        &mut self,
        schedule: Schedule,
        run: &mut Run<'_>,
    ) -> Result<Vec<usize>, LabError> {
        let layers = self.decoder.spec().layers();
        let mut order = Vec::new();
        let mut removed = BTreeSet::new();
        while order.len() < self.count {
            let kept: Vec<usize> = (0..layers)
                .filter(|layer| !removed.contains(layer))
                .collect();
            let open: BTreeSet<usize> = match self.constraints.forced.difference(&removed).next() {
                Some(&forced) => BTreeSet::from([forced]),
                None => kept
                    .iter()
                    .copied()
                    .filter(|layer| self.is_free(layer, &removed, schedule))
                    .collect(),
            };
            if open.is_empty() {
                break;
            }
            let candidates = kept.iter().enumerate();
            let candidates: BTreeSet<usize> = candidates
                .filter(|(_, layer)| open.contains(layer))
                .map(|(index, _)| index)
                .collect();
            let wanted = PassRequest {
                without: candidates.clone(),
                ..PassRequest::default()
            };
            let found = self.pass(&removed, schedule, wanted, run).await?;
            self.passes.add(found.passes);
            let losses = found.losses;
            let ones = vec![1; losses.tokens.len()];
            // A loss that is no number is worse than any.
            let of = |index: &usize| {
                let mean = losses.mean(&losses.without[*index], &ones);
                mean.filter(|loss| loss.is_finite())
                    .unwrap_or(f64::INFINITY)
            };
            // Of equals the later layer goes first, as in rankings.
            let best = candidates
                .iter()
                .rev()
                .min_by(|a, b| of(a).total_cmp(&of(b)));
            let Some(best) = best else { break };
            let layer = kept[*best];
            let fits = match schedule.heals() || self.answers.is_some() {
                // The tolerance is for the text's loss, of what is left once it is healed.
                true => {
                    let more = removed.iter().copied().chain([layer]).collect();
                    of(best).is_finite() && self.fits(&more, schedule, run).await?
                }
                false => of(best) <= self.limit,
            };
            if !fits {
                break;
            }
            removed.insert(layer);
            order.push(layer);
        }
        Ok(order)
    }

    /// The lowest layer that may go of the model without `removed`, as the whole model numbers it.
    async fn lowest(
        &mut self,
        id: MethodId,
        removed: &BTreeSet<usize>,
        schedule: Schedule,
        run: &mut Run<'_>,
    ) -> Result<Option<usize>, LabError> {
        let left = (schedule, removed.clone());
        if !self.measured.contains_key(&left) {
            let layers = self.decoder.spec().layers() - removed.len();
            let mut scoring = self.scoring.clone();
            scoring.spans.retain(|span| *span <= layers);
            scoring.score.lowest = None;
            scoring.score.resamples = 0;
            let wanted = PassRequest {
                statistics: Some(scoring.measure_options()),
                ..PassRequest::default()
            };
            let layers = self.pass(removed, schedule, wanted, run).await?.layers;
            let table = score(&ModelStatistics { layers }, None, &scoring.score)?;
            self.measured.insert(left.clone(), table);
        }
        let layers = self.decoder.spec().layers();
        let kept: Vec<usize> = (0..layers)
            .filter(|layer| !removed.contains(layer))
            .collect();
        let table = &self.measured[&left];
        let method = table.methods.iter().find(|method| method.id == id);
        let order = method.map(MethodScores::order).unwrap_or_default();
        let mut order = order.into_iter().map(|index| kept[index]);
        Ok(order.find(|layer| self.is_free(layer, removed, schedule)))
    }

    /// Whether a layer may be chosen once `removed` are gone. What heals needs a layer before each gap.
    fn is_free(&self, layer: &usize, removed: &BTreeSet<usize>, schedule: Schedule) -> bool {
        let constraints = self.constraints;
        let decided = constraints.protected.union(&constraints.forced);
        let is_first = schedule.heals() && (0..*layer).all(|before| removed.contains(&before));
        !is_first && !decided.into_iter().any(|other| other == layer)
    }

    /// Whether the model without these layers is within the tolerance, if there is one.
    async fn fits(
        &mut self,
        removed: &BTreeSet<usize>,
        schedule: Schedule,
        run: &mut Run<'_>,
    ) -> Result<bool, LabError> {
        if self.limit == f64::INFINITY {
            return Ok(true);
        }
        let wanted = PassRequest {
            whole: true,
            ..PassRequest::default()
        };
        let losses = self.pass(removed, schedule, wanted, run).await?.losses;
        Ok(losses.whole_mean().is_some_and(|loss| loss <= self.limit))
    }
}
