//! What crosses the border between the page and the lab.

use std::collections::BTreeSet;

use layerlab_lab::{
    AnswerChange, ChatOptions, DeviceChoice, EvalOptions, ExperimentRequest, HealRequest,
    HealedAlone, Judged, LocateRequest, Objective, PairTokens, Plan, PlanRequest, Progress,
    RepairRequest, Report, ScoreOptions, ScoreRequest, Tap,
    dataset::{Description, hub::ChosenSplit},
    memory::ModelNeeds,
    report::{DeviceReport, ModelReport, ScoringReport},
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

/// A text or a dataset, and what to call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedText {
    /// Its name; a dataset's extension says how it is read.
    pub name: String,
    /// What it says.
    pub contents: String,
    /// What the user says about a dataset's fields, such as `question=q,answer=a+b`.
    #[serde(default)]
    pub fields: Option<String>,
    /// Whether records that cannot be read are passed over and counted, instead of ending the reading.
    #[serde(default)]
    pub skip_bad: bool,
}

/// A text to score layers on, and how it is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// The text.
    pub text: NamedText,
    /// Tokens per sequence, BOS included; the model's context but at most 256 if none.
    pub sequence_length: Option<usize>,
    /// Sequences at most.
    pub max_sequences: usize,
}

/// What whole and pruned models are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Examination {
    /// Texts and datasets; the extension of a name says how it is read.
    pub datasets: Vec<NamedText>,
    /// Items of each at most, drawn at random; all if none.
    pub items: Option<usize>,
}

/// Removals to judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeRequest {
    /// Layers to leave out, one set for each pruned model.
    pub removals: Vec<BTreeSet<usize>>,
    /// How models are asked.
    pub eval: EvalOptions,
}

/// A cut to heal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealingRequest {
    /// Layers to leave out.
    pub removed: BTreeSet<usize>,
    /// How; the first of the ways is taken.
    pub heal: HealRequest,
    /// How models are asked.
    pub eval: EvalOptions,
}

/// Plans to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanningRequest {
    /// How layers are scored, again after each removal where plans are iterative.
    pub score: ScoreRequest,
    /// Methods, schedules, how many.
    pub plans: PlanRequest,
    /// Questions on whose right answers loss change is measured, in place of the text.
    #[serde(default)]
    pub on: Option<Questions>,
}

/// Questions, and how they are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Questions {
    /// The datasets; texts among them are passed over.
    pub examination: Examination,
    /// How a model is asked.
    pub eval: EvalOptions,
}

/// What comes with the bundled model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bundled {
    /// The text that its layers are scored on.
    pub calibration: NamedText,
    /// What it and its pruned models are judged on.
    pub judged_on: Vec<NamedText>,
    /// The text that layers of other models are scored on.
    pub general: NamedText,
    /// What other models are judged on.
    pub general_judged_on: Vec<NamedText>,
    /// What `layerlab run` asks for if nothing else is said.
    pub request: ExperimentRequest,
}

/// What a repair reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairTexts {
    /// Questions with right and wrong answers; the extension of a name says how it is read.
    pub datasets: Vec<NamedText>,
    /// Items of each at most, drawn at random; all if none.
    pub items: Option<usize>,
    /// Neutral text, whose perplexity is to be kept.
    pub neutral: NamedText,
    /// Other neutral text that is only judged on; the end of `neutral` if none.
    pub judged: Option<NamedText>,
}

/// What comes with the bundled model to locate hallucinations, and to repair them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BundledPairs {
    /// Pairs of a factual and a hallucinated answer, by exposure class.
    pub pairs: Vec<NamedText>,
    /// What a repair is trained and judged on.
    pub repair: RepairTexts,
    /// What `layerlab locate` asks for if nothing else is said.
    pub locate_request: LocateRequest,
    /// What `layerlab repair` asks for if nothing else is said.
    pub repair_request: RepairRequest,
    /// Each objective with its usual number.
    pub objectives: Vec<Objective>,
}

/// A pair to look at token by token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokensRequest {
    /// Its dataset.
    pub dataset: String,
    /// Its place there, from 0.
    pub pair: usize,
    /// Where activations are read.
    pub tap: Tap,
}

/// What to continue, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GenerateRequest {
    /// The text to continue; in a conversation, what the user says.
    pub prompt: String,
    /// Asks in a conversation; plain text is continued if none.
    pub chat: Option<ChatOptions>,
    /// Layers to leave out.
    pub removed: Vec<usize>,
    /// Whether the model of the last repair is asked, rather than the model as it was.
    pub repaired: bool,
    /// Whether the model of the last healing is asked; it has its own layers left out.
    #[serde(default)]
    pub healed: bool,
    /// Tokens at most.
    pub max_new_tokens: usize,
    /// Divides the logits before one is drawn; none for the most likely token.
    pub temperature: Option<f64>,
    /// Seed of the draw.
    pub seed: u64,
}

