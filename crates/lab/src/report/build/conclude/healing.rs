//! How many layers can go, and what healing brought.

use layerlab_eval::{
    Comparison, Metric,
    metric::{Confidence, correct},
};

use crate::{
    Healing,
    report::{
        HealingReport, Outcome, PruningReport, Report,
        build::words::{all_of, counted, file_name, kept_percent, plan_label},
    },
};

/// How many layers can go while most stays: the question that comes first.
pub(super) fn largest_cut(
    report: &Report,
    healing: &HealingReport,
    layers: usize,
) -> Option<String> {
    let best = healing.largest_cut()?;
    let what = healing.kept_of(report);
    let share = kept_percent(healing.request.keep);
    let of_way = |way: Healing| {
        let cuts = healing.cuts.iter().filter(|cut| cut.healing == way);
        cuts.map(|cut| cut.layers).max()
    };
    let unhealed = of_way(Healing::None);
    let kept = best.retained.map_or(String::new(), |share| {
        let ends = best.retained_low.zip(best.retained_high);
        let ends = ends.map_or(String::new(), |(low, high)| {
            format!(" [{} to {}]", kept_percent(low), kept_percent(high))
        });
        format!(", which keeps {}{ends}", kept_percent(share))
    });
    let by = match best.healing {
        Healing::None => format!("{}, as cut", best.label),
        way => format!("{}, healed by {way}", best.label),
    };
    if best.layers == 0 {
        return Some(format!(
            "No layer of {layers} can go while {share} of {what} stays, healed or not."
        ));
    }
    let without = match (best.healing, unhealed) {
        (Healing::None, _) | (_, None) => String::new(),
        (_, Some(unhealed)) => format!("; without healing {unhealed}"),
    };
    let more = if best.is_whole_plan { "At least " } else { "" };
    Some(format!(
        "{more}{} of {layers} can go while {share} of {what} stays: chosen by {by}{kept}{without}.",
        counted(best.layers, "layer")
    ))
}

/// What healing brought to the models at the end of plans, and where it did harm.
pub(super) fn of_healing(
    report: &Report,
    pruning: &PruningReport,
    healing: &HealingReport,
) -> Vec<String> {
    let ways = healing.request.healing();
    let mut sentences: Vec<String> = ways
        .iter()
        .filter_map(|way| of_way(pruning, healing, *way))
        .collect();
    sentences.extend(
        ways.iter()
            .filter_map(|way| harm(report, pruning, healing, *way)),
    );
    sentences
}

/// What one way brought: the best model by it, and how many got better.
fn of_way(pruning: &PruningReport, healing: &HealingReport, way: Healing) -> Option<String> {
    let of_plans = pruning.plans.iter().filter_map(|plan| {
        let healed = healing.outcome(way, &plan.set())?;
        let cut = pruning.outcome(plan, plan.removed.len())?;
        Some((plan, healed.outcome.retained()?, cut.retained()?))
    });
    let of_plans: Vec<_> = of_plans.collect();
    let best = of_plans.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let better = of_plans
        .iter()
        .filter(|(_, healed, cut)| healed > cut)
        .count();
    let (plan, healed, cut) = best;
    let all = of_plans.len();
    let said = match better {
        0 => format!("Healing by {way} helps no choice: at best"),
        better if better == all => format!("Healing by {way} helps every choice: at best"),
        better => format!("Healing by {way} helps {better} of {all} choices: at best"),
    };
    Some(format!(
        "{said} {} is kept where it was {} ({}).",
        kept_percent(*healed),
        kept_percent(*cut),
        plan_label(plan)
    ))
}

/// Tasks in which healed models are worse than those as cut, by a test, though healing mends perplexity.
fn harm(
    report: &Report,
    pruning: &PruningReport,
    healing: &HealingReport,
    way: Healing,
) -> Option<String> {
    // What is asked is the test alone, which needs no resamples: a report that is opened may claim any number of them.
    let confidence = &Confidence {
        resamples: 0,
        ..pruning.options.confidence
    };
    let mut found = Vec::new();
    for (task, metric) in report.metrics() {
        if matches!(
            metric,
            Metric::Perplexity | Metric::BitsPerByte | Metric::Ece
        ) {
            continue;
        }
        for plan in &pruning.plans {
            let healed = healing.outcome(way, &plan.set());
            let cut = pruning.outcome(plan, plan.removed.len());
            let Some((healed, cut)) = healed.zip(cut) else {
                continue;
            };
            let result = |outcome: &Outcome| {
                let mut tasks = outcome.tasks.iter();
                let task = tasks.find(|other| other.dataset == task.dataset)?;
                task.metric(metric).cloned()
            };
            let results = result(cut).zip(result(&healed.outcome));
            let compared =
                results.and_then(|(cut, healed)| Comparison::of(&cut, &healed, confidence));
            if let Some(compared) = compared {
                let mends = healed.outcome.retained() > cut.retained();
                found.push((task, metric, plan, mends, compared));
            }
        }
    }
    correct(
        &mut found
            .iter_mut()
            .map(|(.., compared)| compared)
            .collect::<Vec<_>>(),
    );
    let mut harmed: Vec<(String, Vec<String>)> = Vec::new();
    for (task, metric, plan, mends, compared) in &found {
        let is_worse = compared
            .difference
            .is_some_and(|difference| difference < 0.0);
        if !(*mends && is_worse && compared.is_significant()) {
            continue;
        }
        let name = format!("{} on {}", metric.label(), file_name(&task.dataset));
        match harmed.iter_mut().find(|(known, _)| *known == name) {
            Some((_, plans)) => plans.push(plan_label(plan)),
            None => harmed.push((name, vec![plan_label(plan)])),
        }
    }
    let harmed = harmed
        .iter()
        .map(|(name, plans)| format!("{name} ({})", all_of(plans)));
    let harmed: Vec<String> = harmed.collect();
    (!harmed.is_empty()).then(|| {
        format!(
            "Healing by {way} mends perplexity but does significant harm: {}.",
            harmed.join("; ")
        )
    })
}
