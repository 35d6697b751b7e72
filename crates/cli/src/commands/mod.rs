//! One file for each command.

pub mod generate;
pub mod info;
pub mod score;
