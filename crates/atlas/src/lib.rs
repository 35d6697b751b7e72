//! Atlas: an invented world, the texts that tell of it, and the tasks that ask for it. What the model was
//! told, how often, and what never, is known exactly.

pub mod bundled;
pub mod corpus;
mod tasks;
#[cfg(not(target_arch = "wasm32"))]
pub mod train;
pub mod world;

pub use tasks::{TaskFile, task_files};
pub use world::{Exposure, Fact, World};
