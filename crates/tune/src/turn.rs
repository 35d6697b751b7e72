//! What a training does next.

use crate::Ending;

/// What a training does next.
pub(crate) enum Turn {
    /// Look at what is not trained on.
    Check,
    /// Take a step.
    Step,
    /// End.
    End(Ending),
}

/// Where a training stands.
pub(crate) struct Standing {
    /// Steps done.
    pub step: usize,
    /// Steps that had been done at the last check; none before the first.
    pub checked: Option<usize>,
    /// Steps from one check to the next.
    pub check_every: usize,
    /// Whether all steps were done, or there is nothing to train.
    pub is_over: bool,
    /// Whether the caller has asked for an early end.
    pub is_stopped: bool,
}

impl Standing {
    /// A check where one is due, and one more before the end.
    pub fn turn(&self) -> Turn {
        let is_over = self.is_over || self.is_stopped;
        let is_due = self.step.is_multiple_of(self.check_every) || is_over;
        match (is_due && self.checked != Some(self.step), is_over) {
            (true, _) => Turn::Check,
            (false, false) => Turn::Step,
            (false, true) if self.is_stopped => Turn::End(Ending::Stopped),
            (false, true) => Turn::End(Ending::Finished),
        }
    }
}
