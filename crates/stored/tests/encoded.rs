//! Values as the Python package gguf stores them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{fs, path::Path};

use layerlab_stored::{EncodeError, StoredType};
use safetensors::SafeTensors;

const TYPES: [StoredType; 4] = [
    StoredType::F16,
    StoredType::Q4_0,
    StoredType::Q5_0,
    StoredType::Q8_0,
];

fn golden() -> Vec<u8> {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens");
    fs::read(goldens.join("gguf/encoded.safetensors")).unwrap()
}

fn encode(stored: StoredType, values: &[f32]) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    stored.encode(values, &mut bytes)?;
    Ok(bytes)
}

#[test]
fn bytes_are_those_of_gguf() {
    let golden = golden();
    let golden = SafeTensors::deserialize(&golden).unwrap();
    let values = golden.tensor("values").unwrap();
    let values = values.data().as_chunks().0.iter();
    let values: Vec<f32> = values.map(|bytes| f32::from_le_bytes(*bytes)).collect();
    for stored in TYPES {
        let expected = golden.tensor(&stored.to_string()).unwrap();
        assert!(
            encode(stored, &values).unwrap() == expected.data(),
            "{stored}"
        );
    }
}

/// As near as the type has steps.
#[test]
fn what_was_stored_is_read_near_to_what_it_was() {
    let values: Vec<f32> = (0..=255u8)
        .map(|place| (f32::from(place) * 0.37).sin())
        .collect();
    // A step is so much of the largest value of a block.
    for (stored, step) in [
        (StoredType::F16, 1e-3),
        (StoredType::Q4_0, 1.0 / 8.0),
        (StoredType::Q5_0, 1.0 / 16.0),
        (StoredType::Q8_0, 1.0 / 127.0),
    ] {
        let bytes = encode(stored, &values).unwrap();
        let mut read = vec![0.0; values.len()];
        stored.decode(&bytes, &mut read);
        for (value, read) in values.iter().zip(read) {
            // Where the largest is above 0, the same below 0 is one step short on the other side.
            assert!(
                (value - read).abs() <= 1.01 * step,
                "{stored}: {value} {read}"
            );
        }
    }
}

#[test]
fn what_half_precision_does_not_hold_is_refused() {
    let mut values = [0.5; 32];
    for stored in TYPES {
        values[7] = 2e8;
        assert_eq!(
            encode(stored, &values),
            Err(EncodeError::Overflow(2e8)),
            "{stored}"
        );
        values[7] = f32::NAN;
        let refused = encode(stored, &values);
        assert!(
            matches!(refused, Err(EncodeError::Overflow(value)) if value.is_nan()),
            "{stored}"
        );
        values[7] = 0.5;
        assert!(encode(stored, &values).is_ok());
    }
    let only_read = encode(StoredType::Q4K, &[0.0; 256]);
    assert_eq!(only_read, Err(EncodeError::OnlyRead(StoredType::Q4K)));
}
