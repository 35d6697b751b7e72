//! Parts of work come back in their order, whoever does them, and the first failure is told.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use burn::tensor::Device;
use layerlab_model::{Parting, each_part};
use pollster::block_on;

#[test]
fn what_is_found_keeps_the_order_of_the_parts() {
    let device = Device::flex();
    for count in [0, 1, 2, 7, 100] {
        let mut parts: Vec<u64> = (0..count).collect();
        let found = each_part(&device, &mut parts, async |part| {
            *part += 1;
            // The first take longest.
            let work = (0..(count - *part + 1) * 1000).fold(0u64, |sum, next| sum ^ next);
            Ok::<_, String>((*part, work))
        });
        let found: Vec<u64> = block_on(found)
            .unwrap()
            .iter()
            .map(|found| found.0)
            .collect();
        let expected: Vec<u64> = (1..=count).collect();
        assert_eq!(found, expected);
        assert_eq!(parts, expected, "parts are changed in place");
    }
}

#[test]
fn the_first_failure_is_told() {
    let mut parts: Vec<usize> = (0..50).collect();
    let device = Device::flex();
    let found = each_part(&device, &mut parts, async |part| match *part {
        part if part % 20 == 13 => Err(part),
        part => Ok(part),
    });
    assert_eq!(block_on(found), Err(13));
}

/// However many threads there are, no more is held in memory than was asked for.
#[test]
fn a_batch_bounds_what_is_in_flight_on_all_threads_together() {
    for batch in [0, 1, 3, 4, 7, 64, 1000] {
        for threads in [0, 1, 2, 4, 16, 64] {
            let parting = Parting::among(batch, threads);
            assert!(parting.size > 0 && parting.parts > 0);
            assert!(parting.together() <= batch.max(1), "{batch} on {threads}");
            // No thread is idle where there is enough for all.
            if batch >= threads {
                assert_eq!(parting.parts, threads.max(1));
                assert!(2 * parting.together() > batch);
            }
            assert_eq!(Parting::among(batch, 1).together(), batch.max(1));
        }
    }
}

/// Sequences of parts that are worked on at once are counted while they are.
#[test]
fn threads_hold_no_more_than_a_batch_at_a_time() {
    let device = Device::flex();
    let [in_flight, most] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let sequences: Vec<usize> = (0..100).collect();
    for batch in [1, 2, 4, 5, 8] {
        most.store(0, Ordering::SeqCst);
        let parting = Parting::of(batch, &device);
        let mut seen = 0;
        for together in sequences.chunks(parting.together()) {
            let mut parts: Vec<&[usize]> = together.chunks(parting.size).collect();
            let found = each_part(&device, &mut parts, async |part| {
                let now = in_flight.fetch_add(part.len(), Ordering::SeqCst) + part.len();
                most.fetch_max(now, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(1));
                in_flight.fetch_sub(part.len(), Ordering::SeqCst);
                Ok::<_, String>(part.len())
            });
            seen += block_on(found).unwrap().iter().sum::<usize>();
        }
        assert_eq!(seen, sequences.len());
        assert!(most.load(Ordering::SeqCst) <= batch, "{batch}: {most:?}");
    }
}

/// Sequences of any length: tokens of all parts together, padding included, are bounded too.
#[test]
fn parts_by_length_are_bounded_together() {
    let lengths: Vec<usize> = (0..200).map(|index| 1 + index * 7919 % 300).collect();
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    for (batch, threads) in [(1024, 16), (1024, 2), (100, 64), (4096, 8)] {
        let parting = Parting::among(batch, threads);
        let mut rest = &order[..];
        let mut seen = 0;
        while !rest.is_empty() {
            let (parts, left) = parting.next_parts(rest, |index| lengths[index]);
            let padded = |part: &&[usize]| part.len() * lengths[part[0]];
            let tokens: usize = parts.iter().map(padded).sum();
            let sequences: usize = parts.iter().map(|part| part.len()).sum();
            assert!(
                tokens <= batch || sequences == 1,
                "{batch} on {threads}: {tokens}"
            );
            seen += sequences;
            rest = left;
        }
        assert_eq!(seen, lengths.len());
    }
}

#[test]
fn parts_by_length_leave_nothing_out_and_keep_to_their_size() {
    let lengths = [90, 40, 40, 30, 20, 20, 10, 5, 5, 5, 1];
    let order: Vec<usize> = (0..lengths.len()).collect();
    let parting = Parting { size: 80, parts: 2 };
    let mut rest = &order[..];
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let (parts, left) = parting.next_parts(rest, |index| lengths[index]);
        assert!((1..=2).contains(&parts.len()));
        for part in parts {
            let padded = part.len() * lengths[part[0]];
            assert!(padded <= 80 || part.len() == 1, "{part:?}");
            seen.extend_from_slice(part);
        }
        rest = left;
    }
    assert_eq!(seen, order);
}
