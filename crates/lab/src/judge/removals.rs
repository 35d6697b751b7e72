//! Models without some layers, each asked once; by peers where there are any.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    pin::pin,
};

use futures_util::StreamExt;
use layerlab_eval::{Dataset, EvalOptions, TaskResult};
use layerlab_model::ModelFiles;

use super::Judged;
use crate::{
    LabError, OpenModel, Progress, Run,
    evaluate::{Exam, ModelTurn, comparisons},
    peers::{ExamShare, GarbledShare, Peers, Share, shared},
    report::Outcome,
    stage_cache::StageCache,
};

/// Layers that a model does without, and what it is asked.
type Removal<'a> = (BTreeSet<usize>, &'a [Dataset]);

/// Asks the whole model `datasets`, and the model without each set of layers that set's own. Comparisons are not corrected
/// yet for being several.
pub(crate) async fn judge<F: ModelFiles>(
    model: &OpenModel<F>,
    datasets: &[Dataset],
    sets: &[Removal<'_>],
    options: &EvalOptions,
    kept: &mut StageCache<'_>,
    run: &mut Run<'_>,
) -> Result<Judged, LabError> {
    let whole = (BTreeSet::new(), datasets);
    let mut found = BTreeMap::new();
    let mut open = Vec::new();
    for removal in std::iter::once(&whole).chain(sets) {
        // What no model can do without is refused before any is asked.
        model.decoder.without(&removal.0)?;
        match kept.load(&stage(&removal.0)) {
            Some(tasks) => {
                found.insert(&removal.0, tasks);
            }
            None => open.push(removal),
        }
    }
    let asked = Asked {
        model,
        options,
        of: sets.len() + 1,
    };
    match run.peers() {
        Some(peers) if open.len() > 1 => asked.by(peers, &open, kept, &mut found, run).await?,
        _ => asked.here(&open, kept, &mut found, run).await?,
    }
    let evaluation = found.get(&whole.0).cloned().unwrap_or_default();
    let outcomes = sets.iter().map(|(removed, _)| {
        let tasks = found.get(removed).cloned().unwrap_or_default();
        Ok(Outcome {
            removed: removed.clone(),
            parameters: model.decoder.without(removed)?.parameters(),
            compared: comparisons(&evaluation, &tasks, options),
            tasks,
            agreement: None,
        })
    });
    let outcomes = outcomes.collect::<Result<_, LabError>>()?;
    Ok(Judged {
        evaluation,
        outcomes,
    })
}

fn stage(removed: &BTreeSet<usize>) -> String {
    let without: Vec<String> = removed.iter().map(ToString::to_string).collect();
    format!("model-without-{}", without.join("-"))
}

/// What models without some layers answered.
type Answers<'a> = BTreeMap<&'a BTreeSet<usize>, Vec<TaskResult>>;

/// A model that is asked several times.
struct Asked<'a, F> {
    model: &'a OpenModel<F>,
    options: &'a EvalOptions,
    /// How often in all, with what was found before.
    of: usize,
}

impl<F: ModelFiles> Asked<'_, F> {
    /// One after the other.
    async fn here<'a>(
        &self,
        open: &[&'a Removal<'_>],
        kept: &mut StageCache<'_>,
        found: &mut Answers<'a>,
        run: &mut Run<'_>,
    ) -> Result<(), LabError> {
        let before = self.of - open.len();
        for (place, (removed, datasets)) in open.iter().enumerate() {
            let exam = Exam {
                tokenizer: &self.model.tokenizer,
                datasets,
                options: self.options,
            };
            let place = ModelTurn {
                models: before + place,
                of: self.of,
            };
            let view = self.model.decoder.without(removed)?;
            let tasks = exam.take(&view, place, run).await?;
            found.insert(removed, kept.keep(&stage(removed), tasks)?);
        }
        Ok(())
    }

    /// Several at a time, each by a peer.
    async fn by<'a>(
        &self,
        peers: &dyn Peers,
        open: &[&'a Removal<'_>],
        kept: &mut StageCache<'_>,
        found: &mut Answers<'a>,
        run: &mut Run<'_>,
    ) -> Result<(), LabError> {
        let cancel = run.wishes();
        let shares = open.iter().map(|(removed, datasets)| {
            let share = ExamShare {
                removed: Cow::Borrowed(removed),
                datasets: Cow::Borrowed(datasets),
                options: Cow::Borrowed(self.options),
            };
            let here = share.clone();
            let OpenModel {
                decoder, tokenizer, ..
            } = self.model;
            let here = async move {
                let mut silent = |_| ();
                let mut run = Run::new(&mut silent, cancel);
                here.perform(decoder, tokenizer, &mut run).await
            };
            (Share::Exam(share), here)
        });
        let mut answers = pin!(shared::<String, _>(peers, shares));
        let before = self.of - open.len();
        for (place, (removed, _)) in open.iter().enumerate() {
            run.step(Progress::Evaluating {
                models: before + place,
                of: self.of,
                done: 0,
                total: 0,
            })
            .await?;
            let Some(answer) = answers.next().await else {
                break;
            };
            let tasks = serde_json::from_str(&answer?).map_err(GarbledShare::from)?;
            found.insert(removed, kept.keep(&stage(removed), tasks)?);
        }
        Ok(())
    }
}
