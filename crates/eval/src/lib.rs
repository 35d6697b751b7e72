//! Datasets and metrics: what a model can do, with intervals.

pub mod dataset;
mod error;
pub mod metric;
mod pairs;
mod task;

pub use dataset::{Dataset, DatasetError, Items};
pub use error::EvalError;
pub use metric::{Comparison, Metric, MetricResult, Sample};
pub use pairs::{Continued, Pair, TokenPair, pairs, tokenise};
pub use task::{ABSTENTION, EvalOptions, Generated, Task, TaskResult, evaluate, generate_answers};
