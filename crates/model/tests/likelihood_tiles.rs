//! Log-likelihoods of many tokens, for which logits are computed a part of the vocabulary at a time.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{ops::ControlFlow, path::Path};

use burn::tensor::Device;
use layerlab_model::{
    Checkpoint, Decoder, Folder, NoObserver, PaddingSide, Target, TokenBatch, WeightFormat,
};
use pollster::block_on;

/// Sequences and their tokens: more targets than are taken at once.
const SHAPE: [usize; 2] = [6, 200];

#[test]
fn they_equal_a_float64_softmax_over_the_whole_vocabulary() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../atlas/model");
    for format in [WeightFormat::Stored, WeightFormat::F32] {
        let checkpoint = block_on(Checkpoint::open(Folder::new(&folder))).unwrap();
        let decoder = block_on(Decoder::load(
            &checkpoint,
            &Device::flex(),
            format,
            &mut |_| ControlFlow::Continue(()),
        ));
        let decoder = decoder.unwrap();
        let vocabulary = decoder.spec().vocab_size;
        let [rows, length] = SHAPE;
        // From one end of the vocabulary to the other.
        let token = |row: usize, place: usize| ((row * length + place) * 977 % vocabulary) as u32;
        let sequences: Vec<Vec<u32>> = (0..rows)
            .map(|row| (0..length).map(|place| token(row, place)).collect())
            .collect();
        let batch = TokenBatch::new(&sequences, PaddingSide::Right).unwrap();
        let hidden = decoder
            .hidden_states(&batch, None, &mut NoObserver)
            .unwrap();
        let targets = Target::next_tokens(&sequences);
        let found = decoder.log_likelihoods(hidden.clone(), &targets).unwrap();
        let found: Vec<f32> = found.into_data().iter().collect();
        let logits: Vec<f32> = decoder.logits(hidden).into_data().iter().collect();
        assert_eq!(found.len(), targets.len());
        for (target, found) in targets.iter().zip(found) {
            let start = (target.row * length + target.position) * vocabulary;
            let row = logits[start..start + vocabulary].iter();
            let row: Vec<f64> = row.map(|logit| f64::from(*logit)).collect();
            let greatest = row.iter().copied().fold(f64::MIN, f64::max);
            let sum: f64 = row.iter().map(|logit| (logit - greatest).exp()).sum();
            let expected = row[target.token as usize] - greatest - sum.ln();
            // Numbers of up to 30 in float32.
            let off = (f64::from(found) - expected).abs();
            assert!(off < 1e-5, "{target:?}: {found} {expected}");
        }
    }
}
