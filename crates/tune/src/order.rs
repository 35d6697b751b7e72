//! Which examples a pass reads.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Examples of pass `number`, `count` of them or all where there are fewer: each epoch has an order of its own, so that what a pass reads
/// follows from its number. Examples of several kinds are of several streams.
pub(crate) fn chosen(seed: u64, number: usize, of: usize, count: usize, stream: u64) -> Vec<usize> {
    let count = count.min(of);
    let per_epoch = of / count;
    let (epoch, place) = (number / per_epoch, number % per_epoch);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(2 * epoch as u64 + stream);
    let mut order: Vec<usize> = (0..of).collect();
    order.shuffle(&mut random);
    order[place * count..(place + 1) * count].to_vec()
}
