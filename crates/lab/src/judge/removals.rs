//! Models without some layers, each asked once; by peers where there are any.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    pin::pin,
};

use futures_util::StreamExt;
use layerlab_eval::{CutResults, Dataset, EvalOptions, TaskResult};
use layerlab_model::{Cuts, ModelFiles};

use super::Judged;
use crate::{
    LabError, OpenModel, Progress, Run,
    calibration::Passes,
    evaluate::comparisons,
    peers::{ExamShare, ExamTurn, GarbledShare, Peers, Share, shared},
    report::Outcome,
    stage_cache::StageCache,
};

/// Models that are asked together. The more, the more of their passes is shared, and the more is lost where a run is broken off.
const TOGETHER: usize = 16;

/// Layers that a model does without, and whether it is asked everything or for the perplexity of texts alone.
type Removal = (BTreeSet<usize>, bool);

/// Asks the whole model and the model without each set of layers. Comparisons are not corrected yet for being several. Also counts
/// the blocks that were passed; what was found before takes none.
pub(crate) async fn judge<F: ModelFiles>(
    model: &OpenModel<F>,
    datasets: &[Dataset],
    sets: &[Removal],
    options: &EvalOptions,
    kept: &mut StageCache<'_>,
    run: &mut Run<'_>,
) -> Result<(Judged, Passes), LabError> {
    let whole = (BTreeSet::new(), true);
    let all = || std::iter::once(&whole).chain(sets);
    for (removed, _) in all() {
        // What no model can do without is refused before any is asked.
        model.decoder.without(removed)?;
    }
    let mut asked = Asked {
        model,
        options,
        datasets,
        of: 0,
        models: sets.len() + 1,
        found: BTreeMap::new(),
        passes: Passes::default(),
    };
    let mut open = Vec::new();
    for (place, dataset) in datasets.iter().enumerate() {
        let of_dataset = all().filter(|(_, everything)| *everything || dataset.is_text());
        let removed: BTreeSet<&BTreeSet<usize>> = of_dataset.map(|(removed, _)| removed).collect();
        asked.of += removed.len();
        let mut missing = Vec::new();
        for removed in removed {
            match kept.load(&stage(place, removed)) {
                Some(result) => {
                    asked.found.insert((place, removed), result);
                }
                None => missing.push(removed),
            }
        }
        open.extend(asked.groups(place, &missing, run.peers())?);
    }
    match run.peers() {
        Some(peers) if open.len() > 1 => asked.by(peers, &open, kept, run).await?,
        _ => asked.here(&open, kept, run).await?,
    }
    let evaluation = asked.results(&whole.0);
    let outcomes = sets.iter().map(|(removed, _)| {
        let tasks = asked.results(removed);
        Ok(Outcome {
            removed: removed.clone(),
            parameters: model.decoder.without(removed)?.parameters(),
            compared: comparisons(&evaluation, &tasks, options),
            tasks,
            agreement: None,
        })
    });
    let outcomes = outcomes.collect::<Result<_, LabError>>()?;
    let judged = Judged {
        evaluation,
        outcomes,
    };
    Ok((judged, asked.passes))
}

fn stage(dataset: usize, removed: &BTreeSet<usize>) -> String {
    let without: Vec<String> = removed.iter().map(ToString::to_string).collect();
    format!("dataset-{dataset}-without-{}", without.join("-"))
}

/// Models that are asked the same dataset together.
struct Group<'a> {
    dataset: usize,
    removed: Vec<&'a BTreeSet<usize>>,
}

/// A model that is asked several times.
struct Asked<'a, F> {
    model: &'a OpenModel<F>,
    options: &'a EvalOptions,
    datasets: &'a [Dataset],
    /// Pairs of a model and a dataset, with what was found before.
    of: usize,
    /// How many models there are.
    models: usize,
    /// By dataset and layers removed.
    found: BTreeMap<(usize, &'a BTreeSet<usize>), TaskResult>,
    passes: Passes,
}

