#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! The margin of right answers over wrong ones, what each layer does to it, and answers cut to one length, on the demo model.

mod support;

use std::collections::BTreeSet;

use burn::tensor::{Int, Tensor};
use layerlab_eval::Dataset;
use layerlab_lab::{
    Cancel, Decoder, DeviceChoice, LocateRequest, LocatedDataset, MarginChange, OpenModel, Report,
    Run, Tap, files::Folder, locate_layers, report::Detail,
};
use layerlab_model::{NoObserver, Observer, PaddingSide, Target, TokenBatch};
use layerlab_stats::{Epsilon, Estimator, TapStatistics, reference};
use pollster::block_on;
use support::open;

const QUESTIONS: [&str; 3] = ["Who sat on the mat?", "What fell?", "Where is she?"];
const RIGHT: [&str; 3] = ["the cat", "the red ball", "at home"];
const WRONG: [&str; 3] = ["a very old dog", "rain", "by the river"];

fn dataset() -> Dataset {
    let lines = (0..3).map(|item| {
        serde_json::json!({
            "question": QUESTIONS[item], "right_answer": RIGHT[item], "hallucinated_answer": WRONG[item],
        })
        .to_string()
    });
    let lines: Vec<String> = lines.collect();
    Dataset::read("pairs.jsonl", &lines.join("\n"), false).unwrap()
}

fn located(model: &OpenModel<Folder>, margin_change: MarginChange) -> Report {
    let cancel = Cancel::default();
    let mut show = |_| ();
    let mut run = Run::new(&mut show, &cancel);
    let mut request = LocateRequest {
        taps: BTreeSet::from([Tap::Output]),
        margin_change,
        ..LocateRequest::default()
    };
    request.contrast.estimator = Estimator::Element;
    request.contrast.epsilon = Epsilon::Absolute(0.125);
    request.contrast.resamples = 50;
    let datasets = [dataset()];
    let report = locate_layers(model, &datasets, &request, String::new(), &mut run);
    block_on(report).unwrap()
}

fn found(report: &Report) -> &LocatedDataset {
    &report.hallucination.as_ref().unwrap().datasets[0]
}

/// Ids of a prompt with its answer, and where the answer begins.
fn read(model: &OpenModel<Folder>, question: &str, answer: &str) -> (Vec<u32>, usize) {
    let prompt = format!("Q: {question}\nA:");
    let ids = |text: &str| model.tokenizer.encode_text(text).unwrap();
    (ids(&format!("{prompt} {answer}")), ids(&prompt).len())
}

/// Log-probabilities of an answer's tokens, passed alone.
fn log_probabilities(
    model: &OpenModel<Folder>,
    decoder: &Decoder,
    item: usize,
    answer: &str,
) -> Vec<f64> {
    let (ids, start) = read(model, QUESTIONS[item], answer);
    let targets = (start..ids.len()).map(|place| Target {
        row: 0,
        position: place - 1,
        token: ids[place],
    });
    let targets: Vec<Target> = targets.collect();
    let batch = TokenBatch::new(&[ids], PaddingSide::Right).unwrap();
    let hidden = decoder
        .hidden_states(&batch, None, &mut NoObserver)
        .unwrap();
    let found = decoder.log_likelihoods(hidden, &targets).unwrap();
    found.into_data().iter::<f32>().map(f64::from).collect()
}

/// Mean margin, summed over tokens and per token.
fn margin(model: &OpenModel<Folder>, decoder: &Decoder) -> [f64; 2] {
    let of = |item: usize, answer: &str| {
        let tokens = log_probabilities(model, decoder, item, answer);
        let sum: f64 = tokens.iter().sum();
        [sum, sum / tokens.len() as f64]
    };
    let pairs = (0..3).map(|item| (of(item, RIGHT[item]), of(item, WRONG[item])));
    let sums = pairs.fold([0.0; 2], |[summed, each], (right, wrong)| {
        [summed + right[0] - wrong[0], each + right[1] - wrong[1]]
    });
    sums.map(|sum| sum / 3.0)
}

