//! What to conclude from an experiment, in plain sentences with their uncertainty.

use layerlab_eval::{Comparison, Metric, TaskResult, metric::correct};
use layerlab_score::{MethodId, MethodScores, Plan};

use super::words::{
    all_of, counted, file_name, kept_percent, layers_in_words, metric_name, plan_label,
};
use crate::{
    HallucinationReport, RepairReport, RepairRun, TaskComparison,
    report::{Outcome, PruningReport, Report, ScoringReport, number::significant},
};

/// Of perplexity, what counts as nearly all.
const NEARLY_ALL: f64 = 0.9;

/// What to conclude from all that a report holds.
pub(crate) fn conclusions(report: &Report) -> Vec<String> {
    let mut sentences = Vec::new();
    match (&report.pruning, &report.scoring) {
        (Some(pruning), _) => sentences.extend(of_pruning(report, pruning)),
        (None, Some(scoring)) => sentences.extend(of_scores(scoring)),
        (None, None) => {}
    }
    sentences.extend(
        report
            .comparison
            .iter()
            .map(|other| of_models(&other.compared)),
    );
    sentences.extend(report.hallucination.iter().flat_map(of_hallucination));
    sentences.extend(report.repair.iter().flat_map(of_repair));
    sentences
}

/// A plan with what it left.
struct Judged<'a> {
    plan: &'a Plan,
    outcome: &'a Outcome,
    perplexity: f64,
}

impl Judged<'_> {
    fn comparison(&self, dataset: &str, metric: Metric) -> Option<&Comparison> {
        let compared = self.outcome.comparison(dataset, metric)?;
        Some(&compared.comparison)
    }
}

fn of_pruning(report: &Report, pruning: &PruningReport) -> Vec<String> {
    let judged = pruning.plans.iter().filter_map(|plan| {
        let outcome = pruning.outcome(plan, plan.removed.len())?;
        let perplexity = outcome.perplexity()?;
        Some(Judged {
            plan,
            outcome,
            perplexity,
        })
    });
    let judged: Vec<Judged<'_>> = judged.collect();
    if judged.is_empty() {
        return vec!["Nothing was removed, so there is nothing to compare.".into()];
    }
    let mut sentences = Vec::new();
    let mut tasks = report.evaluation.iter();
    let text = tasks.find(|task| task.metric(Metric::Perplexity).is_some());
    let best = pruning.best();
    let best = judged.iter().find(|judged| Some(judged.plan) == best);
    if let (Some(text), Some(best)) = (text, best) {
        sentences.push(winner(report.model.layers, text, best, &judged));
        sentences.push(nearly_all(pruning));
        sentences.push(others(text, best, &judged, pruning));
        sentences.extend(avss(best, &judged, pruning));
    }
    sentences.extend(on_tasks(report, &judged));
    sentences
}

/// What keeps most, and by whose choice.
fn winner(layers: usize, text: &TaskResult, best: &Judged<'_>, judged: &[Judged<'_>]) -> String {
    let compared = best.comparison(&text.dataset, Metric::Perplexity);
    let share = compared.and_then(|compared| {
        let ends = compared.retained_low.zip(compared.retained_high);
        let ends = ends.map_or(String::new(), |(low, high)| {
            format!(" [{} to {}]", kept_percent(low), kept_percent(high))
        });
        Some(format!("{}{ends}", kept_percent(compared.retained?)))
    });
    let same = judged
        .iter()
        .filter(|other| other.outcome.removed == best.outcome.removed);
    let same: Vec<String> = same.map(|other| plan_label(other.plan)).collect();
    let most = if judged.len() > 1 { "at most " } else { "" };
    format!(
        "Removing {} of {layers} layers keeps {most}{} of perplexity ({}): {}.",
        best.plan.removed.len(),
        share.unwrap_or_else(|| "–".into()),
        all_of(&same),
        layers_in_words(&best.outcome.removed)
    )
}

