//! What to make of an experiment, in plain sentences with their uncertainty.

use layerlab_eval::{
    Comparison, Metric, TaskResult,
    metric::{Confidence, correct},
};
use layerlab_score::Plan;

use super::{
    Outcome, PruningReport,
    number::significant,
    task_table::{file_name, kept, plan_label},
};

/// A plan with what it left.
struct Judged<'a> {
    plan: &'a Plan,
    outcome: &'a Outcome,
    perplexity: f64,
}

/// What to conclude from the whole model's results and those of the pruned ones.
pub(crate) fn conclude(whole: &[TaskResult], pruning: &PruningReport) -> Vec<String> {
    let mut sentences = Vec::new();
    let text = whole
        .iter()
        .find(|task| task.metric(Metric::Perplexity).is_some());
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
    let best = pruning.best();
    let best = judged.iter().find(|judged| Some(judged.plan) == best);
    if let (Some(text), Some(best)) = (text, best) {
        sentences.push(winner(text, best, &judged, &pruning.options.confidence));
        sentences.extend(avss(best, &judged, pruning, text));
    }
    for task in whole {
        for result in &task.metrics {
            let is_of_text = matches!(result.metric, Metric::Perplexity | Metric::BitsPerByte);
            if !is_of_text && result.metric != Metric::Ece {
                sentences.push(on_task(task, result.metric, &judged));
            }
        }
    }
    if judged.is_empty() {
        sentences.push("Nothing was removed, so there is nothing to compare.".into());
    }
    sentences
}

fn comparison<'a>(judged: &Judged<'a>, dataset: &str, metric: Metric) -> Option<&'a Comparison> {
    let compared = judged.outcome.comparison(dataset, metric)?;
    Some(&compared.comparison)
}

/// Which plan keeps most, and which cannot be told from it.
fn winner(
    text: &TaskResult,
    best: &Judged<'_>,
    judged: &[Judged<'_>],
    confidence: &Confidence,
) -> String {
    let removed = best.plan.removed.len();
    let layers = if removed == 1 { "layer" } else { "layers" };
    let retained = comparison(best, &text.dataset, Metric::Perplexity);
    let retained = retained.and_then(|compared| {
        let share = kept(compared.retained?);
        let ends = compared.retained_low.zip(compared.retained_high);
        Some(match ends {
            Some((low, high)) => format!("{share} [{}, {}]", kept(low), kept(high)),
            None => share,
        })
    });
    let same: Vec<String> = judged
        .iter()
        .filter(|other| other.outcome.removed == best.outcome.removed)
        .map(|other| plan_label(other.plan))
        .collect();
    let mut sentence = format!(
        "With {removed} {layers} removed, {} keep{} the lowest perplexity, {} ({} of the whole model's).",
        same.join("; "),
        if same.len() == 1 { "s" } else { "" },
        significant(Some(best.perplexity)),
        retained.unwrap_or_else(|| "–".into()),
    );
    // The same draws of windows for both, so that what is hard for all does not blur the difference.
    let result = |judged: &Judged<'_>| {
        let mut tasks = judged.outcome.tasks.iter();
        let task = tasks.find(|task| task.dataset == text.dataset)?;
        task.metric(Metric::Perplexity).cloned()
    };
    let of_best = result(best);
    let others = judged.iter().filter(|other| {
        other.outcome.removed != best.outcome.removed && other.plan.removed.len() == removed
    });
    let mut others: Vec<(&Judged<'_>, Comparison)> = others
        .filter_map(|other| {
            let compared = Comparison::of(of_best.as_ref()?, &result(other)?, confidence)?;
            Some((other, compared))
        })
        .collect();
    let mut table: Vec<&mut Comparison> = others.iter_mut().map(|(_, compared)| compared).collect();
    correct(&mut table);
    let close = others
        .iter()
        .filter(|(_, compared)| !compared.is_significant());
    let close: Vec<String> = close.map(|(other, _)| plan_label(other.plan)).collect();
    match close.is_empty() {
        true => sentence.push_str(" Every other choice of layers loses more."),
        false => sentence.push_str(&format!(
            " On this text it cannot be told from {}.",
            close.join("; ")
        )),
    }
    sentence
}

/// How AVSS does beside the best, and beside chance.
fn avss(
    best: &Judged<'_>,
    judged: &[Judged<'_>],
    pruning: &PruningReport,
    text: &TaskResult,
) -> Option<String> {
    let avss = judged.iter().find(|judged| judged.plan.method == "avss")?;
    let retained =
        |judged: &Judged<'_>| comparison(judged, &text.dataset, Metric::Perplexity)?.retained;
    let random = pruning
        .plans
        .iter()
        .filter(|plan| plan.method.starts_with("random"));
    let random: Vec<f64> = random
        .filter_map(|plan| pruning.outcome(plan, plan.removed.len())?.perplexity())
        .collect();
    let beaten = random
        .iter()
        .filter(|perplexity| **perplexity < avss.perplexity)
        .count();
    if avss.outcome.removed == best.outcome.removed {
        return None;
    }
    let mut sentence = format!("AVSS keeps {} of it", kept(retained(avss)?));
    if !random.is_empty() {
        sentence.push_str(&format!(
            "; {beaten} of {} random choices keep more",
            random.len()
        ));
    }
    Some(sentence + ".")
}

/// Whether any plan changes a task for sure.
fn on_task(task: &TaskResult, metric: Metric, judged: &[Judged<'_>]) -> String {
    let name = format!("{} on {}", metric.label(), file_name(&task.dataset));
    let changed: Vec<String> = judged
        .iter()
        .filter(|judged| {
            comparison(judged, &task.dataset, metric).is_some_and(Comparison::is_significant)
        })
        .map(|judged| plan_label(judged.plan))
        .collect();
    let whole = task.metric(metric);
    let at_chance = whole.is_some_and(|whole| match (whole.low, whole.high, whole.chance) {
        (Some(low), Some(high), Some(chance)) => (low..=high).contains(&chance),
        _ => false,
    });
    let mut tested = judged.iter();
    let alpha = tested.find_map(|judged| comparison(judged, &task.dataset, metric)?.significance);
    let mut sentence = match (changed.is_empty(), alpha) {
        (false, Some(found)) => format!(
            "{name}: changed by {} (p at most {} after Holm's correction).",
            changed.join("; "),
            found.alpha
        ),
        _ => format!("{name}: no plan's change can be told from none."),
    };
    if at_chance {
        sentence.push_str(
            " The whole model itself cannot be told from chance here, so this task says little.",
        );
    }
    sentence
}