impl<'a, F: ModelFiles> Asked<'a, F> {
    /// Parts models into groups, those that share the most beside each other; enough groups for all peers.
    fn groups(
        &self,
        dataset: usize,
        removed: &[&'a BTreeSet<usize>],
        peers: Option<&dyn Peers>,
    ) -> Result<Vec<Group<'a>>, LabError> {
        let sets: Vec<BTreeSet<usize>> = removed.iter().map(|&set| set.clone()).collect();
        let cuts = Cuts::new(self.model.decoder.spec().layers(), &sets)?;
        let order: Vec<&BTreeSet<usize>> = cuts.order().map(|place| removed[place]).collect();
        let shares = peers.map_or(1, |peers| 2 * peers.count().max(1));
        let size = order.len().div_ceil(shares).clamp(1, TOGETHER);
        let groups = order.chunks(size).map(|removed| Group {
            dataset,
            removed: removed.to_vec(),
        });
        Ok(groups.collect())
    }

    fn share(&self, group: &Group<'a>) -> ExamShare<'a> {
        ExamShare {
            removed: group.removed.iter().copied().cloned().collect(),
            dataset: Cow::Borrowed(&self.datasets[group.dataset]),
            options: Cow::Borrowed(self.options),
        }
    }

    fn turn(&self) -> ExamTurn {
        ExamTurn {
            done: self.found.len(),
            of: self.of,
            models: self.models,
        }
    }

    /// One group after the other.
    async fn here(
        &mut self,
        open: &[Group<'a>],
        kept: &mut StageCache<'_>,
        run: &mut Run<'_>,
    ) -> Result<(), LabError> {
        for group in open {
            let turn = self.turn();
            let (decoder, tokenizer) = (&self.model.decoder, &self.model.tokenizer);
            let found = self
                .share(group)
                .perform(decoder, tokenizer, turn, run)
                .await?;
            self.keep(group, found, kept)?;
        }
        Ok(())
    }

    /// Several groups at a time, each by a peer.
    async fn by(
        &mut self,
        peers: &dyn Peers,
        open: &[Group<'a>],
        kept: &mut StageCache<'_>,
        run: &mut Run<'_>,
    ) -> Result<(), LabError> {
        let cancel = run.wishes();
        let OpenModel {
            decoder, tokenizer, ..
        } = self.model;
        let shares: Vec<ExamShare<'a>> = open.iter().map(|group| self.share(group)).collect();
        let shares = shares.into_iter().map(|share| {
            let here = share.clone();
            let here = async move {
                let mut silent = |_| ();
                let mut run = Run::new(&mut silent, cancel);
                here.answer(decoder, tokenizer, &mut run).await
            };
            (Share::Exam(share), here)
        });
        let mut answers = pin!(shared::<String, _>(peers, shares));
        for group in open {
            run.step(Progress::Evaluating {
                models: self.turn().models(0),
                of: self.models,
                done: 0,
                total: 0,
            })
            .await?;
            let Some(answer) = answers.next().await else {
                break;
            };
            let found = serde_json::from_str(&answer?).map_err(GarbledShare::from)?;
            self.keep(group, found, kept)?;
        }
        Ok(())
    }

    /// Keeps what was found of a group.
    fn keep(
        &mut self,
        group: &Group<'a>,
        found: CutResults,
        kept: &mut StageCache<'_>,
    ) -> Result<(), LabError> {
        let sets: Vec<BTreeSet<usize>> = group.removed.iter().map(|&set| set.clone()).collect();
        let cuts = Cuts::new(self.model.decoder.spec().layers(), &sets)?;
        let [shared, plain] = [cuts.passes(), cuts.plain_passes()];
        self.passes.add(Passes {
            counted: (shared * found.sequences) as u64,
            plain: (plain * found.sequences) as u64,
        });
        for (&removed, result) in group.removed.iter().zip(found.results) {
            let result = kept.keep(&stage(group.dataset, removed), result)?;
            self.found.insert((group.dataset, removed), result);
        }
        Ok(())
    }

    /// What the model without these layers made of the datasets that it was asked.
    fn results(&self, removed: &BTreeSet<usize>) -> Vec<TaskResult> {
        let places = 0..self.datasets.len();
        places
            .filter_map(|place| self.found.get(&(place, removed)).cloned())
            .collect()
    }
}
