//! Compute shaders that turn an activation on a device into statistics, with the CPU implementation
//! beside them.
//!
//! [`measure`] starts the work for one activation and reads nothing back; [`collect`] fetches the
//! results of a whole batch, all layers and taps, in one read-back.

mod check;
mod collect;
mod error;
mod layout;
mod statistics;

pub use check::check;
pub use collect::{BatchStatistics, collect};
pub use error::KernelError;
pub use statistics::{Measurement, compare, measure};
