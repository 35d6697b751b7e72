//! What an experiment and its caller tell each other while it runs.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use layerlab_model::yield_now;
use layerlab_tune::{CheckRecord, DistilCheck, DistilStep, StepRecord};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{LabError, Peers};

/// How far an experiment has come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Progress {
    /// Weights on their way to the device.
    Loading {
        /// Bytes there.
        bytes: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The weight files are read once more for their SHA-256.
    Hashing,
    /// Sequences passed through the model.
    Measuring {
        /// Sequences done.
        sequences: usize,
        /// Sequences in all.
        total: usize,
    },
    /// Scores and their bootstrap.
    Scoring,
    /// Losses without a layer.
    LeavingOut {
        /// Pairs of a layer and a batch done.
        done: usize,
        /// Such pairs in all.
        total: usize,
    },
    /// A model, whole or pruned, is asked.
    Evaluating {
        /// Models done.
        models: usize,
        /// Models in all.
        of: usize,
        /// Items or requests of the dataset done.
        done: usize,
        /// Items or requests in all.
        total: usize,
    },
    /// A model continues prompts, to be held against the whole one.
    Continuing {
        /// Prompts done.
        done: usize,
        /// Prompts in all.
        total: usize,
    },
    /// A step of a training.
    Tuning {
        /// Trainings done.
        runs: usize,
        /// Trainings in all.
        of: usize,
        /// Steps at most.
        total: usize,
        /// The step.
        record: StepRecord,
    },
    /// A look at what is not trained on, in the middle of a training.
    Checking {
        /// Trainings done.
        runs: usize,
        /// What was found.
        record: CheckRecord,
    },
    /// A pruned model is healed in closed form.
    Healing {
        /// Models done.
        models: usize,
        /// Models in all, as far as is known.
        of: usize,
        /// Parts of the work done.
        done: usize,
        /// Parts in all.
        total: usize,
    },
    /// A step of a distillation.
    Distilling {
        /// Models done.
        models: usize,
        /// Models in all.
        of: usize,
        /// Steps at most.
        total: usize,
        /// The step.
        record: DistilStep,
    },
    /// A look at what is not learned from, in the middle of a distillation.
    CheckingDistilled {
        /// Models done.
        models: usize,
        /// What was found.
        record: DistilCheck,
    },
    /// A pruned model on its way to the disk.
    Exporting {
        /// Bytes there.
        bytes: u64,
        /// Bytes in all.
        total: u64,
    },
}

/// Asks a running experiment to stop at the next step. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Wishes>);

#[derive(Debug, Default)]
struct Wishes {
    cancel: AtomicBool,
    end_training: AtomicBool,
}

impl Cancel {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.cancel.store(true, Ordering::Relaxed);
    }

    /// Whether someone has asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.load(Ordering::Relaxed)
    }

    /// Asks a training to end early: the experiment goes on with the best that it has come to, and begins no other.
    pub fn end_training(&self) {
        self.0.end_training.store(true, Ordering::Relaxed);
    }
}

/// The line between an experiment and its caller.
pub struct Run<'a> {
    progress: &'a mut dyn FnMut(Progress),
    cancel: &'a Cancel,
    peers: Option<&'a dyn Peers>,
}

impl<'a> Run<'a> {
    /// Reports to `progress`, stops when `cancel` says so.
    pub fn new(progress: &'a mut dyn FnMut(Progress), cancel: &'a Cancel) -> Self {
        Self {
            progress,
            cancel,
            peers: None,
        }
    }

    /// Shares work with others, where there are any.
    pub fn with_peers(self, peers: Option<&'a dyn Peers>) -> Self {
        Self { peers, ..self }
    }

    pub(crate) fn peers(&self) -> Option<&'a dyn Peers> {
        self.peers
    }

    pub(crate) fn wishes(&self) -> &'a Cancel {
        self.cancel
    }

    /// Whether the caller has asked that a training end early.
    pub fn must_end_training(&self) -> bool {
        self.cancel.0.end_training.load(Ordering::Relaxed)
    }

    /// Reports a step, and lets the host do something else.
    ///
    /// # Errors
    /// [`LabError::Cancelled`] when the caller has asked to stop.
    pub async fn step(&mut self, progress: Progress) -> Result<(), LabError> {
        yield_now().await;
        self.report(progress)
    }

    /// Reports a step from where nothing can be waited for.
    ///
    /// # Errors
    /// [`LabError::Cancelled`] when the caller has asked to stop.
    pub fn report(&mut self, progress: Progress) -> Result<(), LabError> {
        (self.progress)(progress);
        match self.cancel.is_cancelled() {
            true => Err(LabError::Cancelled),
            false => Ok(()),
        }
    }
}

/// A place that keeps what finished stages of an experiment found, so that an experiment that was broken
/// off goes on from there.
pub trait Stages {
    /// What a stage found; none where it has not finished.
    fn load(&self, name: &str) -> Option<String>;

    /// Keeps what a stage found.
    ///
    /// # Errors
    /// When the place refuses.
    fn save(&mut self, name: &str, found: &str) -> Result<(), StageError>;

    /// Whether the place keeps where trainings stand. To read that off the device takes time, and cannot be done
    /// everywhere.
    fn keeps_bytes(&self) -> bool {
        true
    }

    /// Where a training stands; none where it has not begun, or the place keeps no bytes.
    fn load_bytes(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }

    /// Keeps where a training stands, if the place keeps bytes.
    ///
    /// # Errors
    /// When the place refuses; what was kept before is then still there.
    fn save_bytes(&mut self, _name: &str, _found: &[u8]) -> Result<(), StageError> {
        Ok(())
    }
}

/// A finished stage that could not be kept.
#[derive(Debug, Error)]
#[error("cannot keep what the stage `{name}` found")]
pub struct StageError {
    /// The stage.
    pub name: String,
    /// What the system says.
    #[source]
    pub source: std::io::Error,
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoStages;

impl Stages for NoStages {
    fn load(&self, _name: &str) -> Option<String> {
        None
    }

    fn save(&mut self, _name: &str, _found: &str) -> Result<(), StageError> {
        Ok(())
    }

    fn keeps_bytes(&self) -> bool {
        false
    }
}

/// Keeps everything in memory: what stages found, by their names.
#[derive(Debug, Clone, Default)]
pub struct MemoryStages(pub BTreeMap<String, String>);

impl Stages for MemoryStages {
    fn load(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn save(&mut self, name: &str, found: &str) -> Result<(), StageError> {
        self.0.insert(name.to_owned(), found.to_owned());
        Ok(())
    }

    fn keeps_bytes(&self) -> bool {
        false
    }
}
