//! What can go wrong on the way back from a device.

use burn::tensor::ExecutionError;
use thiserror::Error;

/// Statistics that could not be fetched.
#[derive(Debug, Error)]
pub enum KernelError {
    /// The device failed while it computed or was read from.
    #[error("the device failed while taking activation statistics: {0}")]
    Device(#[from] ExecutionError),
    /// The device returned less than was asked for.
    #[error("the device returned {found} of the {expected} values of {what}")]
    Incomplete {
        /// Which results.
        what: &'static str,
        /// Values asked for.
        expected: usize,
        /// Values returned.
        found: usize,
    },
    /// The device does not compute what it should.
    #[error("this device computes the {kernel} wrongly")]
    WrongResult {
        /// Of which computation.
        kernel: &'static str,
    },
}
