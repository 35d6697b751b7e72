//! The experiments and the report that every face of LayerLab shares. It knows nothing of terminals
//! and browsers: progress goes out through a callback, cancellation comes in through a token.
//!
//! The way of the data: [`Device`](OpenDevice) → [`OpenModel`] → [`Text`] → [`measure`] →
//! [`score`](layerlab_score::score) → [`Report`].

mod calibration;
mod device;
mod error;
mod evaluate;
mod experiment;
mod export;
pub mod general;
mod hallucination;
mod heal;
mod judge;
pub mod memory;
mod model;
mod peers;
mod prune;
mod quantize;
pub mod report;
mod run;
mod score;
mod shard;
mod speech;
mod stage_cache;
mod text;

pub use calibration::{MeasureOptions, TaskAnswers, measure};
pub use device::{DeviceChoice, DeviceError, DeviceKind, OpenDevice, open_device};
pub use error::LabError;
pub use evaluate::TaskComparison;
pub use experiment::{ExperimentRequest, heal_again, prune_and_judge};
pub use export::{Provenance, export_pruned, export_repaired, rounding};
pub use hallucination::{
    AnswerChange, AnswerTokens, Ending, GivenAnswer, HallucinationReport, HeldOutMargin,
    LayerChoice, LocateRequest, Located, LocatedDataset, LocatedPairs, LocatedTap, MarginChange,
    MatchedLength, MineOptions, Mined, Objective, PairTokens, Recipe, RepairMaterial, RepairReport,
    RepairRequest, RepairRun, Repaired, SplitReport, TrainedAlone, answer_changes, locate_layers,
    locate_pairs, repair_layers,
};
pub use heal::{
    Agreement, HealRecord, HealRequest, HealSource, HealTask, HealedAlone, HealedModel, Healing,
    LargestCut, heal_and_judge, heal_with, removed_layers,
};
pub use judge::{Judged, compare_models, evaluate_model, judge_removals};
pub use model::OpenModel;
pub use peers::{Answer, GarbledShare, Peers, Unanswered, perform_share};
pub use prune::{BlockPasses, PlanRequest, plan_removals};
pub use quantize::{Allocation, QuantizationReport, QuantizedModel, quantize_layers};
pub use report::Report;
pub use run::{Cancel, MemoryStages, NoStages, Progress, Run, StageError, Stages};
pub use score::{Measured, ScoreRequest, score_layers};
pub use shard::{
    Inputs, NamedShard, PruneShard, ShardDocument, ShardError, ShardTask, evaluate_shard,
    locate_shard, merge_shards, prune_shard, score_shard,
};
pub use speech::Speech;
pub use text::{Text, TextError, TextOptions, WholeText};

// What faces need of the rooms below, so that they depend on this crate alone.
pub use layerlab_eval::{
    ChatOptions, Dataset, DatasetError, EvalError, EvalOptions, NoShard, Shard, dataset, harness,
    metric,
};
pub use layerlab_heal::{GapRecord, HealError, HealText, RefitOptions, Tried};
#[cfg(not(target_arch = "wasm32"))]
pub use layerlab_model::export::FolderTarget;
pub use layerlab_model::export::rounded;
pub use layerlab_model::{
    Adapters, Checkpoint, Decoder, DecoderSpec, GenerateOptions, ModelError, Sampling, Tokenizer,
    WeightFormat,
    chat::ChatError,
    contained::is_contained,
    export::{ExportError, ExportTarget, RecipeError, read_mergekit, write_adapters},
    files, generate, gguf, tensors,
    tensors::CheckpointError,
};
pub use layerlab_score::{
    Budget, Constraints, ContrastOptions, Estimate, LayerContrast, MethodId, Plan, PlanError,
    Schedule, ScoreOptions, UnknownMethod,
};
pub use layerlab_stats::{Epsilon, Estimator, Tap};
pub use layerlab_tune::{DistilCheck, DistilRecipe, DistilState, DistilStep};
