//! A pruned model for others to load, with where it comes from.

use std::{collections::BTreeSet, ops::ControlFlow};

use layerlab_model::{
    Adapters, Checkpoint, Decoder, LoadProgress, ModelFiles,
    export::{ExportTarget, export, mergekit_yaml, rounded, write_file},
};
use layerlab_score::Plan;
use serde::Serialize;

use crate::{
    HealRecord, LabError, OpenModel, Progress, Run, Text,
    report::{DataReport, ModelReport, Program},
};

/// Where a pruned model comes from: `layerlab.json` beside its weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// What wrote it.
    pub program: Program,
    /// When, as RFC 3339.
    pub created: String,
    /// The whole model.
    pub source: ModelReport,
    /// The layers removed, and who chose them.
    pub plan: Plan,
    /// Types in blocks in which the source stores weights, such as Q4_1: what is in them was written as F16, rounded to 11
    /// significant bits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rounded: Vec<String>,
    /// How llama.cpp makes the same cut in a GGUF file of the whole model, where nothing was healed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub llama_cpp: Option<String>,
    /// How what is left was healed, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healing: Option<HealRecord>,
    /// The text that healing learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healed_on: Option<DataReport>,
}

impl Provenance {
    /// Of a plan for a model. All weight files are read once for the hash.
    ///
    /// # Errors
    /// When the model cannot be read.
    pub async fn of<F: ModelFiles>(
        checkpoint: &Checkpoint<F>,
        plan: Plan,
        created: String,
    ) -> Result<Self, LabError> {
        let layers: Vec<String> = plan.set().iter().map(ToString::to_string).collect();
        let layers = layers.join(",");
        let llama_cpp =
            format!("llama-quantize --prune-layers {layers} whole.gguf pruned.gguf COPY");
        Ok(Self {
            llama_cpp: Some(llama_cpp),
            program: Program::this(),
            created,
            source: ModelReport::of_files(checkpoint).await?,
            plan,
            rounded: rounded(checkpoint),
            healing: None,
            healed_on: None,
        })
    }

    /// Of a model that was healed as `record` says, on `text`.
    pub fn healed(self, record: &HealRecord, text: &Text) -> Self {
        Self {
            llama_cpp: None,
            healing: Some(record.clone()),
            healed_on: Some(DataReport::of(text)),
            ..self
        }
    }
}

/// What was rounded when a model was written, in a sentence; nothing where nothing was. `types` are those of [`rounded`].
pub fn rounding(types: &[String]) -> Option<String> {
    (!types.is_empty()).then(|| {
        format!(
            "Weights stored in blocks ({}) are written in half precision (F16), rounded to 11 significant bits",
            types.join(", ")
        )
    })
}

/// Writes the model without the plan's layers as a Hugging Face folder, with `layerlab.json`. Where `healed` is given, its weights are
/// written; where it is not, the same plan as `mergekit.yaml`.
///
/// # Errors
/// When the model cannot be read or exported, the target refuses, or the caller asks to stop.
pub async fn export_pruned<F: ModelFiles, T: ExportTarget>(
    checkpoint: &Checkpoint<F>,
    provenance: &Provenance,
    healed: Option<&Decoder>,
    target: &mut T,
    run: &mut Run<'_>,
) -> Result<(), LabError> {
    let removed = provenance.plan.set();
    let mut progress =
        |LoadProgress { bytes, total }| match run.report(Progress::Exporting { bytes, total }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
    export(checkpoint, &removed, healed, target, &mut progress).await?;
    if healed.is_none() {
        let source = &provenance.source;
        let dtype = match source.dtypes.as_slice() {
            [one] => torch_name(one),
            _ => None,
        };
        let yaml = mergekit_yaml(&source.name, source.layers, &removed, dtype);
        write_file(target, "mergekit.yaml", yaml.as_bytes()).await?;
    }
    // Plain values always have a JSON form.
    let json = serde_json::to_string_pretty(provenance).unwrap_or_default() + "\n";
    write_file(target, "layerlab.json", json.as_bytes()).await?;
    Ok(())
}

/// Writes the model with adapters merged into its weights as a Hugging Face folder.
///
/// # Errors
/// When the model cannot be read or exported, the target refuses, or the caller asks to stop.
pub async fn export_repaired<F: ModelFiles, T: ExportTarget>(
    model: &OpenModel<F>,
    adapters: &Adapters,
    target: &mut T,
    run: &mut Run<'_>,
) -> Result<(), LabError> {
    let repaired = model.decoder.with_adapters(adapters);
    let mut progress =
        |LoadProgress { bytes, total }| match run.report(Progress::Exporting { bytes, total }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
    let none = BTreeSet::new();
    Ok(export(
        &model.checkpoint,
        &none,
        Some(&repaired),
        target,
        &mut progress,
    )
    .await?)
}

fn torch_name(dtype: &str) -> Option<&'static str> {
    match dtype {
        "F32" => Some("float32"),
        "F16" => Some("float16"),
        "BF16" => Some("bfloat16"),
        _ => None,
    }
}
