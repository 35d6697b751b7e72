//! Compute shaders that turn an activation on a device into statistics, with the CPU implementation
//! beside them.
//!
//! A [`Recorder`] starts the work for one activation after the other and reads nothing back until the end, when it fetches
//! the results of all of them together.

mod capability;
mod check;
mod collect;
mod error;
mod layout;
pub mod ops;
mod recorder;
mod statistics;

pub use capability::Capability;
pub use check::check;
pub use collect::BatchStatistics;
pub use error::KernelError;
pub use recorder::Recorder;
