//! Memory that a reader takes, held against the size of what it reads.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What any reader may take, whatever it reads.
const ANYWAY: usize = 64 << 20;
/// Bytes that a reader may take for each byte that it reads: JSON's tree takes a few dozen, and is copied.
const EACH: usize = 1024;

/// Runs a reader of `size` bytes.
///
/// # Panics
/// Where it takes more memory than those bytes warrant, even if only for a moment or untouched.
pub fn bounded(size: usize, read: impl FnOnce()) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    read();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    assert!(
        taken <= ANYWAY + EACH * size,
        "{taken} bytes of memory for {size} bytes of input"
    );
}