/// How a text was continued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generated {
    /// What was said.
    pub text: String,
    /// Its tokens.
    pub tokens: usize,
    /// Tokens of the prompt; more than the model's context are told.
    pub prompt_tokens: usize,
    /// How long it took.
    pub seconds: f64,
}

/// How a report can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// Schema `layerlab/1`.
    Json,
    /// A page with charts.
    Html,
    /// For documents.
    Markdown,
    /// For spreadsheets.
    Csv,
}

/// Why something did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What happened and why, outermost first.
    pub message: String,
}

/// What a page can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The user asked to stop: nothing is wrong.
    Cancelled,
    /// The device failed or cannot be trusted: a new session is needed, on the CPU perhaps.
    Device,
    /// What was given cannot be used: it can be given again.
    Input,
}

/// Declares what crosses the border, a row for each type: its place in the schema, which the page's types are generated from,
/// and, where a session takes or gives it, its handle in JavaScript with the page's name of it.
macro_rules! crossing {
    ($($field:ident: $type:ty $(, $handle:ident is $name:literal)*;)*) => {
        /// Every type that the page must know.
        #[derive(Debug, JsonSchema)]
        #[allow(dead_code, reason = "only its schema is used")]
        struct Border {
            $($field: $type,)*
        }

        /// Values of the page's, typed by their names there.
        #[cfg(target_arch = "wasm32")]
        pub(crate) mod page {
            use wasm_bindgen::prelude::wasm_bindgen;

            #[wasm_bindgen(typescript_custom_section)]
            const TYPES: &str = r#"import type * as types from "./types";"#;

            #[wasm_bindgen]
            extern "C" {
                $($(
                    #[wasm_bindgen(typescript_type = $name)]
                    pub type $handle;
                )*)*
            }
        }
    };
}

crossing! {
    report: Report, JsReport is "types.Report";
    scoring: ScoringReport, JsScoringReport is "types.ScoringReport";
    model: ModelReport, JsModelReport is "types.ModelReport";
    needs: ModelNeeds, JsModelNeeds is "types.ModelNeeds";
    device: DeviceReport, JsDeviceReport is "types.DeviceReport";
    device_choice: DeviceChoice, JsDeviceChoice is "types.DeviceChoice";
    progress: Progress;
    score_request: ScoreRequest, JsScoreRequest is "types.ScoreRequest";
    score_options: ScoreOptions, JsScoreOptions is "types.ScoreOptions";
    experiment_request: ExperimentRequest, JsExperimentRequest is "types.ExperimentRequest";
    calibration: Calibration, JsCalibration is "types.Calibration";
    examination: Examination, JsExamination is "types.Examination";
    judge_request: JudgeRequest, JsJudgeRequest is "types.JudgeRequest";
    judged: Judged, JsJudged is "types.Judged";
    healing_request: HealingRequest, JsHealingRequest is "types.HealingRequest";
    healed_alone: HealedAlone, JsHealedAlone is "types.HealedAlone";
    planning_request: PlanningRequest, JsPlanningRequest is "types.PlanningRequest";
    plan: Plan, JsPlan is "types.Plan", JsPlans is "types.Plan[]";
    bundled: Bundled, JsBundled is "types.Bundled";
    bundled_pairs: BundledPairs, JsBundledPairs is "types.BundledPairs";
    locate_request: LocateRequest, JsLocateRequest is "types.LocateRequest";
    tokens_request: TokensRequest, JsTokensRequest is "types.TokensRequest";
    pair_tokens: PairTokens, JsPairTokens is "types.PairTokens";
    repair_texts: RepairTexts, JsRepairTexts is "types.RepairTexts";
    repair_request: RepairRequest, JsRepairRequest is "types.RepairRequest";
    answer_change: AnswerChange, JsAnswerChanges is "types.AnswerChange[]";
    generate_request: GenerateRequest, JsGenerateRequest is "types.GenerateRequest";
    generated: Generated, JsGenerated is "types.Generated";
    description: Description, JsDescription is "types.Description";
    chosen_split: ChosenSplit, JsChosenSplit is "types.ChosenSplit";
    format: ReportFormat, JsReportFormat is "types.ReportFormat";
    failure: Failure;
    named_text: NamedText, JsNamedText is "types.NamedText";
}

/// The schema of everything that crosses the border.
pub fn schema() -> Schema {
    schema_for!(Border)
}
