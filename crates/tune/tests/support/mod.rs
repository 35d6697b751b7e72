#![allow(missing_docs, dead_code, clippy::unwrap_used)]
//! Small models of the goldens, and pairs of made-up tokens.

use std::{collections::BTreeSet, ops::ControlFlow};

use burn::tensor::Device;
use layerlab_eval::{Continued, TokenPair};
use layerlab_model::{Checkpoint, Decoder, Folder, WeightFormat};
use layerlab_tune::Material;

pub fn decoder(golden: &str, device: &Device) -> Decoder {
    let folder = Folder::new(format!("../../tests/goldens/{golden}"));
    pollster::block_on(async {
        let checkpoint = Checkpoint::open(folder).await.unwrap();
        let mut progress = |_| ControlFlow::Continue(());
        Decoder::load(&checkpoint, device, WeightFormat::Stored, &mut progress)
            .await
            .unwrap()
    })
}

/// Tokens that look random and are the same in every run.
pub fn ids(seed: u32, count: usize, vocabulary: usize) -> Vec<u32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % u32::try_from(vocabulary).unwrap()
    };
    (0..count).map(next).collect()
}

pub fn pairs(first: u32, count: u32, vocabulary: usize) -> Vec<TokenPair> {
    let pair = |number: u32| {
        let prompt = ids(number, 4 + (number as usize % 3), vocabulary);
        let side = |offset: u32, tokens: usize| Continued {
            start: prompt.len(),
            ids: [prompt.clone(), ids(number + offset, tokens, vocabulary)].concat(),
        };
        TokenPair {
            group: number.to_string(),
            factual: side(1000, 1 + number as usize % 2),
            hallucinated: side(2000, 2),
        }
    };
    (first..first + count).map(pair).collect()
}

pub fn material(vocabulary: usize) -> Material {
    let texts = |first: u32| {
        (first..first + 4)
            .map(|seed| ids(seed, 12, vocabulary))
            .collect()
    };
    Material {
        train: pairs(0, 8, vocabulary),
        validation: pairs(100, 4, vocabulary),
        neutral_train: texts(500),
        neutral_validation: texts(600),
    }
}

pub fn layers(layers: &[usize]) -> BTreeSet<usize> {
    layers.iter().copied().collect()
}
