//! Bits by layer: what is measured is what a model in these bits loses, and what is told follows from it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use layerlab_eval::{Dataset, EvalOptions, Metric};
use layerlab_lab::{
    Allocation, Cancel, DeviceChoice, OpenModel, QuantizationReport, Report, Run, evaluate_model,
    files::Folder, quantize_layers, report::Detail, tensors::StoredType,
};
use pollster::block_on;
use support::{demo, open, short, text};

fn judged_on(length: usize) -> Dataset {
    let contents = std::fs::read_to_string(demo().join("text.txt")).unwrap();
    Dataset::of_text("held-out.txt", contents[..length].to_owned())
}

fn options() -> EvalOptions {
    EvalOptions {
        window: Some(48),
        ..EvalOptions::default()
    }
}

fn quantize(model: &OpenModel<Folder>, datasets: &[Dataset]) -> Report {
    let cancel = Cancel::default();
    let mut silent = |_| ();
    let mut run = Run::new(&mut silent, &cancel);
    let text = text(model, short());
    let created = "2026-01-01T00:00:00Z".to_owned();
    block_on(quantize_layers(
        model,
        &text,
        4,
        datasets,
        &options(),
        created,
        &mut run,
    ))
    .unwrap()
}

fn found(report: &Report) -> &QuantizationReport {
    report.quantization.as_ref().unwrap()
}

/// The mean loss of the calibration text, by what asks for perplexity rather than by what measures layers.
fn perplexity(model: &OpenModel<Folder>, dataset: &Dataset) -> f64 {
    let cancel = Cancel::default();
    let mut silent = |_| ();
    let mut run = Run::new(&mut silent, &cancel);
    let (datasets, options) = ([dataset.clone()], options());
    let report = evaluate_model(model, &datasets, &options, String::new(), &mut run);
    let report = block_on(report).unwrap();
    report.evaluation[0]
        .metric(Metric::Perplexity)
        .unwrap()
        .value
        .unwrap()
}

#[test]
fn each_figure_is_that_of_the_model_in_these_bits() {
    let mut model = open(DeviceChoice::Cpu);
    let dataset = judged_on(3000);
    let report = quantize(&model, std::slice::from_ref(&dataset));
    let found = found(&report);
    let layers = model.decoder.spec().layers();
    assert_eq!(found.sensitivity.len(), layers);
    let whole = model.decoder.clone();
    let types = |names: &[String]| -> BTreeMap<usize, StoredType> {
        let types = names.iter().map(|name| match name.as_str() {
            "Q4_0" => StoredType::Q4_0,
            "Q5_0" => StoredType::Q5_0,
            _ => StoredType::Q8_0,
        });
        types.enumerate().collect()
    };
    let embedded = block_on(whole.with_embeddings_stored(StoredType::Q8_0)).unwrap();
    for quantized in &found.models {
        model.decoder = block_on(embedded.with_blocks_stored(&types(&quantized.types))).unwrap();
        let expected = perplexity(&model, &dataset);
        let told = quantized.tasks[0]
            .metric(Metric::Perplexity)
            .unwrap()
            .value
            .unwrap();
        assert!(
            (told / expected - 1.0).abs() < 1e-6,
            "{:?}: {told} {expected}",
            quantized.allocation
        );
    }
    // One layer at a time: the loss of the text by the sum of its sequences' losses.
    let text = text(&model, short());
    let loss = |model: &OpenModel<Folder>| {
        let cancel = Cancel::default();
        let mut silent = |_| ();
        let mut run = Run::new(&mut silent, &cancel);
        let request = layerlab_lab::ScoreRequest {
            loss_change: true,
            ..Default::default()
        };
        let measured = layerlab_lab::Measured::of(model, &text, &request, &mut run);
        let measured = serde_json::to_value(block_on(measured).unwrap()).unwrap();
        let losses = &measured["losses"];
        let sum = |list: &serde_json::Value| -> f64 {
            list.as_array()
                .unwrap()
                .iter()
                .map(|value| value.as_f64().unwrap())
                .sum()
        };
        sum(&losses["whole"]) / sum(&losses["tokens"])
    };
    model.decoder = whole.clone();
    let before = loss(&model);
    assert!((found.loss.unwrap() - before).abs() < 1e-6);
    for layer in 0..layers {
        let one = BTreeMap::from([(layer, StoredType::Q4_0)]);
        model.decoder = block_on(whole.with_blocks_stored(&one)).unwrap();
        let (expected, told) = (
            loss(&model) - before,
            found.sensitivity[layer].value.unwrap(),
        );
        assert!((told - expected).abs() < 1e-5, "{layer}: {told} {expected}");
    }
}

#[test]
fn all_forms_tell_what_was_found() {
    let model = open(DeviceChoice::Cpu);
    let report = quantize(&model, &[judged_on(3000)]);
    let found = found(&report);
    let bytes = |allocation| found.of(allocation).map(|model| model.bytes);
    let even = found
        .models
        .iter()
        .find(|model| model.types.iter().all(|stored| stored == "Q5_0"));
    let even = even.unwrap();
    if let Some(measured) = bytes(Allocation::Measured) {
        assert!(measured <= even.bytes);
        for other in [Allocation::Ends, Allocation::Random, Allocation::Reversed] {
            assert_eq!(bytes(other), Some(measured));
        }
        assert_eq!(even.measured.len(), even.compared.len());
    }
    let terminal = report.to_terminal(Detail::Full, 100);
    let (markdown, html, csv) = (
        report.to_markdown(),
        report.to_html(),
        report.to_csv().unwrap(),
    );
    for form in [&terminal, &markdown, &html] {
        for said in [
            "Models in few bits",
            "What one layer in Q4_0 costs",
            "in all layers together",
        ] {
            // Terminals break lines.
            let form = form.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(form.contains(said), "{said}: {form}");
        }
    }
    let rows = csv.lines().filter(|row| row.starts_with("sensitivity,"));
    assert_eq!(rows.count(), found.sensitivity.len());
    assert!(
        csv.lines()
            .filter(|row| row.starts_with("quantized,"))
            .count()
            >= 2 * found.models.len()
    );
    let again: Report = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(
        again.quantization.unwrap().tensor_type_file(),
        found.tensor_type_file()
    );
    // A pattern and a type a line, and nothing else: llama.cpp knows no comments here.
    for line in found.tensor_type_file().lines() {
        let (pattern, stored) = line.split_once('=').unwrap();
        assert!(
            pattern.starts_with('^') && ["q4_0", "q5_0", "q8_0"].contains(&stored),
            "{line}"
        );
    }
}

/// Bits that were handed out by a text look good on that text.
#[test]
fn the_same_text_twice_is_told() {
    let model = open(DeviceChoice::Cpu);
    let contents = std::fs::read_to_string(demo().join("text.txt")).unwrap();
    let same = Dataset::of_text("text.txt", contents);
    let told = |report: &Report| report.warnings.iter().any(|said| said.contains("flatters"));
    assert!(told(&quantize(&model, &[same])));
    assert!(!told(&quantize(&model, &[judged_on(3000)])));
}