/// How many layers can go while nearly all of perplexity stays, of all models that were measured.
fn nearly_all(pruning: &PruningReport) -> String {
    let measured = pruning.outcomes.iter();
    let measured = measured.filter_map(|outcome| Some((outcome, outcome.retained()?)));
    let enough = measured.filter(|(_, retained)| *retained >= NEARLY_ALL);
    let most = enough.max_by(|(a, of_a), (b, of_b)| {
        let by_count = a.removed.len().cmp(&b.removed.len());
        by_count.then(of_a.total_cmp(of_b))
    });
    match most {
        Some((outcome, retained)) => format!(
            "{} of perplexity is kept without {}, the most layers of all choices measured that keep at least {}.",
            kept_percent(retained),
            layers_in_words(&outcome.removed),
            kept_percent(NEARLY_ALL)
        ),
        None => format!(
            "No choice measured keeps {} of perplexity, not even without a single layer.",
            kept_percent(NEARLY_ALL)
        ),
    }
}

/// Which other choices do as well, as far as this text can tell. The same draws of windows for both, so that what is hard
/// for all does not blur the difference.
fn others(
    text: &TaskResult,
    best: &Judged<'_>,
    judged: &[Judged<'_>],
    pruning: &PruningReport,
) -> String {
    let result = |judged: &Judged<'_>| {
        let mut tasks = judged.outcome.tasks.iter();
        let task = tasks.find(|task| task.dataset == text.dataset)?;
        task.metric(Metric::Perplexity).cloned()
    };
    let of_best = result(best);
    let others = judged.iter().filter(|other| {
        other.outcome.removed != best.outcome.removed
            && other.plan.removed.len() == best.plan.removed.len()
    });
    let confidence = &pruning.options.confidence;
    let mut others: Vec<(&Judged<'_>, Comparison)> = others
        .filter_map(|other| {
            let compared = Comparison::of(of_best.as_ref()?, &result(other)?, confidence)?;
            Some((other, compared))
        })
        .collect();
    if others.is_empty() {
        return "No other choice of as many layers was measured.".into();
    }
    let mut table: Vec<&mut Comparison> = others.iter_mut().map(|(_, compared)| compared).collect();
    correct(&mut table);
    let close = others
        .iter()
        .filter(|(_, compared)| !compared.is_significant());
    let close: Vec<String> = close.map(|(other, _)| plan_label(other.plan)).collect();
    match close.as_slice() {
        [] => "Every other choice of as many layers keeps significantly less.".into(),
        [one] => format!("On this text {one} is not significantly worse."),
        some => format!("On this text {} are not significantly worse.", all_of(some)),
    }
}

/// How AVSS does beside the best, and beside chance.
fn avss(best: &Judged<'_>, judged: &[Judged<'_>], pruning: &PruningReport) -> Option<String> {
    let avss = judged
        .iter()
        .find(|judged| judged.plan.method == MethodId::Avss)?;
    if avss.outcome.removed == best.outcome.removed {
        return None;
    }
    let share = kept_percent(avss.outcome.retained()?);
    let random = pruning
        .random()
        .filter_map(|plan| pruning.outcome(plan, plan.removed.len())?.perplexity());
    let random: Vec<f64> = random.collect();
    let better = random.iter();
    let better = better
        .filter(|perplexity| **perplexity < avss.perplexity)
        .count();
    let beside = match (random.len(), better) {
        (0, _) => String::new(),
        (1, 0) => ", more than the random choice".to_owned(),
        (1, _) => ", less than the random choice".to_owned(),
        (all, 0) => format!(", more than any of the {all} random choices"),
        (all, better) if all == better => format!(", less than any of the {all} random choices"),
        (all, better) => format!(", less than {better} of the {all} random choices"),
    };
    Some(format!("AVSS keeps {share}{beside}."))
}

