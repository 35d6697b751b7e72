//! What removing layers costs, and by whose choice least.

use layerlab_eval::{
    Comparison, Metric, TaskResult,
    metric::{Confidence, correct},
};
use layerlab_score::{MethodId, Plan};

use super::healing::{largest_cut, of_healing};
use crate::report::{
    Outcome, PruningReport, Report,
    build::words::{all_of, counted, file_name, kept_percent, layers_in_words, plan_label},
};

/// Of perplexity, what counts as nearly all.
const NEARLY_ALL: f64 = 0.9;

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

pub(super) fn of_pruning(report: &Report, pruning: &PruningReport) -> Vec<String> {
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
    let healing = pruning.healing.as_ref();
    sentences.extend(healing.and_then(|found| largest_cut(report, found, report.model.layers)));
    let mut tasks = report.evaluation.iter();
    let text = tasks.find(|task| task.metric(Metric::Perplexity).is_some());
    let best = pruning.best();
    let best = judged.iter().find(|judged| Some(judged.plan) == best);
    if let (Some(text), Some(best)) = (text, best) {
        sentences.push(winner(report.model.layers, text, best, &judged));
        if healing.is_none() {
            sentences.extend(nearly_all(pruning, best));
        }
        sentences.extend(others(text, best, &judged, pruning));
        sentences.extend(avss(best, &judged, pruning));
    }
    sentences.extend(
        healing
            .into_iter()
            .flat_map(|found| of_healing(report, pruning, found)),
    );
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
/// None where the best choice keeps as much.
fn nearly_all(pruning: &PruningReport, best: &Judged<'_>) -> Option<String> {
    let measured = pruning.outcomes.iter();
    let measured = measured.filter_map(|outcome| Some((outcome, outcome.retained()?)));
    let enough = measured.filter(|(_, retained)| *retained >= NEARLY_ALL);
    let most = enough.max_by(|(a, of_a), (b, of_b)| {
        let by_count = a.removed.len().cmp(&b.removed.len());
        by_count.then(of_a.total_cmp(of_b))
    });
    match most {
        Some((outcome, _)) if outcome.removed.len() >= best.outcome.removed.len() => None,
        Some((outcome, retained)) => Some(format!(
            "At least {} is kept with {} removed at most: {} ({}).",
            kept_percent(NEARLY_ALL),
            counted(outcome.removed.len(), "layer"),
            layers_in_words(&outcome.removed),
            kept_percent(retained)
        )),
        None => Some(format!(
            "No choice measured keeps {} of perplexity, not even without a single layer.",
            kept_percent(NEARLY_ALL)
        )),
    }
}

/// Which other choices do as well, as far as this text can tell. The same draws of windows for both, so that what is hard
/// for all does not blur the difference. None where no other was measured.
fn others(
    text: &TaskResult,
    best: &Judged<'_>,
    judged: &[Judged<'_>],
    pruning: &PruningReport,
) -> Option<String> {
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
    // What is asked is the test alone, which needs no resamples: a report that is opened may claim any number of them.
    let confidence = &Confidence {
        resamples: 0,
        ..pruning.options.confidence
    };
    let mut others: Vec<(&Judged<'_>, Comparison)> = others
        .filter_map(|other| {
            let compared = Comparison::of(of_best.as_ref()?, &result(other)?, confidence)?;
            Some((other, compared))
        })
        .collect();
    if others.is_empty() {
        return None;
    }
    let mut table: Vec<&mut Comparison> = others.iter_mut().map(|(_, compared)| compared).collect();
    correct(&mut table);
    let close = others
        .iter()
        .filter(|(_, compared)| !compared.is_significant());
    let close: Vec<String> = close.map(|(other, _)| plan_label(other.plan)).collect();
    Some(match close.as_slice() {
        [] => "Every other choice of as many layers keeps significantly less.".into(),
        [one] => format!("On this text {one} is not significantly worse."),
        some => format!("On this text {} are not significantly worse.", all_of(some)),
    })
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

/// Which tasks the plans change for sure; those that the same plans change in one sentence.
fn on_tasks(report: &Report, judged: &[Judged<'_>]) -> Vec<String> {
    let mut groups: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    let mut at_chance = Vec::new();
    for (task, metric) in report.metrics() {
        let is_of_text = matches!(metric, Metric::Perplexity | Metric::BitsPerByte);
        if is_of_text || metric == Metric::Ece {
            continue;
        }
        let name = format!("{} on {}", metric.label(), file_name(&task.dataset));
        let changed = judged.iter().filter(|judged| {
            let compared = judged.comparison(&task.dataset, metric);
            compared.is_some_and(Comparison::is_significant)
        });
        let changed: Vec<String> = changed.map(|judged| plan_label(judged.plan)).collect();
        match groups.iter_mut().find(|(plans, _)| *plans == changed) {
            Some((_, names)) => names.push(name.clone()),
            None => groups.push((changed, vec![name.clone()])),
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
    let sentences = groups.iter().map(|(plans, names)| {
        let names = all_of(names);
        match plans.len() {
            0 => format!("No choice changes {names} significantly."),
            all if all == judged.len() => format!("Every choice changes {names} significantly."),
            _ => format!("Significant changes of {names}: with {}.", all_of(plans)),
        }
    });
    let mut sentences: Vec<String> = sentences.collect();
    if !at_chance.is_empty() {
        sentences.push(format!(
            "The whole model does not differ significantly from chance in {}: such a task says little.",
            all_of(&at_chance)
        ));
    }
    sentences
}
