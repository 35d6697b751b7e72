//! What a training that was broken off goes on from.

use std::{cell::RefCell, collections::BTreeSet, ops::ControlFlow};

use burn::tensor::Device;
use layerlab_eval::{Continued, TokenPair};
use layerlab_model::{Checkpoint, Decoder, MemoryFiles, WeightFormat};
use layerlab_tune::{Material, Recipe, Tuner};
use pollster::block_on;

thread_local! {
    static TRAINING: RefCell<Training> = RefCell::new(Training::begin());
}

struct Training {
    decoder: Decoder,
    tuner: Tuner,
}

impl Training {
    /// A training of one adapter on the smallest golden.
    fn begin() -> Self {
        let decoder = golden();
        let (layers, material) = (BTreeSet::from([1]), material());
        let tuner = block_on(Tuner::new(&decoder, &layers, &material, recipe()));
        let tuner = tuner.expect("a training");
        Self { tuner, decoder }
    }
}

/// The smallest golden.
pub(crate) fn golden() -> Decoder {
    let file = |name: &str| {
        let contents = match name {
            "config.json" => &include_bytes!("../../goldens/llama_tied/config.json")[..],
            _ => include_bytes!("../../goldens/llama_tied/model.safetensors"),
        };
        (name.to_owned(), contents.to_vec())
    };
    let files = ["config.json", "model.safetensors"].map(file);
    let files = MemoryFiles::new("llama_tied", files);
    let checkpoint = block_on(Checkpoint::open(files)).expect("a golden");
    let mut go_on = |_| ControlFlow::Continue(());
    let (device, format) = (Device::flex(), WeightFormat::Stored);
    let decoder = block_on(Decoder::load(&checkpoint, &device, format, &mut go_on));
    decoder.expect("a golden")
}

fn recipe() -> Recipe {
    Recipe {
        rank: 1,
        steps: 2,
        check_every: 1,
        pairs: 1,
        ..Recipe::default()
    }
}

fn material() -> Material {
    let side = |last: u32| Continued {
        ids: vec![5, 6, last],
        start: 2,
    };
    let pair = TokenPair {
        group: "a".into(),
        factual: side(7),
        hallucinated: side(8),
    };
    Material {
        train: vec![pair.clone()],
        validation: vec![pair],
        neutral_train: vec![vec![1, 2, 3, 4]],
        neutral_validation: vec![vec![4, 3, 2, 1]],
    }
}

/// A checkpoint of a training.
pub fn training(bytes: &[u8]) {
    TRAINING.with_borrow_mut(|Training { decoder, tuner }| {
        if tuner.resume(decoder, bytes).is_err() {
            return;
        }
        let state = tuner.state().clone();
        assert!(state.checks.is_empty() || state.best < state.checks.len());
        assert!(state.steps.len() <= tuner.recipe().steps);
        let again = block_on(tuner.checkpoint()).expect("what was read can be written");
        let resumed = tuner.resume(decoder, &again);
        resumed.expect("what was written can be read");
        assert_eq!(tuner.state().steps.len(), state.steps.len());
    });
}

/// Whether a training goes on from these bytes.
pub fn resumes(bytes: &[u8]) -> bool {
    TRAINING.with_borrow_mut(|training| training.tuner.resume(&training.decoder, bytes).is_ok())
}

/// A checkpoint after one step: the seed.
pub fn seed() -> Vec<u8> {
    let mut training = Training::begin();
    for _ in 0..3 {
        block_on(training.tuner.advance()).expect("a step");
    }
    block_on(training.tuner.checkpoint()).expect("a checkpoint")
}
