//! The samples that the harness logs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::HarnessError;

/// One run: a model, and what each of its tasks logged.
#[derive(Debug, Clone, PartialEq)]
pub struct HarnessRun {
    /// The model's name, or the folder's where the results do not tell it.
    pub name: String,
    /// By task and filter: the harness can read an answer in several ways.
    pub tasks: BTreeMap<(String, String), Measured>,
}

/// What was logged of one task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// By metric: its value for each document. What is no number, such as a perplexity's pair of numbers, is left out.
    pub metrics: BTreeMap<String, BTreeMap<u64, f64>>,
    /// By document: marks that tell it apart from others.
    pub documents: BTreeMap<u64, Marks>,
    /// Metrics whose values are no numbers.
    pub left_out: Vec<String>,
}

/// What tells a document, and how it was asked, apart from others; empty where that was not logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// The harness's hash of the document.
    pub document: String,
    /// The harness's hash of the prompt.
    pub prompt: String,
    /// SHA-256 of the dataset, which the lab writes.
    pub dataset: String,
}

#[derive(Deserialize)]
struct Sample {
    doc_id: u64,
    #[serde(default)]
    doc_hash: String,
    #[serde(default)]
    prompt_hash: String,
    #[serde(default)]
    dataset_sha256: String,
    #[serde(default = "unfiltered")]
    filter: String,
    #[serde(default)]
    metrics: Vec<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

fn unfiltered() -> String {
    "none".to_owned()
}

/// The task of a file of samples, and its date; none of another file.
pub fn is_samples(file: &str) -> Option<(&str, &str)> {
    let stem = file.strip_prefix("samples_")?.strip_suffix(".jsonl")?;
    stem.rsplit_once('_')
}

impl HarnessRun {
    /// Reads a run from its files, by their names without folders. Of a task that was run several times, the last counts.
    ///
    /// # Errors
    /// When there are no samples, or a line is none.
    pub fn read(place: &str, files: &[(String, String)]) -> Result<Self, HarnessError> {
        let mut newest: BTreeMap<&str, (&str, &str, &str)> = BTreeMap::new();
        for (file, contents) in files {
            let Some((task, date)) = is_samples(file) else {
                continue;
            };
            // Dates are written so that their order is that of texts.
            if newest.get(task).is_none_or(|(known, ..)| *known < date) {
                newest.insert(task, (date, file, contents));
            }
        }
        if newest.is_empty() {
            let place = place.to_owned();
            return Err(HarnessError::NoSamples { place });
        }
        let mut tasks: BTreeMap<(String, String), Measured> = BTreeMap::new();
        for (task, (_, file, contents)) in newest {
            for (line, text) in contents.lines().enumerate() {
                if !text.trim().is_empty() {
                    let bad = |problem: String| HarnessError::Line {
                        file: file.to_owned(),
                        line: line + 1,
                        problem,
                    };
                    let sample: Sample =
                        serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
                    let key = (task.to_owned(), sample.filter.clone());
                    tasks.entry(key).or_default().add(sample).map_err(bad)?;
                }
            }
        }
        Ok(Self {
            name: model_name(files).unwrap_or_else(|| place.to_owned()),
            tasks,
        })
    }
}

impl Measured {
    fn add(&mut self, sample: Sample) -> Result<(), String> {
        let id = sample.doc_id;
        let marks = Marks {
            document: sample.doc_hash,
            prompt: sample.prompt_hash,
            dataset: sample.dataset_sha256,
        };
        if self.documents.insert(id, marks).is_some() {
            return Err(format!("document {id} is there twice"));
        }
        for name in sample.metrics {
            let value = match sample.rest.get(&name) {
                Some(Value::Number(number)) => number.as_f64(),
                Some(Value::Bool(right)) => Some(f64::from(u8::from(*right))),
                _ => None,
            };
            match value {
                Some(value) => {
                    let values = self.metrics.entry(name).or_default();
                    values.insert(id, value);
                }
                None if !self.left_out.contains(&name) => self.left_out.push(name),
                None => {}
            }
        }
        Ok(())
    }
}

/// The model's name, as the newest results tell it.
fn model_name(files: &[(String, String)]) -> Option<String> {
    let results = files
        .iter()
        .filter(|(file, _)| file.starts_with("results_") && file.ends_with(".json"));
    let (_, contents) = results.max_by_key(|(file, _)| file)?;
    let results: Value = serde_json::from_str(contents).ok()?;
    let name = results["model_name"].as_str()?;
    Some(name.to_owned())
}
