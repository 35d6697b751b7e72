//! The allocator, and what it keeps.

/// Every operation on the CPU makes a tensor of its own; the system's allocator fetches each from the kernel anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Gives the system back what is free. The allocator keeps it for a second or more, since most of it is soon used again; but
/// what a stage needed for itself, as reading a vocabulary does, would stand beside the memory of the next.
#[allow(unsafe_code, reason = "the allocator is written in C")]
pub fn give_back() {
    // SAFETY: it takes no pointer, and may be called at any time and from any thread.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
