//! Several parts of a piece of work at once, where the processor computes.
//!
//! An operation on a small model takes less time than it takes to wake a thread for a share of it. So threads do not
//! share operations but whole passes, each over sequences of its own.

#[cfg(not(target_arch = "wasm32"))]
mod worker_pool;

use burn::tensor::Device;
use layerlab_kernels::Capability;

/// How a piece of work is parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parting {
    /// Sequences, or tokens, of a part.
    pub size: usize,
    /// How many parts to hand to [`each_part`] together.
    pub parts: usize,
}

impl Parting {
    /// For a device that would take `batch` sequences, or tokens, in one pass: on the CPU threads have a share of them each,
    /// so that `batch` bounds what all threads together hold in memory.
    pub fn of(batch: usize, device: &Device) -> Self {
        Self::among(batch, Capability::of(device).threads)
    }

    /// For so many threads. Of fewer sequences than threads there is one part, whose operations the threads share: slower
    /// on a small model, but none of them would have nothing to do.
    pub fn among(batch: usize, threads: usize) -> Self {
        match batch / threads.max(1) {
            0 => Self {
                size: batch.max(1),
                parts: 1,
            },
            size => Self {
                size,
                parts: threads.max(1),
            },
        }
    }

    /// Sequences, or tokens, of all parts together.
    pub fn together(&self) -> usize {
        self.size * self.parts
    }

    /// The next parts of `order`, which names sequences from the longest to the shortest, and what is left of it. All parts
    /// together have as many tokens as there are to be at most, padding included, where one sequence alone has no more.
    pub fn next_parts<'a>(
        &self,
        order: &'a [usize],
        length: impl Fn(usize) -> usize,
    ) -> (Vec<&'a [usize]>, &'a [usize]) {
        let Some(&longest) = order.first() else {
            return (Vec::new(), order);
        };
        let most = self.together() / length(longest).max(1);
        let rows = most.clamp(1, order.len());
        let each = match rows / self.parts {
            0 => rows,
            each => each,
        };
        let (next, rest) = order.split_at(rows.min(each * self.parts));
        (next.chunks(each).collect(), rest)
    }
}

/// Applies `work` to every part, and gives what it found in their order. On the CPU threads share the parts, if there
/// are enough of them, and `work` may wait for nothing but the device.
///
/// # Errors
/// The first failure.
#[cfg_attr(
    target_arch = "wasm32",
    expect(unused_variables, reason = "there are no threads on any device")
)]
pub async fn each_part<P, T, E>(
    device: &Device,
    parts: &mut [P],
    work: impl AsyncFn(&mut P) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E>
where
    P: Send,
    T: Send,
    E: Send,
{
    #[cfg(not(target_arch = "wasm32"))]
    {
        let threads = Capability::of(device).threads;
        if threads > 1 && parts.len() >= threads {
            return worker_pool::each(parts, |part| pollster::block_on(work(part)));
        }
    }
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        found.push(work(part).await?);
    }
    Ok(found)
}
