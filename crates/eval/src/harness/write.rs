//! Our results as the harness would have left them.

use serde_json::{Map, Value, json};

use crate::{Metric, Sample, TaskResult};

/// The files of a run, by their names: `results_DATE.json`, and `samples_TASK_DATE.jsonl` for each dataset, with a line for each item, or
/// for each window or block of a text. `date` is such as `2026-11-27T12-30-00`. Fields that only the harness knows, such as hashes of
/// prompts, are not there.
pub fn harness_files(model: &str, results: &[TaskResult], date: &str) -> Vec<(String, String)> {
    let (mut aggregated, mut counts) = (Map::new(), Map::new());
    let mut files = Vec::new();
    for result in results {
        let task = task_name(&result.dataset);
        let mut values = Map::new();
        values.insert("alias".to_owned(), task.clone().into());
        for metric in &result.metrics {
            let Some(name) = name_of(metric.metric) else {
                continue;
            };
            values.insert(format!("{name},none"), metric.value.into());
            let error = standard_error(&metric.sample);
            let error = error.map_or(Value::from("N/A"), Value::from);
            values.insert(format!("{name}_stderr,none"), error);
        }
        aggregated.insert(task.clone(), values.into());
        let count = json!({"original": result.of.max(result.items), "effective": result.items});
        counts.insert(task.clone(), count);
        files.push((format!("samples_{task}_{date}.jsonl"), samples(result)));
    }
    let all = json!({
        "results": aggregated, "n-samples": counts, "model_name": model, "model_source": "layerlab",
        "layerlab_version": env!("CARGO_PKG_VERSION"),
    });
    files.push((format!("results_{date}.json"), format!("{all:#}\n")));
    files
}

fn samples(result: &TaskResult) -> String {
    let units = result.metrics.iter().map(|metric| metric.sample.len());
    let lines = (0..units.max().unwrap_or(0)).map(|unit| {
        let mut fields = Map::new();
        let mut names: Vec<Value> = Vec::new();
        for metric in &result.metrics {
            let value = value_of(&metric.sample, unit);
            if let Some((name, value)) = name_of(metric.metric).zip(value) {
                names.push(name.into());
                fields.insert(name.to_owned(), value);
            }
        }
        let mut line = Map::new();
        line.insert("doc_id".to_owned(), unit.into());
        line.insert("filter".to_owned(), "none".into());
        line.insert("metrics".to_owned(), names.into());
        line.insert("dataset_sha256".to_owned(), result.sha256.clone().into());
        line.extend(fields);
        Value::Object(line).to_string() + "\n"
    });
    lines.collect()
}

/// What one item, window or block contributes; a pair of a log-likelihood in nats and a size where the metric is a quotient of sums.
fn value_of(sample: &Sample, unit: usize) -> Option<Value> {
    let pair = |sums: &[f64], sizes: &[f64], unit_of: f64| {
        let (sum, size) = (sums.get(unit)?, sizes.get(unit)?);
        Some(json!([-sum * unit_of, size]))
    };
    match sample {
        Sample::Mean { values } => values.get(unit).map(|value| json!(value)),
        Sample::Perplexity { losses, tokens } => pair(losses, tokens, 1.0),
        Sample::BitsPerByte { bits, bytes } => pair(bits, bytes, std::f64::consts::LN_2),
        Sample::Calibration { .. } => None,
    }
}

/// The harness's name; none of what it does not have.
fn name_of(metric: Metric) -> Option<&'static str> {
    Some(match metric {
        Metric::Perplexity => "perplexity",
        Metric::BitsPerByte => "bits_per_byte",
        Metric::Accuracy => "acc",
        Metric::AccuracyNorm => "acc_norm",
        Metric::Mc1 => "mc1",
        Metric::Mc2 => "mc2",
        Metric::ExactMatch => "exact_match",
        Metric::Abstention => "abstention",
        Metric::WrongAnswer => "wrong_answer",
        Metric::Ece => return None,
    })
}

/// Of a mean: the sample's standard deviation over the root of its size.
fn standard_error(sample: &Sample) -> Option<f64> {
    let Sample::Mean { values } = sample else {
        return None;
    };
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (count - 1.0)).sqrt() / count.sqrt()).filter(|error| error.is_finite())
}

/// A dataset's name as a task's: without folders and extension, and nothing that a file's name may not have.
fn task_name(dataset: &str) -> String {
    let file = dataset.rsplit(['/', '\\']).next().unwrap_or(dataset);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    stem.chars().map(plain).collect()
}
