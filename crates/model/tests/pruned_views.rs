//! Decoders without some of their blocks, and passes that share a beginning.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeSet, ops::ControlFlow};

use burn::tensor::Tensor;
use layerlab_model::{
    Checkpoint, CutPass, Cuts, Decoder, Folder, GenerateOptions, ModelError, NoObserver,
    PaddingSide, Sampling, TokenBatch, WeightFormat, generate, generate_batch,
};
use pollster::block_on;
use support::{Target, cpu, goldens, gpu};

const FAMILIES: [&str; 18] = [
    "llama",
    "mistral",
    "qwen2_sliding",
    "qwen3",
    "gpt2",
    "gpt2_scaled",
    "gpt_neo",
    "gpt_neox",
    "stablelm_parallel",
    "gemma2",
    "gemma3",
    "granite",
    "olmo2",
    "opt",
    "phi",
    "phi3",
    "smollm3",
    "starcoder2",
];

fn load(name: &str, target: &Target) -> Decoder {
    let checkpoint = block_on(Checkpoint::open(Folder::new(goldens().join(name)))).unwrap();
    let mut progress = |_| ControlFlow::Continue(());
    block_on(Decoder::load(
        &checkpoint,
        &target.device,
        WeightFormat::Stored,
        &mut progress,
    ))
    .unwrap()
}

fn sequences() -> Vec<Vec<u32>> {
    vec![
        vec![5, 17, 3, 60, 22, 9, 41, 8, 13],
        vec![2, 44, 7, 19],
        vec![63],
    ]
}

fn batch() -> TokenBatch {
    TokenBatch::new(&sequences(), PaddingSide::Right).unwrap()
}

fn numbers(tensor: Tensor<3>) -> Vec<f32> {
    let data = block_on(tensor.into_data_async()).unwrap();
    data.iter::<f32>().collect()
}

fn through(decoder: &Decoder, layers: &[usize]) -> Vec<f32> {
    let mut stream = decoder.begin(&batch()).unwrap();
    for &layer in layers {
        stream = decoder.advance(stream, layer, &mut NoObserver).unwrap();
    }
    numbers(decoder.finish(stream))
}

fn whole(decoder: &Decoder) -> Vec<f32> {
    let hidden = decoder.hidden_states(&batch(), None, &mut NoObserver);
    numbers(hidden.unwrap())
}

#[test]
fn a_pass_block_by_block_is_the_pass() {
    for target in [cpu(), gpu()] {
        for name in FAMILIES {
            let decoder = load(name, &target);
            let layers: Vec<usize> = (0..decoder.spec().layers()).collect();
            assert_eq!(through(&decoder, &layers), whole(&decoder), "{name}");
        }
    }
}

#[test]
fn a_view_passes_the_blocks_that_stay_and_leaves_the_whole_alone() {
    for name in FAMILIES {
        let decoder = load(name, &cpu());
        let before = whole(&decoder);
        let layers = decoder.spec().layers();
        let view = decoder.without(&BTreeSet::from([1])).unwrap();
        let kept: Vec<usize> = (0..layers).filter(|layer| *layer != 1).collect();
        assert_eq!(view.spec().layers(), layers - 1);
        assert_eq!(whole(&view), through(&decoder, &kept), "{name}");
        assert_ne!(whole(&view), before, "{name}: block 1 does nothing");
        assert_eq!(whole(&decoder), before, "{name}");
        let fewer = decoder.parameters() - view.parameters();
        assert_eq!(fewer, decoder.spec().block_parameters(), "{name}");
    }
}

/// A stream taken up twice gives what two passes give.
#[test]
fn streams_can_be_shared() {
    let decoder = load("llama", &cpu());
    let shared = decoder
        .advance(decoder.begin(&batch()).unwrap(), 0, &mut NoObserver)
        .unwrap();
    let with = decoder.advance(shared.clone(), 1, &mut NoObserver).unwrap();
    let with = numbers(decoder.finish(decoder.advance(with, 2, &mut NoObserver).unwrap()));
    let without = numbers(decoder.finish(decoder.advance(shared, 2, &mut NoObserver).unwrap()));
    assert_eq!(with, through(&decoder, &[0, 1, 2]));
    assert_eq!(without, through(&decoder, &[0, 2]));
}

/// Cuts that are passed together are passed as each is alone, whatever they share.
#[test]
fn cuts_that_share_their_beginnings_are_passed_as_each_alone() {
    for target in [cpu(), gpu()] {
        for name in FAMILIES {
            let decoder = load(name, &target);
            let layers = decoder.spec().layers();
            let last = layers - 1;
            let removed: Vec<BTreeSet<usize>> =
                [&[][..], &[last], &[1], &[0], &[0, last], &[1], &[1, last]]
                    .map(|removed| removed.iter().copied().collect())
                    .to_vec();
            let cuts = Cuts::new(layers, &removed).unwrap();
            let batch = batch();
            let mut pass = CutPass::begin(&decoder, &cuts, &batch).unwrap();
            let mut asked = Vec::new();
            for place in cuts.order() {
                let found = numbers(pass.advance().unwrap().unwrap());
                let alone = whole(&decoder.without(&removed[place]).unwrap());
                assert_eq!(found, alone, "{name} without {:?}", removed[place]);
                asked.push(place);
            }
            assert!(pass.advance().unwrap().is_none());
            asked.sort_unstable();
            assert_eq!(asked, (0..removed.len()).collect::<Vec<_>>());
            assert!(cuts.passes() < cuts.plain_passes());
        }
    }
}

