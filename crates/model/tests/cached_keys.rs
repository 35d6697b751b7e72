//! Reading a text token by token, with what was read before in a cache, is reading it whole: for every mix of layers.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::ops::ControlFlow;

use burn::tensor::Tensor;
use layerlab_model::{
    Decoder, GenerateOptions, KvCache, NoObserver, PaddingSide, Sampling, TokenBatch, generate,
    generate_batch,
};
use pollster::block_on;
use support::{goldens, load};

const TEXT: [u32; 16] = [5, 17, 3, 60, 22, 9, 41, 8, 13, 2, 44, 7, 19, 33, 1, 50];

fn read(decoder: &Decoder, tokens: &[u32], cache: Option<&mut KvCache>) -> Vec<f32> {
    let batch = TokenBatch::new(&[tokens], PaddingSide::Right).unwrap();
    let hidden = decoder.hidden_states(&batch, cache, &mut NoObserver);
    let logits: Tensor<3> = decoder.logits(hidden.unwrap());
    let data = block_on(logits.into_data_async()).unwrap();
    data.iter::<f32>().collect()
}

/// Largest difference, relative to the root mean square of the second.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let squares: f32 = expected.iter().map(|value| value * value).sum();
    let largest = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    largest.fold(0.0, f32::max) / (squares / expected.len() as f32).sqrt()
}

/// Windows of 5 beside layers that see all, layers with and without rotary positions and of two bases, soft caps, learned
/// positions with an offset.
#[test]
fn a_text_in_steps_is_the_text_as_a_whole() {
    for golden in [
        "gemma2",
        "gemma3",
        "gemma3_old_config",
        "granite",
        "olmo2",
        "opt",
        "phi",
        "phi3",
        "smollm3",
        "smollm3_old_config",
        "starcoder2",
    ] {
        let decoder = load(&goldens().join(golden));
        let whole = read(&decoder, &TEXT, None);
        let mut cache = KvCache::new();
        let mut steps = Vec::new();
        for step in [&TEXT[..7], &TEXT[7..8], &TEXT[8..9], &TEXT[9..]] {
            steps.extend(read(&decoder, step, Some(&mut cache)));
        }
        let error = difference(&steps, &whole);
        assert!(error < 1e-5, "{golden}: {error}");
    }
}

fn best(logits: &[f32]) -> u32 {
    let mut ranked: Vec<(usize, &f32)> = logits.iter().enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(&b.0)));
    u32::try_from(ranked[0].0).unwrap()
}

/// The longest text of a batch decides for all, also once it is done.
#[test]
fn a_batch_that_outgrows_its_context_is_read_anew() {
    let decoder = load(&goldens().join("phi3_longrope"));
    let mut rows = [TEXT[..9].to_vec(), TEXT[9..13].to_vec()];
    let prompts = rows.clone();
    let mut texts: [Vec<u32>; 2] = [vec![], vec![]];
    for _ in 0..8 {
        let batch = TokenBatch::new(&rows, PaddingSide::Left).unwrap();
        let hidden = decoder.hidden_states(&batch, None, &mut NoObserver);
        let data = block_on(decoder.logits(hidden.unwrap()).into_data_async()).unwrap();
        let logits: Vec<f32> = data.iter::<f32>().collect();
        let row_length = logits.len() / 2;
        for (number, (row, text)) in rows.iter_mut().zip(&mut texts).enumerate() {
            let end = (number + 1) * row_length;
            let token = best(&logits[end - decoder.spec().vocab_size..end]);
            row.push(token);
            text.push(token);
        }
    }
    // The longer one is done after its first token.
    let first = texts[0][..1].to_vec();
    assert_ne!(first, texts[1][..1]);
    let mut is_done = |text: &[u32]| text == first;
    let mut go_on = || ControlFlow::Continue(());
    let greedy = GenerateOptions::greedy(8, &[]);
    let batch = generate_batch(&decoder, &prompts, &greedy, &mut is_done, &mut go_on);
    let found = block_on(batch).unwrap().unwrap();
    assert_eq!(found, [first, texts[1].clone()]);
}

/// With LongRoPE all keys turn otherwise once the text is longer than the context of the pre-training, which is 10 here.
#[test]
fn a_text_that_outgrows_its_context_is_read_anew() {
    let decoder = load(&goldens().join("phi3_longrope"));
    for length in [1, 6, 9, 10, 11, 14] {
        let prompt = &TEXT[..length];
        let mut expected = prompt.to_vec();
        for _ in 0..8 {
            let logits = read(&decoder, &expected, None);
            let last = logits.len() - decoder.spec().vocab_size;
            expected.push(best(&logits[last..]));
        }
        let options = GenerateOptions {
            max_new_tokens: 8,
            sampling: Sampling::Greedy,
            stop: vec![],
        };
        let mut on_token = |_| ControlFlow::Continue(());
        let alone = block_on(generate(&decoder, prompt, &options, &mut on_token)).unwrap();
        assert_eq!(alone, expected[length..], "{length}");
        let mut go_on = || ControlFlow::Continue(());
        let prompts = [prompt];
        let mut is_done = |_: &[u32]| false;
        let greedy = GenerateOptions::greedy(8, &[]);
        let batch = generate_batch(&decoder, &prompts, &greedy, &mut is_done, &mut go_on);
        assert_eq!(block_on(batch).unwrap().unwrap(), [alone], "{length}");
    }
}
