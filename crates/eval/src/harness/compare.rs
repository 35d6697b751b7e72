//! Two runs, document by document.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HarnessError, HarnessRun, Measured};
use crate::{
    Comparison, EvalError, Metric, MetricResult, Sample, Significance,
    metric::{Confidence, correct},
};

/// Two runs of the harness on the same documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HarnessComparison {
    /// Name and version of the format: `layerlab-harness/1`.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// The models, the first as the original.
    pub models: [String; 2],
    /// How intervals and tests are made.
    pub confidence: Confidence,
    /// A row for each task, filter and metric that both have.
    pub pairs: Vec<HarnessPair>,
    /// What was not compared, and what to beware of.
    pub warnings: Vec<String>,
}

/// One metric of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HarnessPair {
    /// The task.
    pub task: String,
    /// How answers were read; `none` as they are.
    pub filter: String,
    /// The harness's name of the metric.
    pub metric: String,
    /// Documents that both were asked.
    pub documents: usize,
    /// The mean over documents of the first, and of the second.
    pub means: [Option<f64>; 2],
    /// Second less first.
    pub difference: Option<f64>,
    /// Lower end of its interval, by a paired bootstrap over documents.
    pub difference_low: Option<f64>,
    /// Upper end.
    pub difference_high: Option<f64>,
    /// Documents of which only the first has the higher value, and only the second.
    pub better: [usize; 2],
    /// McNemar's exact test where all values are 0 or 1, else the permutation test of pairs; corrected for all rows by Holm.
    pub significance: Option<Significance>,
}

impl HarnessComparison {
    /// The JSON Schema of comparisons, as published in the repository.
    ///
    /// # Errors
    /// When it cannot be written, which would be a defect.
    pub fn json_schema() -> Result<String, serde_json::Error> {
        let schema = schemars::schema_for!(Self);
        serde_json::to_string_pretty(&schema).map(|json| json + "\n")
    }
}

/// Name and version of the format.
const SCHEMA: &str = "layerlab-harness/1";

/// Compares two runs on every document that both were asked.
///
/// # Errors
/// When they have no task in common, a task's documents are others, or the confidence is out of range.
pub fn compare_runs(
    first: &HarnessRun,
    second: &HarnessRun,
    confidence: &Confidence,
) -> Result<HarnessComparison, EvalError> {
    confidence.validate()?;
    let mut warnings = Vec::new();
    let mut found: Vec<(HarnessPair, Comparison)> = Vec::new();
    let mut in_common = false;
    for (key, one) in &first.tasks {
        let Some(other) = second.tasks.get(key) else {
            continue;
        };
        in_common = true;
        let (task, filter) = key;
        let documents = same_documents(task, [one, other], &mut warnings)?;
        for (metric, values) in &one.metrics {
            let Some(others) = other.metrics.get(metric) else {
                continue;
            };
            let of = |values: &BTreeMap<u64, f64>| -> Option<Vec<f64>> {
                documents.iter().map(|id| values.get(id).copied()).collect()
            };
            let Some((a, b)) = of(values).zip(of(others)) else {
                warnings.push(format!("{task}: {metric} is not there for every document"));
                continue;
            };
            found.extend(pair([task, filter, metric], [a, b], confidence));
        }
        for metric in &one.left_out {
            warnings.push(format!(
                "{task}: {metric} is no number for each document, and was not compared"
            ));
        }
    }
    let names = |run: &HarnessRun| -> Vec<String> {
        let tasks: BTreeSet<&String> = run.tasks.keys().map(|(task, _)| task).collect();
        tasks.into_iter().cloned().collect()
    };
    let [tasks, others] = [first, second].map(names);
    if !in_common {
        return Err(HarnessError::NoTask {
            first: first.name.clone(),
            second: second.name.clone(),
            first_tasks: tasks,
            second_tasks: others,
        }
        .into());
    }
    for (run, tasks, others) in [(first, &tasks, &others), (second, &others, &tasks)] {
        let only: Vec<&str> = tasks
            .iter()
            .filter(|task| !others.contains(task))
            .map(String::as_str)
            .collect();
        if !only.is_empty() {
            let (name, only) = (&run.name, only.join(", "));
            warnings.push(format!("only {name} was asked {only}"));
        }
    }
    let mut table: Vec<&mut Comparison> = found.iter_mut().map(|(_, found)| found).collect();
    correct(&mut table);
    Ok(HarnessComparison {
        schema: SCHEMA.to_owned(),
        models: [first.name.clone(), second.name.clone()],
        confidence: *confidence,
        pairs: found
            .into_iter()
            .map(|(pair, found)| HarnessPair {
                significance: found.significance,
                ..pair
            })
            .collect(),
        warnings,
    })
}

/// The documents of a task that both runs were asked, where they are the same ones.
fn same_documents(
    task: &str,
    [one, other]: [&Measured; 2],
    warnings: &mut Vec<String>,
) -> Result<Vec<u64>, HarnessError> {
    let mut documents = Vec::new();
    let mut asked_otherwise = 0;
    // What only one has tells nothing.
    let differ = |a: &String, b: &String| !a.is_empty() && !b.is_empty() && a != b;
    for (id, marks) in &one.documents {
        let Some(others) = other.documents.get(id) else {
            continue;
        };
        let is_other =
            differ(&marks.document, &others.document) || differ(&marks.dataset, &others.dataset);
        if is_other {
            return Err(HarnessError::OtherDocuments {
                task: task.to_owned(),
                problem: format!("document {id} is not the same"),
            });
        }
        asked_otherwise += usize::from(differ(&marks.prompt, &others.prompt));
        documents.push(*id);
    }
    let [asked, of] = [
        documents.len(),
        one.documents.len().max(other.documents.len()),
    ];
    if documents.is_empty() {
        return Err(HarnessError::OtherDocuments {
            task: task.to_owned(),
            problem: "none has a number in common".to_owned(),
        });
    }
    if asked < of {
        warnings.push(format!(
            "{task}: {asked} of {of} documents are in both runs"
        ));
    }
    if asked_otherwise > 0 {
        warnings.push(format!(
            "{task}: {asked_otherwise} documents were asked by other prompts, so that the difference is of prompts as well"
        ));
    }
    Ok(documents)
}

fn pair(
    [task, filter, metric]: [&String; 3],
    values: [Vec<f64>; 2],
    confidence: &Confidence,
) -> Option<(HarnessPair, Comparison)> {
    let is_outcome = values
        .iter()
        .flatten()
        .all(|value| *value == 0.0 || *value == 1.0);
    // The name decides the test and no more: right or wrong, or a share.
    let stands_for = if is_outcome {
        Metric::Accuracy
    } else {
        Metric::Mc2
    };
    let documents = values[0].len();
    let better = {
        let pairs = || values[0].iter().zip(&values[1]);
        [
            pairs().filter(|(a, b)| a > b).count(),
            pairs().filter(|(a, b)| a < b).count(),
        ]
    };
    let [a, b] =
        values.map(|values| MetricResult::of(stands_for, Sample::Mean { values }, confidence));
    let means = [a.value, b.value];
    let compared = Comparison::of(&a, &b, confidence)?;
    let pair = HarnessPair {
        task: task.clone(),
        filter: filter.clone(),
        metric: metric.clone(),
        documents,
        means,
        difference: compared.difference,
        difference_low: compared.difference_low,
        difference_high: compared.difference_high,
        better,
        significance: None,
    };
    Some((pair, compared))
}
