//! What reads files from outside, as functions of bytes: each target gives any bytes to one reader and asserts that what is
//! accepted is sound, is the same when it is read again, and took no more memory than the bytes warrant. libFuzzer drives
//! them (`cargo xtask fuzz`); the test replays the seeds and what once broke a reader.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a target panics where a reader is wrong"
)]

mod checkpoint;
mod data;
#[cfg(feature = "device")]
mod distillation;
#[cfg(feature = "device")]
mod harness;
mod memory;
#[cfg(feature = "device")]
mod recipe;
#[cfg(feature = "device")]
mod report;
#[cfg(feature = "device")]
mod shard;
mod tokenizer;
#[cfg(feature = "device")]
mod training;

#[cfg(feature = "device")]
pub use distillation::{resumes as resumes_distillation, seed as distillation_seed};
#[cfg(feature = "device")]
pub use training::{resumes as resumes_training, seed as training_seed};

use std::{panic, thread};

use layerlab_checkpoint::contained::is_contained;
use layerlab_data::PARQUET_READER;

/// One reader, and what its bytes are.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of the target: that of its program, its seeds and its dictionary.
    pub name: &'static str,
    /// Gives bytes to the reader.
    run: fn(&[u8]),
}

/// Every target that is built.
pub const TARGETS: &[Target] = &[
    Target {
        name: "header",
        run: checkpoint::header,
    },
    Target {
        name: "index",
        run: checkpoint::index,
    },
    Target {
        name: "config",
        run: checkpoint::config,
    },
    Target {
        name: "gguf",
        run: checkpoint::gguf,
    },
    Target {
        name: "tokenizer_config",
        run: tokenizer::config,
    },
    Target {
        name: "tokenizer",
        run: tokenizer::tokenizer,
    },
    Target {
        name: "chat",
        run: tokenizer::chat,
    },
    Target {
        name: "fields",
        run: data::fields,
    },
    Target {
        name: "json",
        run: data::json,
    },
    Target {
        name: "json_lines",
        run: data::json_lines,
    },
    Target {
        name: "csv",
        run: data::csv,
    },
    Target {
        name: "tsv",
        run: data::tsv,
    },
    Target {
        name: "parquet",
        run: data::parquet,
    },
    #[cfg(feature = "device")]
    Target {
        name: "recipe",
        run: recipe::recipe,
    },
    #[cfg(feature = "device")]
    Target {
        name: "report",
        run: report::report,
    },
    #[cfg(feature = "device")]
    Target {
        name: "shard",
        run: shard::shard,
    },
    #[cfg(feature = "device")]
    Target {
        name: "harness",
        run: harness::harness,
    },
    #[cfg(feature = "device")]
    Target {
        name: "training",
        run: training::training,
    },
    #[cfg(feature = "device")]
    Target {
        name: "distillation",
        run: distillation::distillation,
    },
];

/// Keeps libFuzzer from ending at a panic of another crate that its caller tells as an error.
pub fn expect_contained_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        if !is_contained() && thread::current().name() != Some(PARQUET_READER) {
            usual(panicked);
        }
    }));
}

/// Gives bytes to the target of that name.
///
/// # Panics
/// Where there is no such target, or a reader is wrong.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("no target {name}"));
    memory::bounded(bytes.len(), || (target.run)(bytes));
}
