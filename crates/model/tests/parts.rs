//! Parts of work come back in their order, whoever does them, and the first failure is told.
#![allow(missing_docs, clippy::unwrap_used)]

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