#[test]
fn cuts_of_another_decoder_are_refused() {
    let decoder = load("llama", &cpu());
    for layers in [2, 4] {
        let cuts = Cuts::whole(layers);
        assert!(CutPass::begin(&decoder, &cuts, &batch()).is_err());
        assert!(cuts.views(&decoder).is_err());
    }
    let none = Cuts::new(3, &[]).unwrap();
    let mut pass = CutPass::begin(&decoder, &none, &batch());
    assert!(pass.as_mut().unwrap().advance().unwrap().is_none());
}

#[test]
fn what_leaves_no_model_is_refused() {
    let decoder = load("llama", &cpu());
    let without = |layers: &[usize]| decoder.without(&layers.iter().copied().collect());
    assert!(matches!(
        without(&[3]).unwrap_err(),
        ModelError::NoSuchLayer {
            layer: 3,
            layers: 3
        }
    ));
    assert!(matches!(
        without(&[0, 1, 2]).unwrap_err(),
        ModelError::NoLayerLeft { layers: 3 }
    ));
    let stream = decoder.begin(&batch()).unwrap();
    assert!(decoder.advance(stream, 3, &mut NoObserver).is_err());
}

/// log p from float64 arithmetic over the logits, padded batches included.
#[test]
fn log_likelihoods_equal_a_float64_softmax() {
    for target in [cpu(), gpu()] {
        let decoder = load("gpt_neox", &target);
        let hidden = decoder
            .hidden_states(&batch(), None, &mut NoObserver)
            .unwrap();
        let vocabulary = decoder.spec().vocab_size;
        let [_, tokens] = batch().shape();
        let logits = numbers(decoder.logits(hidden.clone()));
        let targets: Vec<layerlab_model::Target> = [(0, 0, 17), (0, 7, 13), (1, 2, 19), (2, 0, 1)]
            .map(|(row, position, token)| layerlab_model::Target {
                row,
                position,
                token,
            })
            .to_vec();
        let found = decoder.log_likelihoods(hidden.clone(), &targets).unwrap();
        let found = block_on(found.into_data_async()).unwrap();
        for (target, found) in targets.iter().zip(found.iter::<f32>()) {
            let start = (target.row * tokens + target.position) * vocabulary;
            let row = logits[start..start + vocabulary]
                .iter()
                .map(|&x| f64::from(x));
            let total: f64 = row.clone().map(f64::exp).sum();
            let expected = row.clone().nth(target.token as usize).unwrap() - total.ln();
            assert!(
                (f64::from(found) - expected).abs() < 1e-5,
                "{found} {expected}"
            );
        }
        assert!(decoder.log_likelihoods(hidden, &[]).is_none());
    }
}

/// Whoever wants a batch no more is heard before its next token.
#[test]
fn a_batch_is_broken_off_between_tokens() {
    let decoder = load("llama", &cpu());
    let mut tokens = 0;
    let mut is_done = |text: &[u32]| {
        tokens = tokens.max(text.len());
        false
    };
    let mut left = 3;
    let mut go_on = || {
        left -= 1;
        match left {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let prompts = sequences();
    let found = block_on(generate_batch(
        &decoder,
        &prompts,
        &GenerateOptions::greedy(8, &[]),
        &mut is_done,
        &mut go_on,
    ));
    assert_eq!(found.unwrap(), None);
    assert_eq!(tokens, 2);
}

/// Each text of a batch is what the prompt alone gives.
#[test]
fn texts_generated_together_are_those_generated_alone() {
    for name in [
        "llama", "mistral", "gpt2", "gpt_neo", "gemma3", "opt", "phi3", "smollm3",
    ] {
        let decoder = load(name, &cpu());
        let prompts = sequences();
        let stop = [11];
        let mut go_on = || ControlFlow::Continue(());
        let together = block_on(generate_batch(
            &decoder,
            &prompts,
            &GenerateOptions::greedy(8, &stop),
            &mut |_| false,
            &mut go_on,
        ));
        let together = together.unwrap().unwrap();
        for (prompt, found) in prompts.iter().zip(together) {
            let options = GenerateOptions {
                max_new_tokens: 8,
                sampling: Sampling::Greedy,
                stop: stop.to_vec(),
            };
            let mut on_token = |_| ControlFlow::Continue(());
            let alone = block_on(generate(&decoder, prompt, &options, &mut on_token)).unwrap();
            assert_eq!(found, alone, "{name}");
        }
        let cut = block_on(generate_batch(
            &decoder,
            &prompts,
            &GenerateOptions::greedy(8, &[]),
            &mut |text| text.len() == 3,
            &mut go_on,
        ));
        assert!(cut.unwrap().unwrap().iter().all(|text| text.len() == 3));
    }
}
