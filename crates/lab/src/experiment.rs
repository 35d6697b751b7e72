//! The experiment behind `layerlab run`: score, prune by every method, and see what each kept.

use std::collections::BTreeSet;

use layerlab_eval::{Dataset, EvalOptions, Items};
use layerlab_model::ModelFiles;
use layerlab_score::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use web_time::Instant;

use crate::{
    LabError, OpenModel, Progress, Run, ScoreRequest, Stages, Text,
    evaluate::{Exam, Place, comparisons},
    prune::{Calibration, PlanRequest, Plans, Subject},
    report::{DataReport, Experiment, Outcome, PruningReport, Report, conclude},
    score::Scored,
};

/// What to score, how to prune, and how to judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExperimentRequest {
    /// Scores.
    pub score: ScoreRequest,
    /// Plans.
    pub plans: PlanRequest,
    /// Tasks.
    pub eval: EvalOptions,
}

/// Scores the model on `text`, makes a plan by every method, and asks the whole and every pruned model
/// every dataset. Perplexity is also measured on the way to each plan's last removal, for the frontier.
/// Finished stages are kept in `stages`; a run with the same inputs takes them from there.
///
/// # Errors
/// When an option is out of range, the model cannot read the text or an item, the device fails, or the
/// caller asks to stop.
pub async fn prune_and_judge<F: ModelFiles>(
    model: &OpenModel<F>,
    text: &Text,
    datasets: &[Dataset],
    request: &ExperimentRequest,
    created: String,
    stages: &mut dyn Stages,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let layers = model.decoder.spec().layers();
    // What cannot be done is refused before anything is computed.
    let count = request
        .plans
        .budget
        .count(layers, &request.plans.constraints)?;
    request.eval.validate().map_err(LabError::from)?;
    let mut kept = Kept {
        fingerprint: fingerprint(model, text, datasets, request).await?,
        stages,
        resumed: 0,
    };
    let subject = Subject {
        decoder: &model.decoder,
        calibration: Calibration {
            sequences: &text.sequences,
            batch: request.score.batch,
        },
        scoring: &request.score,
    };

    let scored: Scored = match kept.load("scores") {
        Some(scored) => scored,
        None => {
            let scored = Scored::of(model, text, &request.score, run).await?;
            kept.keep("scores", scored)?
        }
    };
    let start = Instant::now();
    let plans: Plans = match kept.load("plans") {
        Some(plans) => plans,
        None => {
            let plans = subject
                .plans(&scored.scoring.scores, &request.plans, run)
                .await?;
            kept.keep("plans", plans)?
        }
    };
    let plan_seconds = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let mut sets = removals(&plans.plans);
    // The whole model comes first: the others are compared with it.
    sets.insert(0, (BTreeSet::new(), true));
    let perplexity_only: Vec<Dataset> = datasets
        .iter()
        .filter(|dataset| matches!(dataset.items, Items::Text(_)))
        .cloned()
        .collect();
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(sets.len());
    for (models, (removed, is_last)) in sets.iter().enumerate() {
        let of = sets.len();
        let without: Vec<String> = removed.iter().map(ToString::to_string).collect();
        let name = format!("model-without-{}", without.join("-"));
        let tasks = match kept.load(&name) {
            Some(tasks) => tasks,
            None => {
                let exam = Exam {
                    tokenizer: &model.tokenizer,
                    datasets: if *is_last { datasets } else { &perplexity_only },
                    options: &request.eval,
                };
                let view = model.decoder.without(removed)?;
                let tasks = exam.take(&view, Place { models, of }, run).await?;
                kept.keep(&name, tasks)?
            }
        };
        let compared = match outcomes.first() {
            Some(whole) => comparisons(&whole.tasks, &tasks, &request.eval),
            None => Vec::new(),
        };
        outcomes.push(Outcome {
            removed: removed.clone(),
            parameters: model.decoder.without(removed)?.parameters(),
            tasks,
            compared,
        });
    }
    let evaluate_seconds = start.elapsed().as_secs_f64();

    let whole = outcomes.remove(0);
    let mut block_passes = scored.block_passes.clone();
    block_passes.extend(plans.block_passes);
    run.step(Progress::Hashing).await?;
    let mut report = Report::begin(model, Experiment::Run, created).await?;
    scored.add_to(&mut report);
    let calibrated_on = &text.sha256;
    if datasets
        .iter()
        .any(|dataset| dataset.sha256 == *calibrated_on)
    {
        report.warnings.push(
            "perplexity is of the text that layers were scored on, so it flatters methods that follow the \
             text; --eval-text gives another"
                .into(),
        );
    }
    if kept.resumed > 0 {
        report.warnings.push(format!(
            "{} of {} stages were taken from an earlier run that was broken off; times are of the rest",
            kept.resumed,
            2 + sets.len()
        ));
    }
    report.timings.plan_seconds = Some(plan_seconds);
    report.timings.evaluate_seconds = Some(evaluate_seconds);
    report.evaluation = whole.tasks;
    let pruning = PruningReport {
        request: request.plans.clone(),
        count,
        plans: plans.plans,
        outcomes,
        block_passes,
        options: request.eval.clone(),
        conclusions: Vec::new(),
    };
    report.pruning = Some(PruningReport {
        conclusions: conclude(&report.evaluation, &pruning),
        ..pruning
    });
    Ok(report)
}

