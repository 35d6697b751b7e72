//! The date and time of the user's own place.

use std::fmt::Write;

/// Now, by a format of `strftime`; none where that is no format.
pub(super) fn now(format: &str) -> Option<String> {
    let mut written = String::new();
    write!(written, "{}", chrono::Local::now().format(format)).ok()?;
    Some(written)
}
