//! Metrics on datasets: what a model can do, with intervals.

mod error;
pub mod harness;
pub mod metric;
mod pairs;
mod prompt;
mod right;
mod shard;
mod task;

pub use error::EvalError;
pub use layerlab_data::{self as dataset, Dataset, DatasetError, Items};
pub use metric::{Comparison, Metric, MetricResult, PairedTest, Sample, Significance};
pub use pairs::{Continued, Pair, TokenPair, pairs, tokenise};
pub use prompt::ChatOptions;
pub use right::right_answers;
pub use shard::{NoShard, Shard};
pub use task::{
    ABSTENTION, CutResults, EvalOptions, Generated, Task, TaskResult, evaluate, evaluate_cuts,
    evaluate_shard, generate_answers,
};
