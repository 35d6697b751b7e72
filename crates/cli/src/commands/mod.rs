//! One file for each command.

pub mod compare;
pub mod eval;
pub mod generate;
pub mod info;
pub mod locate;
pub mod prune;
pub mod repair;
pub mod run;
pub mod score;

use std::time::SystemTime;

/// The time as RFC 3339.
fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
