#![allow(missing_docs, dead_code, clippy::unwrap_used)]
//! Small models of the goldens, and made-up text.

use std::{collections::BTreeSet, ops::ControlFlow};

use burn::tensor::Device;
use layerlab_heal::{HealError, HealText, Healed, OnProgress, RefitOptions, refit, scale};
use layerlab_model::{
    Checkpoint, Decoder, Folder, GenerateOptions, NoObserver, PaddingSide, Target, TokenBatch,
    WeightFormat, generate_batch,
};
use pollster::block_on;

pub fn decoder(golden: &str, device: &Device) -> Decoder {
    let folder = Folder::new(format!("../../tests/goldens/{golden}"));
    block_on(async {
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

/// What the model itself finds likely, so that there is something that removing layers spoils.
pub fn text(whole: &Decoder, sequences: u32, length: usize) -> Vec<Vec<u32>> {
    let vocabulary = whole.spec().vocab_size;
    let prompts: Vec<Vec<u32>> = (0..sequences)
        .map(|seed| ids(seed, 4, vocabulary))
        .collect();
    let mut go_on = || ControlFlow::Continue(());
    let mut is_done = |_: &[u32]| false;
    let greedy = GenerateOptions::greedy(length - 4, &[]);
    let texts = generate_batch(whole, &prompts, &greedy, &mut is_done, &mut go_on);
    let texts = block_on(texts).unwrap().unwrap();
    let both = prompts.into_iter().zip(texts);
    both.map(|(prompt, text)| [prompt, text].concat()).collect()
}

pub fn removed(layers: &[usize]) -> BTreeSet<usize> {
    layers.iter().copied().collect()
}

pub fn silent() -> Box<OnProgress<'static>> {
    Box::new(|_, _| ControlFlow::Continue(()))
}

pub fn refitted(whole: &Decoder, gone: &[usize], text: &HealText) -> Result<Healed, HealError> {
    let options = RefitOptions::default();
    block_on(refit(whole, &removed(gone), text, &options, &mut silent()))
}

pub fn scaled(whole: &Decoder, gone: &[usize], text: &HealText) -> Result<Healed, HealError> {
    block_on(scale(whole, &removed(gone), text, &mut silent()))
}

/// Nats per token.
pub fn loss(decoder: &Decoder, sequences: &[Vec<u32>]) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for sequence in sequences {
        let batch = TokenBatch::new(&[sequence], PaddingSide::Right).unwrap();
        let hidden = decoder
            .hidden_states(&batch, None, &mut NoObserver)
            .unwrap();
        let targets = Target::next_tokens(&[sequence]);
        let found = decoder
            .log_likelihoods(hidden, &targets)
            .unwrap()
            .into_data();
        sum -= found.iter::<f32>().map(f64::from).sum::<f64>();
        count += targets.len();
    }
    sum / f64::from(u32::try_from(count).unwrap())
}

/// The stream behind the last of so many blocks, of one sequence, `[tokens · channels]`.
pub fn stream(decoder: &Decoder, sequence: &[u32], blocks: usize) -> Vec<f32> {
    let batch = TokenBatch::new(&[sequence], PaddingSide::Right).unwrap();
    let mut stream = decoder.begin(&batch).unwrap();
    for layer in 0..blocks {
        stream = decoder.advance(stream, layer, &mut NoObserver).unwrap();
    }
    stream.hidden().into_data().iter::<f32>().collect()
}
