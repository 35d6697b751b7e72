//! Every operation that has a fast form of its own, with its definition beside it ([`ops`]); what a device can do
//! ([`Capability`]), and its test ([`check`]).

mod capability;
mod check;
mod error;
pub mod ops;

pub use capability::Capability;
pub use check::check;
pub use error::KernelError;
pub use ops::statistics::{BatchStatistics, Recorder};
