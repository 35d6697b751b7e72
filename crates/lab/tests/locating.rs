#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Where hallucinations show, on the demo model.

mod support;

use std::collections::BTreeSet;

use burn::tensor::{Int, Tensor};
use layerlab_eval::Dataset;
use layerlab_lab::{
    Cancel, DeviceChoice, LabError, LocateRequest, Located, OpenModel, Report, Run, Tap,
    files::Folder, locate_layers, locate_pairs,
};
use layerlab_model::{Observer, PaddingSide, TokenBatch};
use layerlab_stats::{Epsilon, Estimator, TapStatistics, reference};
use pollster::block_on;
use support::open;

fn dataset(lines: &[&str]) -> Dataset {
    Dataset::read("pairs.jsonl", &lines.join("\n"), false).unwrap()
}

fn locate(
    model: &OpenModel<Folder>,
    dataset: Dataset,
    request: &LocateRequest,
) -> Result<Report, LabError> {
    let cancel = Cancel::default();
    let mut show = |_| ();
    let mut run = Run::new(&mut show, &cancel);
    block_on(locate_layers(
        model,
        &[dataset],
        request,
        "2026-01-01T00:00:00Z".into(),
        &mut run,
    ))
}

const PAIRS: [&str; 3] = [
    r#"{"question": "Who sat on the mat?", "right_answer": "the cat", "hallucinated_answer": "a very old dog"}"#,
    r#"{"question": "What fell?", "right_answer": "the red ball", "hallucinated_answer": "rain"}"#,
    r#"{"question": "Where is she?", "right_answer": "at home", "hallucinated_answer": "by the river"}"#,
];

