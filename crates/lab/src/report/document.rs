//! What a report holds.

use std::collections::BTreeSet;

use layerlab_eval::TaskResult;
use layerlab_model::{Checkpoint, ModelError, ModelFiles, WeightFormat};
use layerlab_score::{ScoreOptions, ScoreTable};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use web_time::Instant;

use super::{AnswersReport, DataReport, LayerReport, PruningReport, conclusions};
use crate::{
    DeviceChoice, DeviceKind, HallucinationReport, OpenDevice, OpenModel, QuantizationReport,
    RepairReport, TaskComparison,
};

/// Name and version of the format.
pub const SCHEMA: &str = "layerlab/1";

/// One experiment on one model, whole: the same document natively and in a browser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Name and version of the format: `layerlab/1`.
    #[schemars(extend("const" = SCHEMA))]
    #[serde(deserialize_with = "this_schema")]
    pub schema: String,
    /// What wrote it.
    pub program: Program,
    /// When, as RFC 3339.
    pub created: String,
    /// Which experiment.
    pub experiment: Experiment,
    /// The model.
    pub model: ModelReport,
    /// The device.
    pub device: DeviceReport,
    /// What each layer is worth, where that was measured.
    pub scoring: Option<ScoringReport>,
    /// What the model as it is made of each dataset.
    pub evaluation: Vec<TaskResult>,
    /// What models without some layers are worth, where any was made.
    pub pruning: Option<PruningReport>,
    /// Where hallucinations show, where that was measured.
    #[serde(default)]
    pub hallucination: Option<HallucinationReport>,
    /// What repairs are worth, where any was tried.
    #[serde(default)]
    pub repair: Option<RepairReport>,
    /// What the model is worth in few bits a weight, where that was measured.
    #[serde(default)]
    pub quantization: Option<QuantizationReport>,
    /// Another model on the same datasets, where there is one.
    pub comparison: Option<ComparisonReport>,
    /// How long it took.
    pub timings: Timings,
    /// What a reader must know about the run; `scores` has its own.
    pub warnings: Vec<String>,
    /// What to conclude, in plain sentences with their uncertainty.
    #[serde(default)]
    pub conclusions: Vec<String>,
}

/// The one version that is read: another may mean other things by the same names.
fn this_schema<'de, D: Deserializer<'de>>(found: D) -> Result<String, D::Error> {
    let found = String::deserialize(found)?;
    match found == SCHEMA {
        true => Ok(found),
        false => Err(D::Error::custom(format!(
            "its schema is `{found}`, and only {SCHEMA} is read"
        ))),
    }
}

/// What each layer is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoringReport {
    /// The text.
    pub data: DataReport,
    /// The right answers that loss change is of; of the text if none.
    #[serde(default)]
    pub answers: Option<AnswersReport>,
    /// On how many sequences of the text, from the first on, loss change was measured; none where it was not, or on answers.
    #[serde(default)]
    pub loss_sequences: Option<usize>,
    /// What was asked for.
    pub options: OptionsReport,
    /// Activation statistics, first layer first.
    pub statistics: Vec<LayerReport>,
    /// Every layer by every method.
    pub scores: ScoreTable,
}

/// Another model on the same datasets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonReport {
    /// The other model.
    pub model: ModelReport,
    /// What it made of each dataset.
    pub evaluation: Vec<TaskResult>,
    /// The other model as the changed one, the first as the original.
    pub compared: Vec<TaskComparison>,
}

impl Report {
    /// A report that knows its model and device, and nothing else yet. `created` is the time as RFC 3339:
    /// what tells the time differs from face to face. All weight files are read once for the hash.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) async fn begin<F: ModelFiles>(
        model: &OpenModel<F>,
        experiment: Experiment,
        created: String,
    ) -> Result<Self, ModelError> {
        let start = Instant::now();
        let model_report = ModelReport::of(model).await?;
        let fallback = model.device.fallback.as_ref();
        Ok(Self {
            schema: SCHEMA.into(),
            program: Program::this(),
            created,
            experiment,
            warnings: model_report
                .warnings
                .iter()
                .cloned()
                .chain(model.tokenizer.notes().iter().cloned())
                .chain(fallback.map(|reason| format!("running on the CPU: {reason}")))
                .collect(),
            model: model_report,
            device: DeviceReport::of(&model.device),
            scoring: None,
            evaluation: Vec::new(),
            pruning: None,
            hallucination: None,
            repair: None,
            quantization: None,
            comparison: None,
            timings: Timings {
                load_seconds: model.load_seconds,
                hash_seconds: start.elapsed().as_secs_f64(),
                ..Timings::default()
            },
            conclusions: Vec::new(),
        })
    }

    /// The report with what is to be concluded from it: the last step of every experiment.
    pub(crate) fn concluded(self) -> Self {
        Self {
            conclusions: conclusions(&self),
            ..self
        }
    }
}