/// The layers that some plan removes, after its last removal and on the way there; in the order of how
/// many they are. With each, whether it is some plan's last.
fn removals(plans: &[Plan]) -> Vec<(BTreeSet<usize>, bool)> {
    let mut sets: Vec<(BTreeSet<usize>, bool)> = Vec::new();
    for plan in plans {
        for count in 1..=plan.removed.len() {
            let set: BTreeSet<usize> = plan.removed[..count].iter().copied().collect();
            let is_last = count == plan.removed.len();
            match sets.iter_mut().find(|(known, _)| *known == set) {
                Some((_, known_last)) => *known_last |= is_last,
                None => sets.push((set, is_last)),
            }
        }
    }
    sets.sort_by_key(|(set, _)| set.len());
    sets
}

/// Stages under the name of what they were computed from.
struct Kept<'a> {
    fingerprint: String,
    stages: &'a mut dyn Stages,
    /// Stages that were finished before.
    resumed: usize,
}

impl Kept<'_> {
    fn name(&self, stage: &str) -> String {
        format!("{}/{stage}.json", self.fingerprint)
    }

    /// A stage's finding. One that cannot be read, from another version perhaps, is computed anew.
    fn load<T: DeserializeOwned>(&mut self, stage: &str) -> Option<T> {
        let found = serde_json::from_str(&self.stages.load(&self.name(stage))?).ok()?;
        self.resumed += 1;
        Some(found)
    }

    /// Keeps a finding and gives it back as a later run would read it, so that a run taken up again ends
    /// with the same numbers to the last digit.
    fn keep<T: Serialize + DeserializeOwned>(
        &mut self,
        stage: &str,
        found: T,
    ) -> Result<T, LabError> {
        let name = self.name(stage);
        let Ok(written) = serde_json::to_string(&found) else {
            // What JSON cannot hold is computed anew next time.
            return Ok(found);
        };
        self.stages.save(&name, &written)?;
        Ok(serde_json::from_str(&written).unwrap_or(found))
    }
}

/// Everything that a stage depends on, as a short hash.
async fn fingerprint<F: ModelFiles>(
    model: &OpenModel<F>,
    text: &Text,
    datasets: &[Dataset],
    request: &ExperimentRequest,
) -> Result<String, LabError> {
    let items = |dataset: &Dataset| (dataset.sha256.clone(), dataset.items.len());
    let inputs = (
        env!("CARGO_PKG_VERSION"),
        model.checkpoint.sha256().await?,
        DataReport::of(text),
        datasets.iter().map(items).collect::<Vec<_>>(),
        (model.device.kind, &model.device.name),
        request,
    );
    // Tuples of plain values always have a JSON form.
    let inputs = serde_json::to_string(&inputs).unwrap_or_default();
    let hash = format!("{:x}", Sha256::digest(inputs));
    Ok(hash[..16].to_owned())
}
