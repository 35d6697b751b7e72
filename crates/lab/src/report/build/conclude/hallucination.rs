//! Where hallucinations show, and whether repairs helped.

use layerlab_eval::{Comparison, Metric};
use layerlab_score::{Estimate, LayerContrast};

use crate::{
    HallucinationReport, LocatedDataset, RepairReport, RepairRun, TrainedAlone,
    report::{
        build::{
            located::beside,
            words::{counted, file_name, layers_in_words, metric_name},
        },
        number::significant,
    },
};

/// Which layers tell hallucinated answers from factual ones, beside what needs no layer.
pub(super) fn of_hallucination(found: &HallucinationReport) -> Vec<String> {
    let controls = found.datasets.iter().filter_map(of_controls);
    let margins = found.datasets.iter().filter_map(of_margins);
    let taps = of_taps(found);
    taps.into_iter().chain(controls).chain(margins).collect()
}

/// What answers show without any layer, beside the best layer's probe.
fn of_controls(dataset: &LocatedDataset) -> Option<String> {
    let controls = dataset.controls.as_ref()?;
    let best = |layers: &[LayerContrast]| {
        let aurocs = layers.iter().filter_map(|layer| layer.auroc.value);
        aurocs.max_by(f64::total_cmp)
    };
    let tap = dataset.taps.first()?;
    let cut = tap.cut.as_deref().and_then(best);
    let cut = cut.map_or(String::new(), |cut| {
        format!(
            ", and {} over as many tokens of both answers",
            significant(Some(cut))
        )
    });
    let coins = tap.shuffled.as_ref().and_then(|shuffled| shuffled.auroc);
    let coins = coins.map_or(String::new(), |coins| {
        format!("; labels drawn by coins give {}", significant(Some(coins)))
    });
    // Which side has more is for the reader: what counts is how far they are told apart.
    let apart = |estimate: &Estimate| {
        let turned = |value: f64| value.max(1.0 - value);
        significant(estimate.value.map(turned))
    };
    Some(format!(
        "{}: answer length alone tells them apart with AUROC {}, mean log-probability alone with {}; the best layer's probe ({} of \
         blocks) reaches {}{cut}{coins}.",
        file_name(&dataset.dataset),
        apart(&controls.length),
        apart(&controls.log_probability),
        tap.tap,
        significant(best(&tap.layers))
    ))
}

/// Which layers carry wrong answers, measured.
fn of_margins(dataset: &LocatedDataset) -> Option<String> {
    let margins = dataset.margins.as_ref()?;
    let layers = margins.layers.len();
    let top = margins.layers.iter().find(|layer| layer.rank == Some(1))?;
    let raised = dataset.moves(true);
    let agreement = dataset.taps.first().and_then(|tap| {
        let found = tap.agreement.as_ref()?;
        let place = tap.tap;
        Some(format!(
            " Rank correlation with |ln EAVSS| ({place} of blocks): {}, with the probe: {}.",
            beside(&found.eavss_margin),
            beside(&found.probe_margin)
        ))
    });
    let place = file_name(&dataset.dataset);
    let most = match raised.is_empty() {
        true => String::new(),
        false => format!(
            ", most for layer {} (by {} nats a token),",
            top.layer,
            beside(&top.per_token)
        ),
    };
    // What breaks the model makes all answers equally unlikely.
    let below = match margins.per_token.value {
        Some(value) if value < 0.0 => {
            " The margin is below 0, so that whatever harms the model raises it towards 0."
        }
        _ => "",
    };
    Some(format!(
        "{place}: leaving a layer out significantly raises the margin per token of right answers over wrong ones for {} of {layers} layers{most} \
         and lowers it for {}.{below}{}",
        raised.len(),
        dataset.moves(false).len(),
        agreement.unwrap_or_default()
    ))
}

fn of_taps(found: &HallucinationReport) -> Vec<String> {
    let taps = found.datasets.iter().flat_map(|dataset| {
        let taps = dataset.taps.iter();
        taps.map(|tap| (file_name(&dataset.dataset), tap))
    });
    let sentences = taps.map(|(dataset, tap)| {
        let differ = |layers: &[LayerContrast]| -> Vec<usize> {
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
pub(super) fn of_repair(repair: &RepairReport) -> Vec<String> {
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
    // Layers that were trained alone are told of together.
    let of_choices = runs.iter().filter(|(run, _)| !repair.is_alone(run));
    let lines = of_choices.map(|(run, compared)| {
        let perplexity = run.pooled(Metric::Perplexity);
        let perplexity = perplexity.and_then(|found| Some(1.0 / found.retained?));
        format!(
            "{}: {} {}{}, neutral perplexity {}; {}.",
            run.label(),
            metric_name(metric),
            compared.retained.map_or("–".into(), percent),
            if compared.is_significant() {
                " (significant)"
            } else {
                ""
            },
            perplexity.map_or("–".into(), percent),
            run.ended()
        )
    });
    let mut lines: Vec<String> = lines.collect();
    lines.extend(beside_random(metric, &runs));
    lines.extend(repair.alone.iter().map(TrainedAlone::sentence));
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
