//! What an experiment and its caller tell each other while it runs.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::LabError;

/// How far an experiment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// Asks a running experiment to stop at the next step. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether someone has asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The line between an experiment and its caller.
pub struct Run<'a> {
    progress: &'a mut dyn FnMut(Progress),
    cancel: &'a Cancel,
}

impl<'a> Run<'a> {
    /// Reports to `progress`, stops when `cancel` says so.
    pub fn new(progress: &'a mut dyn FnMut(Progress), cancel: &'a Cancel) -> Self {
        Self { progress, cancel }
    }

    /// Reports a step.
    ///
    /// # Errors
    /// [`LabError::Cancelled`] when the caller has asked to stop.
    pub fn step(&mut self, progress: Progress) -> Result<(), LabError> {
        (self.progress)(progress);
        match self.cancel.is_cancelled() {
            true => Err(LabError::Cancelled),
            false => Ok(()),
        }
    }
}
