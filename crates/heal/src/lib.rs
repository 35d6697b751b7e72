//! What is done to the layers that stay, so that what was cut is made good.
//!
//! Removing blocks leaves a gap: the block behind it reads a residual stream that it was not trained on. *Scale* makes the stream as
//! large as it was, *refit* finds in closed form what the block before the gap should have written instead. Both read the whole model
//! and the pruned one side by side, from the first gap to the last, so that each gap is healed in the model as healed so far.

mod error;
mod gap;
mod normal;
mod options;
mod record;
mod refit;
mod scale;
mod side_by_side;
mod sums;
mod text;

pub use error::HealError;
pub use gap::{Gap, gaps};
pub use normal::NormalEquations;
pub use options::RefitOptions;
pub use record::{GapRecord, Healed, Tried};
pub use refit::refit;
pub use scale::scale;
pub use text::HealText;

use std::ops::ControlFlow;

/// Receives parts of the work done, and parts in all as far as is known; breaks it off.
pub type OnProgress<'a> = dyn FnMut(usize, usize) -> ControlFlow<()> + 'a;
