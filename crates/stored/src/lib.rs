//! In which forms files store numbers, and their values: what the readers of files and the products on the processor share.

mod blocks;
mod encode;
mod iq;
mod k;
mod legacy;
mod types;

pub use encode::EncodeError;
pub use types::{Block, StoredType};
