//! The one place that asks which device it is.

use burn::tensor::Device;

/// What a device can do, as far as it decides how work is divided and how values travel. Whether an operation has a fast
/// form there is no question for callers: each [operation](crate::ops) answers it for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    /// Passes that it computes at once, each on a thread of its own; 1 where passes queue up, as on a GPU, or where there
    /// are no threads, as in a browser.
    pub threads: usize,
    /// Whether its memory is not the host's: values must be copied to it, and it works on while the host goes on.
    pub has_own_memory: bool,
}

impl Capability {
    /// Of this device, whether gradients are recorded on it or not.
    pub fn of(device: &Device) -> Self {
        let is_processor = *device == Device::flex();
        Self {
            threads: if is_processor { threads() } else { 1 },
            has_own_memory: !is_processor,
        }
    }
}

fn threads() -> usize {
    #[cfg(not(target_arch = "wasm32"))]
    return rayon::current_num_threads();
    #[cfg(target_arch = "wasm32")]
    return 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_do_not_change_what_the_processor_can_do() {
        let found = Capability::of(&Device::flex());
        assert!(!found.has_own_memory && found.threads >= 1);
        assert_eq!(Capability::of(&Device::flex().autodiff()), found);
    }
}
