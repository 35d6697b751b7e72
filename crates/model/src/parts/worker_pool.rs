//! Threads that share nothing but the parts.

use std::sync::{
    LazyLock, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Each a pool of one thread: what would spread over a pool stays on it. Fewer where the system refuses threads.
static WORKERS: LazyLock<Vec<ThreadPool>> = LazyLock::new(|| {
    let worker = |number| {
        let builder = ThreadPoolBuilder::new().num_threads(1);
        let builder = builder.thread_name(move |_| format!("worker {number}"));
        builder.build().ok()
    };
    let numbers = 0..rayon::current_num_threads();
    numbers.map_while(worker).collect()
});

/// Applies `work` to every part; a worker that is done with one takes the next.
pub(super) fn each<P: Send, T: Send, E: Send>(
    parts: &mut [P],
    work: impl Fn(&mut P) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let places = parts.iter_mut().map(|part| Mutex::new((part, None)));
    let places: Vec<_> = places.collect();
    let next = AtomicUsize::new(0);
    let take_parts = || {
        while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Each is locked once.
            let (part, found) = &mut *place.lock().unwrap_or_else(PoisonError::into_inner);
            *found = Some(work(part));
        }
    };
    spread(&WORKERS, &take_parts);
    // Does what is left where there are no workers.
    take_parts();
    let found = places.into_iter().filter_map(|place| {
        let (_, found) = place.into_inner().unwrap_or_else(PoisonError::into_inner);
        found
    });
    found.collect()
}

/// Runs `work` on every worker, and returns when all are done.
fn spread(workers: &[ThreadPool], work: &(impl Fn() + Sync)) {
    if let Some((first, others)) = workers.split_first() {
        first.in_place_scope(|scope| {
            scope.spawn(|_| work());
            spread(others, work);
        });
    }
}
