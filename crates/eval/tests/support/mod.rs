#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
//! A tiny model, and what `transformers` makes of tasks with it.

use std::{fs, ops::ControlFlow, path::Path};

use burn::tensor::{Device, DeviceKind};
use layerlab_eval::{Dataset, EvalError, EvalOptions, Metric, Sample, TaskResult, evaluate};
use layerlab_model::{Checkpoint, Decoder, Folder, Tokenizer, WeightFormat};
use pollster::block_on;
use serde_json::Value;

// Relative to the package, where cargo runs tests.
pub const GOLDENS: &str = "../../tests/goldens";

pub struct Model {
    pub decoder: Decoder,
    pub tokenizer: Tokenizer,
}

impl Model {
    pub fn open(device: &Device) -> Self {
        Self::of(Path::new(&format!("{GOLDENS}/demo")), device)
    }

    pub fn of(folder: &Path, device: &Device) -> Self {
        let folder = Folder::new(folder);
        block_on(async {
            let checkpoint = Checkpoint::open(folder).await.unwrap();
            let tokenizer = Tokenizer::open(checkpoint.files()).await.unwrap();
            let mut progress = |_| ControlFlow::Continue(());
            let decoder = Decoder::load(&checkpoint, device, WeightFormat::Stored, &mut progress)
                .await
                .unwrap();
            Self { decoder, tokenizer }
        })
    }

    pub fn cpu() -> Self {
        Self::open(&Device::flex())
    }

    pub fn ask(&self, dataset: &Dataset, options: &EvalOptions) -> Result<TaskResult, EvalError> {
        let mut progress = |_, _| ControlFlow::Continue(());
        block_on(evaluate(
            &self.decoder,
            &self.tokenizer,
            dataset,
            options,
            &mut progress,
        ))
    }
}

pub fn file(name: &str) -> String {
    fs::read_to_string(format!("{GOLDENS}/{name}")).unwrap()
}

pub fn reference() -> Value {
    serde_json::from_str(&file("tasks/evaluation.json")).unwrap()
}

pub fn devices() -> [Device; 2] {
    [Device::flex(), Device::wgpu(DeviceKind::DefaultDevice)]
}

pub fn assert_close(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1e-3);
    assert!(error < 1e-4, "{what}: {found} for {expected}");
}

pub fn value(result: &TaskResult, metric: Metric) -> f64 {
    result.metric(metric).unwrap().value.unwrap()
}

/// The choices of both datasets have the metrics of `expected`, and are right item by item, where means could agree by luck.
pub fn assert_choices(model: &Model, options: &EvalOptions, expected: &Value) {
    for (name, metrics) in [
        (
            "truthful.json",
            &[(Metric::Mc1, "accuracy"), (Metric::Mc2, "mc2")][..],
        ),
        (
            "choices.jsonl",
            &[
                (Metric::Accuracy, "accuracy"),
                (Metric::AccuracyNorm, "accuracy_norm"),
            ],
        ),
    ] {
        let dataset = Dataset::read(name, &file(&format!("tasks/{name}")), false).unwrap();
        let result = model.ask(&dataset, options).unwrap();
        let expected = &expected[name];
        for (metric, field) in metrics {
            let expected = expected[field].as_f64().unwrap();
            assert_close(value(&result, *metric), expected, metric.label());
        }
        let right = expected["right"].as_array().unwrap();
        let right = right.iter().map(|right| Some(right.as_bool().unwrap()));
        assert_eq!(result.metrics[0].sample, Sample::of_outcomes(right));
        if let Some(items) = expected["mc2_items"].as_array() {
            let Sample::Mean { values } = &result.metric(Metric::Mc2).unwrap().sample else {
                panic!("MC2 is a mean");
            };
            for (found, expected) in values.iter().zip(items) {
                let expected = expected.as_f64().unwrap();
                assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
            }
        }
    }
}
