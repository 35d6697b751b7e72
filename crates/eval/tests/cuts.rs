//! Several cuts of one model asked together find what each finds alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeSet, ops::ControlFlow};

use layerlab_eval::{Dataset, EvalError, EvalOptions, Items, evaluate, evaluate_cuts};
use layerlab_model::Cuts;
use pollster::block_on;
use support::{Model, devices, file};

fn datasets() -> Vec<Dataset> {
    let tasks = ["truthful.json", "choices.jsonl", "labels.csv"];
    let tasks = tasks.map(|name| Dataset::read(name, &file(&format!("tasks/{name}")), false));
    let text = Dataset::of_text("text.txt", file("demo/text.txt"));
    let tasks = tasks.into_iter().map(Result::unwrap);
    let records = ["Who?", "Where is it?"]
        .map(|question| serde_json::json!({"question": question, "answer": "here"}).to_string());
    let answers = Dataset::read("answers.jsonl", &records.join("\n"), false).unwrap();
    assert!(matches!(answers.items, Items::Answers(_)));
    [text, answers].into_iter().chain(tasks).collect()
}

#[test]
fn each_is_asked_as_if_alone() {
    for device in devices() {
        let model = Model::open(&device);
        let layers = model.decoder.spec().layers();
        let removed: Vec<BTreeSet<usize>> = [&[][..], &[layers - 1], &[1], &[0, 1]]
            .map(|removed| removed.iter().copied().collect())
            .to_vec();
        let cuts = Cuts::new(layers, &removed).unwrap();
        let options = EvalOptions {
            // Several batches, and several parts of each.
            batch_tokens: 128,
            window: Some(32),
            ..EvalOptions::default()
        };
        for dataset in datasets() {
            let mut steps = Vec::new();
            let mut progress = |done, total| {
                steps.push((done, total));
                ControlFlow::Continue(())
            };
            let found = block_on(evaluate_cuts(
                &model.decoder,
                &cuts,
                &model.tokenizer,
                &dataset,
                &options,
                &mut progress,
            ))
            .unwrap();
            assert_eq!(found.results.len(), removed.len());
            for (removed, found) in removed.iter().zip(&found.results) {
                let view = model.decoder.without(removed).unwrap();
                let mut go_on = |_, _| ControlFlow::Continue(());
                let alone = evaluate(&view, &model.tokenizer, &dataset, &options, &mut go_on);
                assert_eq!(found, &block_on(alone).unwrap(), "{removed:?}");
            }
            let &(done, total) = steps.last().unwrap();
            assert_eq!(done, total, "{}", dataset.name);
            assert!(steps.is_sorted(), "{}: {steps:?}", dataset.name);
            if dataset.is_text() {
                assert_eq!(found.sequences, found.results[0].items);
            }
            if found.sequences > 0 {
                assert_eq!(total, found.sequences * removed.len());
            }
        }
    }
}

/// Between two of them, whoever wants them no more is heard.
#[test]
fn they_are_broken_off_between_two() {
    let model = Model::cpu();
    let layers = model.decoder.spec().layers();
    let cuts = Cuts::new(layers, &[BTreeSet::new(), BTreeSet::from([1])]).unwrap();
    let mut left = 2;
    let mut progress = |_, _| {
        left -= 1;
        match left {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let (dataset, options) = (&datasets()[0], EvalOptions::default());
    let (decoder, tokenizer) = (&model.decoder, &model.tokenizer);
    let broken = evaluate_cuts(decoder, &cuts, tokenizer, dataset, &options, &mut progress);
    assert!(matches!(block_on(broken), Err(EvalError::Interrupted)));
    assert_eq!(left, 0);
}