#[test]
fn margins_without_each_layer_are_those_of_the_model_without_it() {
    for device in [DeviceChoice::Cpu, DeviceChoice::Gpu] {
        let model = open(device);
        let report = located(&model, MarginChange::Always);
        let margins = found(&report).margins.as_ref().unwrap();
        let near = |estimate: layerlab_score::Estimate, expected: f64| {
            let value = estimate.value.unwrap();
            assert!((value - expected).abs() < 1e-3, "{value} {expected}");
        };
        let whole = margin(&model, &model.decoder);
        near(margins.summed, whole[0]);
        near(margins.per_token, whole[1]);
        assert_eq!(margins.layers.len(), model.decoder.spec().layers());
        for layer in &margins.layers {
            let without = model
                .decoder
                .without(&BTreeSet::from([layer.layer]))
                .unwrap();
            let without = margin(&model, &without);
            near(layer.summed, without[0] - whole[0]);
            near(layer.per_token, without[1] - whole[1]);
        }
        let mut ranked: Vec<_> = margins.layers.iter().collect();
        ranked.sort_by_key(|layer| layer.rank);
        assert!(ranked.is_sorted_by(|a, b| a.per_token.value >= b.per_token.value));
    }
}

/// Keeps the outputs of all blocks.
#[derive(Default)]
struct Outputs(Vec<Vec<f32>>);

impl Observer for Outputs {
    fn wants(&self, _layer: usize, tap: Tap) -> bool {
        tap == Tap::Output
    }

    fn observe(&mut self, _layer: usize, _tap: Tap, hidden: Tensor<3>, _mask: &Tensor<2, Int>) {
        self.0.push(hidden.into_data().iter::<f32>().collect());
    }
}

/// Both answers of a pair by as many tokens, the first of the longer one.
#[test]
fn cut_answers_are_measured_by_their_first_tokens() {
    let model = open(DeviceChoice::Cpu);
    let report = located(&model, MarginChange::Never);
    let found = found(&report);
    let channels = model.decoder.spec().hidden_size;
    let layers = model.decoder.spec().layers();
    let side = |answers: [&str; 3], others: [&str; 3]| {
        let mut by_layer = vec![TapStatistics::default(); layers];
        for (item, question) in QUESTIONS.iter().enumerate() {
            let (ids, start) = read(&model, question, answers[item]);
            let (other, other_start) = read(&model, question, others[item]);
            let end = ids.len().min(start + other.len() - other_start);
            let mask: Vec<bool> = (0..ids.len())
                .map(|place| (start..end).contains(&place))
                .collect();
            let mut outputs = Outputs::default();
            let batch = TokenBatch::new(&[ids], PaddingSide::Right).unwrap();
            model
                .decoder
                .hidden_states(&batch, None, &mut outputs)
                .unwrap();
            for (layer, values) in outputs.0.iter().enumerate() {
                let statistics = reference::sequence(values, channels, &mask, Some(0.125));
                by_layer[layer].sequences.push(statistics);
            }
        }
        by_layer
    };
    let (factual, hallucinated) = (side(RIGHT, WRONG), side(WRONG, RIGHT));
    let tap = &found.taps[0];
    let cut = tap.cut.as_ref().unwrap();
    assert_eq!(cut.len(), layers);
    let mut differ = false;
    for (layer, whole) in cut.iter().zip(&tap.layers) {
        let variance =
            |side: &[TapStatistics]| side[layer.layer].variance(Estimator::Element, &[1; 3]);
        let hsav = variance(&hallucinated) / variance(&factual);
        assert!(
            (layer.hsav.value.unwrap() / hsav - 1.0).abs() < 1e-4,
            "{layer:?} {hsav}"
        );
        differ |= (layer.hsav.value.unwrap() - whole.hsav.value.unwrap()).abs() > 1e-3;
    }
    assert!(differ);
}

#[test]
fn controls_and_margins_stand_in_every_form() {
    let model = open(DeviceChoice::Cpu);
    let measured = located(&model, MarginChange::Always);
    let csv = measured.to_csv().unwrap();
    for form in [
        measured.to_terminal(Detail::Full, 100),
        measured.to_markdown(),
        measured.to_html(),
    ] {
        let form = form.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "answer length alone",
            "margin change",
            "Without any layer",
            "Rank correlation",
        ] {
            assert!(form.contains(said), "{said}: {form}");
        }
    }
    for metric in [
        "AUROC of answer length alone",
        "margin change",
        "ρ of AUROC and margin change",
        "\"AUROC, cut\"",
    ] {
        assert!(csv.contains(metric), "{metric}: {csv}");
    }
    assert!(found(&measured).taps[0].agreement.is_some());
    // What takes too long is not measured, and that is said.
    let within = located(&model, MarginChange::Within { seconds: 0.0 });
    for report in [&within, &located(&model, MarginChange::Never)] {
        assert!(found(report).margins.is_none() && found(report).taps[0].agreement.is_none());
        assert!(found(report).controls.is_some());
        assert!(
            report
                .to_markdown()
                .contains("It was not measured without each layer.")
        );
    }
    let within = located(&model, MarginChange::Within { seconds: 600.0 });
    assert!(found(&within).margins.is_some());
}