/// Which tasks any plan changes for sure; those that none changes in one sentence.
fn on_tasks(report: &Report, judged: &[Judged<'_>]) -> Vec<String> {
    let (mut sentences, mut unchanged, mut at_chance) = (Vec::new(), Vec::new(), Vec::new());
    for (task, metric) in report.metrics() {
        if matches!(
            metric,
            Metric::Perplexity | Metric::BitsPerByte | Metric::Ece
        ) {
            continue;
        }
        let name = format!("{} on {}", metric.label(), file_name(&task.dataset));
        let changed = judged.iter().filter(|judged| {
            let compared = judged.comparison(&task.dataset, metric);
            compared.is_some_and(Comparison::is_significant)
        });
        let changed: Vec<String> = changed.map(|judged| plan_label(judged.plan)).collect();
        match changed.len() {
            0 => unchanged.push(name.clone()),
            all if all == judged.len() => {
                sentences.push(format!("Every choice changes {name} significantly."));
            }
            _ => sentences.push(format!(
                "{name} changes significantly with {}.",
                all_of(&changed)
            )),
        }
        let whole = task.metric(metric);
        let is_at_chance = whole.is_some_and(|whole| match (whole.low, whole.high, whole.chance) {
            (Some(low), Some(high), Some(chance)) => (low..=high).contains(&chance),
            _ => false,
        });
        if is_at_chance {
            at_chance.push(name);
        }
    }
    if !unchanged.is_empty() {
        sentences.push(format!(
            "No choice changes {} significantly.",
            all_of(&unchanged)
        ));
    }
    if !at_chance.is_empty() {
        sentences.push(format!(
            "The whole model does not differ significantly from chance in {}: such a task says little.",
            all_of(&at_chance)
        ));
    }
    sentences
}

/// Which layers go first, and how far methods agree with what was measured.
fn of_scores(scoring: &ScoringReport) -> Vec<String> {
    let scores = &scoring.scores;
    let first = |method: &MethodScores| -> Vec<usize> {
        let mut first: Vec<usize> = method.order().into_iter().take(scores.lowest).collect();
        first.sort_unstable();
        first
    };
    let method = |id: MethodId| scores.methods.iter().find(|method| method.id == id);
    let Some(measured) = method(MethodId::LossChange) else {
        let avss = method(MethodId::RelativeAvss).or_else(|| method(MethodId::Avss));
        return avss
            .map(|method| {
                format!(
                    "By {}, {} would go first. No loss was measured without them, so what is kept is not known.",
                    method.label,
                    layers_in_words(&first(method))
                )
            })
            .into_iter()
            .collect();
    };
    let (first, mut sentences) = (first(measured), Vec::new());
    let highest = first
        .iter()
        .filter_map(|layer| measured.layers.get(*layer)?.value);
    let highest = highest.reduce(f64::max);
    sentences.push(format!(
        "Left out one at a time, {} cost least: the loss rises by at most {} nats per token.",
        layers_in_words(&first),
        significant(highest)
    ));
    let correlations = scores.agreement.loss_change.iter();
    let label = |id: MethodId| method(id).map(|method| method.label.clone());
    let closest = correlations
        .clone()
        .filter_map(|found| Some((label(found.method)?, found.spearman?)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((name, rho)) = closest {
        sentences.push(format!(
            "Of the methods that do not measure it, {name} orders layers most like this (ρ {rho:.2})."
        ));
    }
    let avss = correlations.filter(|found| found.method == MethodId::Avss);
    let avss = avss.filter_map(|found| found.spearman).next();
    sentences.extend(avss.map(|rho| format!("AVSS's order has ρ {rho:.2} with it.")));
    sentences
}

/// Whether two models differ.
fn of_models(compared: &[TaskComparison]) -> String {
    let changed = compared
        .iter()
        .filter(|one| one.comparison.is_significant());
    let changed: Vec<String> = changed
        .map(|one| {
            format!(
                "{} on {}",
                one.comparison.metric.label(),
                file_name(&one.dataset)
            )
        })
        .collect();
    match changed.is_empty() {
        true => "The two models do not differ significantly.".into(),
        false => format!(
            "The two models differ significantly in {}.",
            all_of(&changed)
        ),
    }
}

/// Which layers tell hallucinated answers from factual ones.
fn of_hallucination(found: &HallucinationReport) -> Vec<String> {
    let taps = found.datasets.iter().flat_map(|dataset| {
        let taps = dataset.taps.iter();
        taps.map(|tap| (file_name(&dataset.dataset), tap))
    });
    let sentences = taps.map(|(dataset, tap)| {
        let differ = |layers: &[layerlab_score::LayerContrast]| -> Vec<usize> {
            let differ = layers.iter();
            let differ = differ.filter(|layer| layer.distinguishable == Some(true));
            differ.map(|layer| layer.layer).collect()
        };
        let (layers, at) = (differ(&tap.layers), tap.tap);
        let place = format!("{dataset}, {at} of blocks");
        if layers.is_empty() {
            return format!(
                "{place}: no layer's activations differ significantly between factual and hallucinated answers."
            );
        }
        let same = tap.matched_length.as_ref().map(|matched| differ(&matched.layers));
        let same = match same {
            Some(same) => {
                let both = same.iter().filter(|layer| layers.contains(layer)).count();
                format!(" Among answers of equal length {both} of these do.")
            }
            None => " Too few answers have equal length to rule out that only length differs.".into(),
        };
        format!(
            "{place}: activations of hallucinated answers differ significantly in {} of {}: {}.{same}",
            layers.len(),
            counted(tap.layers.len(), "layer"),
            layers_in_words(&layers)
        )
    });
    sentences.collect()
}

/// What each repair changed on held-out questions, and whether the choice of layers mattered.
fn of_repair(repair: &RepairReport) -> Vec<String> {
    let accuracy = [Metric::Mc1, Metric::Accuracy, Metric::ExactMatch];
    let found = accuracy.into_iter().find_map(|metric| {
        let runs = repair.runs.iter();
        let compared = runs.map(|run| Some((run, run.pooled(metric)?)));
        Some((metric, compared.collect::<Option<Vec<_>>>()?))
    });
    let Some((metric, runs)) = found.filter(|(_, runs)| !runs.is_empty()) else {
        return vec!["There are no questions to judge repairs by.".into()];
    };
    let percent = |ratio: f64| format!("{:+.1} %", 100.0 * (ratio - 1.0));
    let lines = runs.iter().map(|(run, compared)| {
        let perplexity = run.pooled(Metric::Perplexity);
        let perplexity = perplexity.and_then(|found| Some(1.0 / found.retained?));
        format!(
            "{}: {} {}{}, neutral perplexity {}.",
            run.label(),
            metric_name(metric),
            compared.retained.map_or("–".into(), percent),
            if compared.is_significant() {
                " (significant)"
            } else {
                ""
            },
            perplexity.map_or("–".into(), percent)
        )
    });
    let mut lines: Vec<String> = lines.collect();
    lines.extend(beside_random(metric, &runs));
    lines
}

/// Whether the layers that EAVSS chooses gain more than random ones.
fn beside_random(metric: Metric, runs: &[(&RepairRun, &Comparison)]) -> Option<String> {
    let gains = |wanted: &dyn Fn(&str) -> bool| -> Vec<f64> {
        let runs = runs
            .iter()
            .filter(|(run, _)| wanted(&run.choice.to_string()));
        runs.filter_map(|(_, compared)| compared.difference)
            .collect()
    };
    let random = gains(&|choice| choice.starts_with("random"));
    let best = gains(&|choice| choice == "eavss")
        .into_iter()
        .reduce(f64::max)?;
    let low = random.iter().copied().reduce(f64::min)?;
    let high = random.iter().copied().reduce(f64::max)?;
    let points = |value: f64| format!("{:+.1}", 100.0 * value);
    let verdict = match best > high {
        true => ", more than every random choice",
        false => ": no better than random layers",
    };
    Some(format!(
        "The layers that EAVSS chooses gain {} points of {}{verdict} ({} to {}).",
        points(best),
        metric.label(),
        points(low),
        points(high)
    ))
}