fn request() -> LocateRequest {
    let mut request = LocateRequest {
        taps: BTreeSet::from([Tap::Output]),
        ..LocateRequest::default()
    };
    request.contrast.estimator = Estimator::Element;
    request.contrast.epsilon = Epsilon::Absolute(0.125);
    request.contrast.resamples = 50;
    request
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

/// The figures are those of float64 over exactly the tokens of answers, each passed alone.
#[test]
fn only_answers_are_measured() {
    let model = open(DeviceChoice::Cpu);
    let report = locate(&model, dataset(&PAIRS), &request()).unwrap();
    let found = &report.hallucination.unwrap().datasets[0];
    assert_eq!(found.pairs, 3);
    let channels = model.decoder.spec().hidden_size;
    let layers = model.decoder.spec().layers();
    let side = |answers: [&str; 3]| -> Vec<TapStatistics> {
        let mut by_layer = vec![TapStatistics::default(); layers];
        let questions = ["Who sat on the mat?", "What fell?", "Where is she?"];
        for (question, answer) in questions.iter().zip(answers) {
            let prompt = format!("Q: {question}\nA:");
            let start = model.tokenizer.encode_text(&prompt).unwrap().len();
            let ids = model
                .tokenizer
                .encode_text(&format!("{prompt} {answer}"))
                .unwrap();
            let mask: Vec<bool> = (0..ids.len()).map(|place| place >= start).collect();
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
    let factual = side(["the cat", "the red ball", "at home"]);
    let hallucinated = side(["a very old dog", "rain", "by the river"]);
    for layer in &found.taps[0].layers {
        let ratio = |value: &dyn Fn(&TapStatistics) -> f64| {
            value(&hallucinated[layer.layer]) / value(&factual[layer.layer])
        };
        let hsav = ratio(&|side| side.variance(Estimator::Element, &[1; 3]));
        let hss = ratio(&|side| side.sparsity(Epsilon::Absolute(0.125), &[1; 3]).floored);
        assert!(
            (layer.hsav.value.unwrap() / hsav - 1.0).abs() < 1e-4,
            "{layer:?} {hsav}"
        );
        assert!(
            (layer.hss.value.unwrap() / hss - 1.0).abs() < 1e-2,
            "{layer:?} {hss}"
        );
    }
}

fn locate_with_pairs(model: &OpenModel<Folder>, lines: &[&str]) -> Located {
    let cancel = Cancel::default();
    let mut show = |_| ();
    let mut run = Run::new(&mut show, &cancel);
    let created = "2026-01-01T00:00:00Z".into();
    block_on(locate_pairs(
        model,
        &[dataset(lines)],
        &request(),
        created,
        &mut run,
    ))
    .unwrap()
}

/// Hidden states of an answer's tokens at the output of every block, passed alone.
fn answer_states(model: &OpenModel<Folder>, question: &str, answer: &str) -> Vec<Vec<Vec<f64>>> {
    let prompt = format!("Q: {question}\nA:");
    let start = model.tokenizer.encode_text(&prompt).unwrap().len();
    let ids = model
        .tokenizer
        .encode_text(&format!("{prompt} {answer}"))
        .unwrap();
    let mut outputs = Outputs::default();
    let batch = TokenBatch::new(&[ids], PaddingSide::Right).unwrap();
    model
        .decoder
        .hidden_states(&batch, None, &mut outputs)
        .unwrap();
    let channels = model.decoder.spec().hidden_size;
    let of_layer = |values: &Vec<f32>| {
        let tokens = values.chunks(channels).skip(start);
        tokens
            .map(|token| token.iter().map(|&value| f64::from(value)).collect())
            .collect()
    };
    outputs.0.iter().map(of_layer).collect()
}

fn mean(rows: &[Vec<f64>]) -> Vec<f64> {
    let channels = 0..rows[0].len();
    let of_channel = |channel: usize| rows.iter().map(|row| row[channel]).sum::<f64>();
    channels
        .map(|channel| of_channel(channel) / rows.len() as f64)
        .collect()
}

/// Each token lies where the means of the other questions' answers put it.
#[test]
fn tokens_are_placed_by_other_questions() {
    let model = open(DeviceChoice::Cpu);
    // The last shares the first one's question, so it takes no part in its direction either.
    let same = r#"{"question": "Who sat on the mat?", "right_answer": "a cat", "hallucinated_answer": "two boys"}"#;
    let lines = [PAIRS[0], PAIRS[1], PAIRS[2], same];
    let located = locate_with_pairs(&model, &lines);
    let found = block_on(located.pairs[0].tokens(&model, 0, Tap::Output)).unwrap();
    assert_eq!(found.prompt, "Q: Who sat on the mat?\nA:");
    assert_eq!(found.factual.tokens.concat(), " the cat");
    assert_eq!(found.hallucinated.tokens.concat(), " a very old dog");
    let states = |question, answer| answer_states(&model, question, answer);
    let others = [
        [
            states("What fell?", "the red ball"),
            states("What fell?", "rain"),
        ],
        [
            states("Where is she?", "at home"),
            states("Where is she?", "by the river"),
        ],
    ];
    let own = states("Who sat on the mat?", "the cat");
    for (layer, placed) in found.factual.layers.iter().enumerate() {
        let side = |side: usize| mean(&others.clone().map(|pair| mean(&pair[side][layer])));
        let (factual, hallucinated) = (side(0), side(1));
        assert_eq!(placed.len(), found.factual.tokens.len());
        for (token, &place) in own[layer].iter().zip(placed) {
            // The place is where the token's foot on the line between the means falls.
            let (mut along, mut length) = (0.0, 0.0);
            for channel in 0..token.len() {
                let difference = factual[channel] - hallucinated[channel];
                let middle = (factual[channel] + hallucinated[channel]) / 2.0;
                along += (token[channel] - middle) * difference;
                length += difference * difference;
            }
            let expected = 2.0 * along / length;
            assert!(
                (place - expected).abs() < 1e-3 * expected.abs().max(1.0),
                "layer {layer}: {place} {expected}"
            );
        }
    }
}

#[test]
fn pairs_that_were_not_measured_are_refused() {
    let model = open(DeviceChoice::Cpu);
    let said = |lines: &[&str], pair, tap| {
        let located = locate_with_pairs(&model, lines);
        let tokens = block_on(located.pairs[0].tokens(&model, pair, tap));
        tokens.unwrap_err().to_string()
    };
    assert!(said(&PAIRS, 3, Tap::Output).contains("no pair 3"));
    assert!(said(&PAIRS, 0, Tap::Mlp).contains("tap mlp"));
    let question =
        r#"{"question": "What fell?", "right_answer": "a tree", "hallucinated_answer": "snow"}"#;
    assert!(said(&[PAIRS[1], question], 0, Tap::Output).contains("of one question"));
}

#[test]
fn devices_agree() {
    let ranks = |device| {
        let model = open(device);
        let report = locate(&model, dataset(&PAIRS), &request()).unwrap();
        let layers = report
            .hallucination
            .unwrap()
            .datasets
            .remove(0)
            .taps
            .remove(0)
            .layers;
        layers
            .into_iter()
            .map(|layer| (layer.rank, layer.ln_eavss.value.unwrap()))
            .collect::<Vec<_>>()
    };
    for (cpu, gpu) in ranks(DeviceChoice::Cpu)
        .iter()
        .zip(ranks(DeviceChoice::Gpu))
    {
        assert_eq!(cpu.0, gpu.0);
        assert!((cpu.1 - gpu.1).abs() < 1e-3, "{cpu:?} {gpu:?}");
    }
}

#[test]
fn pairs_that_are_none_are_refused() {
    let model = open(DeviceChoice::Cpu);
    let refused = |lines: &[&str]| {
        locate(&model, dataset(lines), &request())
            .unwrap_err()
            .to_string()
    };
    let same =
        r#"{"question": "Who?", "right_answer": "The cat!", "hallucinated_answer": "the cat"}"#;
    let said = refused(&[same, PAIRS[0]]);
    assert!(
        said.contains("line 1") && said.contains("the same"),
        "{said}"
    );
    assert!(refused(&PAIRS[..1]).contains("at least 2"));
    let labels = [
        r#"{"text": "a", "label": "x"}"#,
        r#"{"text": "b", "label": "y"}"#,
    ];
    assert!(refused(&labels).contains("no pairs"));
    let missing = Dataset::read(
        "pairs.jsonl",
        r#"{"question": "Who?", "right_answer": "he"}"#,
        false,
    );
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("hallucinated_answer")
    );
}

/// Situation 20: one long question among others is cut from the left and told, as an evaluation does.
#[test]
fn a_question_longer_than_the_context_loses_its_beginning() {
    let model = open(DeviceChoice::Cpu);
    let context = model.decoder.spec().context;
    let before = "The keeper wrote the weather of the day in his list. ".repeat(context);
    let long = PAIRS[0].replace("Who sat", &format!("{before}Who sat"));
    let report = locate(&model, dataset(&[&long, PAIRS[1], PAIRS[2]]), &request()).unwrap();
    let found = &report.hallucination.as_ref().unwrap().datasets[0];
    assert_eq!((found.pairs, found.truncated), (3, 1));
    let told = report.to_markdown();
    assert!(
        told.contains("1 prompt lost its beginning to fit the context"),
        "{told}"
    );
    // Nothing of it beyond the context is read: with still more before it, every figure is the same.
    let longer = long.replace("Who sat", &format!("{before}Who sat"));
    let other = locate(&model, dataset(&[&longer, PAIRS[1], PAIRS[2]]), &request()).unwrap();
    let other = &other.hallucination.unwrap().datasets[0];
    assert_eq!(other.taps, found.taps);
    let whole = locate(&model, dataset(&PAIRS), &request()).unwrap();
    assert!(!whole.to_markdown().contains("lost its beginning"));
    assert_eq!(whole.hallucination.unwrap().datasets[0].truncated, 0);
}

/// Of a dataset that was drawn from, how many there are is told.
#[test]
fn pairs_are_told_with_what_they_were_drawn_from() {
    let model = open(DeviceChoice::Cpu);
    let report = locate(&model, dataset(&PAIRS).sample(2, 0), &request()).unwrap();
    let found = &report.hallucination.as_ref().unwrap().datasets[0];
    assert_eq!((found.items, found.of), (2, 3));
    assert!(report.to_markdown().contains("2 pairs from 2 of 3 items"));
}

/// A model that answers nothing right is confident or not; the counts add up.
#[test]
fn wrong_answers_are_mined() {
    let model = open(DeviceChoice::Cpu);
    let lines = (0..6).map(|index| {
        format!(r#"{{"question": "Which word is number {index}?", "answer": "zyx{index}"}}"#)
    });
    let lines: Vec<String> = lines.collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut request = request();
    request.mining.min_confidence = 0.0;
    let report = locate(&model, dataset(&lines), &request).unwrap();
    let found = report.hallucination.unwrap().datasets.remove(0);
    let mined = found.mined.unwrap();
    assert_eq!((mined.questions, mined.right + mined.wrong), (6, 6));
    assert_eq!(mined.confident, found.pairs);
    request.mining.min_confidence = 1.1;
    let refused = locate(&model, dataset(&lines), &request)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("0 pairs"), "{refused}");
}