/// What wrote a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Program {
    /// `layerlab`.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Program {
    pub(crate) fn this() -> Self {
        Self {
            name: "layerlab".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// Which experiment a report is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Experiment {
    /// Layers were scored.
    Score,
    /// A model was asked.
    Evaluate,
    /// Two models were asked the same.
    Compare,
    /// Factual and hallucinated answers were contrasted at every layer.
    Locate,
    /// Adapters were trained on chosen layers, and what they changed was measured.
    Repair,
    /// Layers were stored in few bits, and bits handed out by what that lost.
    Quantize,
    /// Layers were scored, removed by every method, and what was left was asked.
    Run,
}

/// A model, by its files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelReport {
    /// Where it was read from.
    pub name: String,
    /// `model_type` of its configuration.
    pub family: String,
    /// Blocks.
    pub layers: usize,
    /// Channels of the residual stream.
    pub hidden_size: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Inner channels of the MLP.
    pub inner_size: usize,
    /// Rows of the embedding matrix.
    pub vocab_size: usize,
    /// Tokens it was trained to see at once.
    pub context: usize,
    /// Weights; shared ones count once.
    pub parameters: usize,
    /// Weights of one block.
    pub block_parameters: usize,
    /// Bytes of weights as stored.
    pub weight_bytes: u64,
    /// Data types of the weights as stored.
    pub dtypes: Vec<String>,
    /// SHA-256 over the weight files in the order of their names, as hexadecimal.
    pub sha256: String,
    /// What a reader must know of how its files were read: which of several was, which tensors were not used.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl ModelReport {
    /// What the files say; no weight is loaded, but all are read once for the hash.
    ///
    /// # Errors
    /// When the configuration describes no decoder that can be run, or a file cannot be read.
    pub async fn of_files<F: ModelFiles>(checkpoint: &Checkpoint<F>) -> Result<Self, ModelError> {
        let inventory = checkpoint.inventory().await?;
        let spec = inventory.spec();
        Ok(Self {
            name: checkpoint.files().describe(),
            family: spec.family.into(),
            layers: spec.layers(),
            hidden_size: spec.hidden_size,
            heads: spec.attention.heads,
            kv_heads: spec.attention.kv_heads,
            inner_size: spec.mlp.inner_size,
            vocab_size: spec.vocab_size,
            context: spec.context,
            parameters: spec.parameters(),
            block_parameters: spec.block_parameters(),
            weight_bytes: checkpoint.weight_bytes(),
            dtypes: checkpoint.dtypes(),
            sha256: checkpoint.sha256().await?,
            warnings: inventory.warnings().to_vec(),
        })
    }

    pub(crate) async fn of<F: ModelFiles>(model: &OpenModel<F>) -> Result<Self, ModelError> {
        Self::of_files(&model.checkpoint).await
    }
}

/// A device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceReport {
    /// What was asked for.
    pub requested: DeviceChoice,
    /// What it is.
    pub kind: DeviceKind,
    /// The adapter's own name, or the number of threads.
    pub name: String,
    /// Why it is not what might have been expected, if it is not.
    pub fallback: Option<String>,
    /// How it holds the weights of models; unknown of reports from before that was told.
    #[serde(default)]
    pub weights: Option<HeldAs>,
}

/// How a device holds matrices of weights. What is computed with is float32 in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldAs {
    /// As their file has them, where that takes fewer bytes than float32.
    Stored,
    /// At two bytes a value where their file has them so, else as float32.
    Halves,
    /// As float32.
    F32,
}

impl DeviceReport {
    /// What a report says of a device.
    pub fn of(device: &OpenDevice) -> Self {
        Self {
            requested: device.requested,
            kind: device.kind,
            name: device.name.clone(),
            fallback: device.fallback.clone(),
            weights: Some(match (device.kind, device.weights) {
                (_, WeightFormat::F32) => HeldAs::F32,
                (DeviceKind::Cpu, WeightFormat::Stored) => HeldAs::Stored,
                _ => HeldAs::Halves,
            }),
        }
    }

    /// The device in one line.
    pub fn line(&self) -> String {
        let kind = match self.kind {
            DeviceKind::Gpu => "GPU",
            DeviceKind::SoftwareGpu => "software GPU",
            DeviceKind::Cpu => "CPU",
        };
        let weights = match self.weights {
            Some(HeldAs::Stored) => ", weights held as stored",
            Some(HeldAs::Halves) => ", weights held at two bytes where stored so",
            Some(HeldAs::F32) => ", weights held as float32",
            None => "",
        };
        format!("{kind}, {}{weights}", self.name)
    }
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OptionsReport {
    /// Estimator, threshold, tap, bootstrap.
    pub score: ScoreOptions,
    /// How many blocks apart hidden states were compared.
    pub spans: BTreeSet<usize>,
    /// Sequences in memory at a time, on all threads together.
    pub batch: usize,
}

/// How long the stages took; nothing for those that were not part of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// Opening the files and moving the weights to the device.
    pub load_seconds: f64,
    /// SHA-256 of the weights.
    pub hash_seconds: f64,
    /// The forward passes with their statistics.
    pub measure_seconds: Option<f64>,
    /// Real tokens per second of `measure_seconds`.
    pub tokens_per_second: Option<f64>,
    /// Losses without each layer.
    pub leave_out_seconds: Option<f64>,
    /// Scores and bootstrap.
    pub score_seconds: Option<f64>,
    /// Plans, with what was measured again for them.
    pub plan_seconds: Option<f64>,
    /// Questions to all models.
    pub evaluate_seconds: Option<f64>,
    /// Healing, with the questions to healed models and the continuations of all.
    #[serde(default)]
    pub heal_seconds: Option<f64>,
}

impl Timings {
    /// Adds the seconds of another part of the same work. What is a rate is left out.
    pub(crate) fn add(&mut self, other: &Self) {
        self.load_seconds += other.load_seconds;
        self.hash_seconds += other.hash_seconds;
        for (sum, more) in [
            (&mut self.measure_seconds, other.measure_seconds),
            (&mut self.leave_out_seconds, other.leave_out_seconds),
            (&mut self.score_seconds, other.score_seconds),
            (&mut self.plan_seconds, other.plan_seconds),
            (&mut self.evaluate_seconds, other.evaluate_seconds),
            (&mut self.heal_seconds, other.heal_seconds),
        ] {
            if let Some(more) = more {
                *sum.get_or_insert(0.0) += more;
            }
        }
    }
}
