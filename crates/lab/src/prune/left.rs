//! The model that is left after some removals, as a schedule measures it.

use std::collections::BTreeSet;

use layerlab_heal::{HealText, RefitOptions, refit, scale};
use layerlab_model::Decoder;
use layerlab_score::Schedule;

use super::plan::Planner;
use crate::{
    LabError, Progress, Run,
    calibration::{PassRequest, PassResult},
};

/// A model that was healed for a search.
pub(super) struct Healed {
    removed: BTreeSet<usize>,
    schedule: Schedule,
    decoder: Decoder,
}

impl Planner<'_> {
    /// Passes the text through the model without `removed`, as it is cut, or healed where the schedule heals; where losses without layers are
    /// wanted, and of answers, these. What is `wanted` counts the layers that stay.
    pub(super) async fn pass(
        &mut self,
        removed: &BTreeSet<usize>,
        schedule: Schedule,
        wanted: PassRequest,
        run: &mut Run<'_>,
    ) -> Result<PassResult, LabError> {
        // Statistics are always of the text.
        let calibration = match (&wanted.statistics, self.answers) {
            (None, Some(answers)) if !wanted.without.is_empty() => answers,
            _ => self.calibration,
        };
        if !schedule.heals() || removed.is_empty() {
            let removed = removed.clone();
            let wanted = PassRequest { removed, ..wanted };
            return calibration.pass(self.decoder, &wanted, run).await;
        }
        let is_there = |healed: &Healed| healed.removed == *removed && healed.schedule == schedule;
        let healed = match self.healed.take().filter(is_there) {
            Some(healed) => healed,
            None => self.heal(removed, schedule, run).await?,
        };
        // Peers hold the whole model; the healed one is here alone.
        let found = calibration
            .pass_locally(&healed.decoder, &wanted, run)
            .await;
        self.healed = Some(healed);
        found
    }

    async fn heal(
        &self,
        removed: &BTreeSet<usize>,
        schedule: Schedule,
        run: &mut Run<'_>,
    ) -> Result<Healed, LabError> {
        let text = HealText::of(&self.calibration.passages.sequences)?;
        let mut stopped = Ok(());
        let mut progress = |done, total| {
            let (models, of) = (removed.len() - 1, self.count);
            stopped = run.report(Progress::Healing {
                models,
                of,
                done,
                total,
            });
            match stopped {
                Ok(()) => std::ops::ControlFlow::Continue(()),
                Err(_) => std::ops::ControlFlow::Break(()),
            }
        };
        let healed = match schedule {
            Schedule::IterativeScale => scale(self.decoder, removed, &text, &mut progress).await,
            _ => {
                let options = RefitOptions::default();
                refit(self.decoder, removed, &text, &options, &mut progress).await
            }
        };
        stopped?;
        Ok(Healed {
            removed: removed.clone(),
            schedule,
            decoder: healed?.decoder,
        })
    }
}
