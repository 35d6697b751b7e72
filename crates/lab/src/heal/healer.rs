//! From a whole model and the layers to remove to a healed one.

use std::{collections::BTreeSet, ops::ControlFlow};

use layerlab_heal::{HealText, gaps, refit, scale};
use layerlab_model::{Decoder, ModelFiles};
use layerlab_tune::{DistilEvent, Distiller, Ending};
use web_time::Instant;

use super::{HealRecord, HealRequest, Healing};
use crate::{LabError, OpenModel, Progress, Run, Text, stage_cache::StageCache};

/// Steps of a training from one kept checkpoint to the next.
const KEEP_EVERY: usize = 10;

/// A model that was cut and healed.
#[derive(Debug)]
pub struct HealedModel {
    /// The model without the layers, healed; adapters lie on it where there was a training.
    pub decoder: Decoder,
    /// What was done.
    pub record: HealRecord,
}

/// One model of several that are healed one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HealTurn {
    /// Healed before.
    pub models: usize,
    /// In all.
    pub of: usize,
}

/// Removes `removed` from the model and heals what is left by the first way of `request`, reading `text`.
///
/// # Errors
/// When a layer does not exist or none would be left, there is nothing before a gap, the text is too short, the model gives what is no
/// number, the recipe is out of range, the device fails, or the caller asks to stop.
pub async fn heal_with<F: ModelFiles>(
    model: &OpenModel<F>,
    removed: &BTreeSet<usize>,
    text: &Text,
    request: &HealRequest,
    run: &mut Run<'_>,
) -> Result<HealedModel, LabError> {
    let healer = Healer {
        whole: &model.decoder,
        text: &HealText::of(&text.sequences)?,
        request,
    };
    let alone = HealTurn { models: 0, of: 1 };
    let way = request.ways.first().copied().unwrap_or(Healing::None);
    healer.heal(removed, way, alone, None, run).await
}

/// Heals one model several times.
#[derive(Clone, Copy)]
pub(crate) struct Healer<'a> {
    pub whole: &'a Decoder,
    pub text: &'a HealText,
    pub request: &'a HealRequest,
}

impl Healer<'_> {
    pub async fn heal(
        &self,
        removed: &BTreeSet<usize>,
        way: Healing,
        turn: HealTurn,
        kept: Option<&mut StageCache<'_>>,
        run: &mut Run<'_>,
    ) -> Result<HealedModel, LabError> {
        let start = Instant::now();
        let cut = self.whole.without(removed)?;
        let mut stopped = None;
        let HealTurn { models, of } = turn;
        let mut progress = |done, total| {
            let step = Progress::Healing {
                models,
                of,
                done,
                total,
            };
            match run.report(step) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    stopped = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let (text, options) = (self.text, &self.request.refit);
        let healed = match way {
            Healing::None | Healing::Distil => None,
            Healing::Scale => Some(scale(self.whole, removed, text, &mut progress).await),
            Healing::Refit | Healing::RefitDistil => {
                Some(refit(self.whole, removed, text, options, &mut progress).await)
            }
        };
        if let Some(error) = stopped {
            return Err(error);
        }
        let (decoder, gaps_healed) = match healed {
            Some(healed) => {
                let healed = healed?;
                (healed.decoder, healed.gaps)
            }
            None => (cut, Vec::new()),
        };
        let tokens = |sequences: &[Vec<u32>]| sequences.iter().map(Vec::len).sum();
        let mut found = HealedModel {
            decoder,
            record: HealRecord {
                way,
                tokens: tokens(&text.learn),
                choosing_tokens: tokens(&text.choose),
                gaps: gaps_healed,
                distil: None,
                seconds: 0.0,
            },
        };
        if way.distils() {
            self.distil(removed, turn, kept, run, &mut found).await?;
        }
        found.record.seconds = start.elapsed().as_secs_f64();
        Ok(found)
    }

    /// Trains adapters on the layers from the one before the first gap on: below it both models are one.
    async fn distil(
        &self,
        removed: &BTreeSet<usize>,
        turn: HealTurn,
        kept: Option<&mut StageCache<'_>>,
        run: &mut Run<'_>,
        found: &mut HealedModel,
    ) -> Result<(), LabError> {
        let first = gaps(removed)?.first().map_or(0, |gap| gap.before);
        let layers: BTreeSet<usize> = (first..found.decoder.spec().layers()).collect();
        let text = [&self.text.learn[..], &self.text.choose[..]];
        let recipe = self.request.distil.clone();
        let mut distiller =
            Distiller::new(self.whole, &found.decoder, &layers, text, recipe).await?;
        let name = kept.as_ref().map(|kept| {
            let removed: Vec<String> = removed.iter().map(ToString::to_string).collect();
            let (hash, way) = (&kept.fingerprint, found.record.way);
            format!("{hash}/{way}-{}.safetensors", removed.join("-"))
        });
        let mut kept = name.zip(kept);
        if let Some((name, kept)) = &kept
            && let Some(bytes) = kept.stages.load_bytes(name)
        {
            distiller.resume(&bytes)?;
        }
        loop {
            if run.must_end_training() {
                distiller.stop();
            }
            let HealTurn { models, of } = turn;
            let event = distiller.advance().await?;
            let is_due = match event {
                DistilEvent::Step(step) => (step.step + 1).is_multiple_of(KEEP_EVERY),
                DistilEvent::Check(_) => false,
                DistilEvent::Ended(ending) => ending != Ending::Stopped,
            };
            if let Some((name, kept)) = &mut kept
                && is_due
                && kept.stages.keeps_bytes()
            {
                let bytes = distiller.checkpoint().await?;
                kept.stages.save_bytes(name, &bytes)?;
            }
            let progress = match event {
                DistilEvent::Step(record) => Progress::Distilling {
                    models,
                    of,
                    total: distiller.recipe().steps,
                    record,
                },
                DistilEvent::Check(record) => Progress::CheckingDistilled { models, record },
                DistilEvent::Ended(_) => break,
            };
            run.step(progress).await?;
        }
        found.decoder = distiller.healed();
        found.record.distil = Some(distiller.state().clone());
        Ok(())
    }
}
