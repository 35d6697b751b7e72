//! Models in GGUF files equal `transformers` with the same weights, every architecture that is read; and weights that stay in
//! blocks come to what they come to as float32.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeSet, ops::ControlFlow};

use layerlab_model::{
    Adapters, Checkpoint, Decoder, Folder, NoObserver, PaddingSide, TokenBatch, WeightFormat,
};
use pollster::block_on;
use support::{Reference, Target, cpu, goldens, gpu, relative_error};

fn load(file: &str, target: &Target, format: WeightFormat) -> Decoder {
    let files = Folder::new(goldens().join("gguf").join(file));
    let checkpoint = block_on(Checkpoint::open(files)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let mut progress = |_| ControlFlow::Continue(());
    let loaded = Decoder::load(&checkpoint, &target.device, format, &mut progress);
    block_on(loaded).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn logits(decoder: &Decoder, batch: &TokenBatch) -> burn::tensor::Tensor<3> {
    let hidden = decoder.hidden_states(batch, None, &mut NoObserver).unwrap();
    decoder.logits(hidden)
}

#[test]
fn every_architecture_equals_transformers() {
    let folder = goldens().join("gguf");
    let reference = Reference::open(&folder.join("families.safetensors"));
    let mask = reference.ints("attention_mask");
    let ids = reference.ints("input_ids");
    let tokens = reference.shape("input_ids")[1];
    let sequences = ids.chunks(tokens).zip(mask.chunks(tokens));
    let sequences: Vec<Vec<u32>> = sequences
        .map(|(ids, mask)| {
            let real = ids.iter().zip(mask).filter(|(_, mask)| **mask == 1);
            real.map(|(id, _)| u32::try_from(*id).unwrap()).collect()
        })
        .collect();
    let batch = TokenBatch::new(&sequences, PaddingSide::Right).unwrap();
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let named = file.strip_prefix("family_");
        let Some(name) = named.and_then(|name| name.strip_suffix(".gguf")) else {
            continue;
        };
        let expected = reference.floats(&format!("{name}.logits"));
        for target in [cpu(), gpu()] {
            let decoder = load(&file, &target, WeightFormat::Stored);
            let error = relative_error(logits(&decoder, &batch), &expected, &mask);
            // Read by whoever makes the table of goldens: cargo test -- --nocapture
            println!("gguf {name} on {}: {error:e}", target.name);
            assert!(
                error <= target.tolerance,
                "{name} on {}: {error:e}",
                target.name
            );
        }
        compared += 1;
    }
    assert_eq!(compared, 15);
}

/// A whole model whose matrices are blocks of 8 bits, held as they are and as float32.
#[test]
fn blocks_come_to_what_float32_comes_to() {
    let sequences = [[5u32, 17, 3, 60, 22, 9], [2, 44, 7, 19, 33, 1]];
    let batch = TokenBatch::new(&sequences, PaddingSide::Right).unwrap();
    let [held, full] =
        [WeightFormat::Stored, WeightFormat::F32].map(|format| load("demo.gguf", &cpu(), format));
    assert_eq!(held.parameters(), full.parameters());
    let values = |tensor: burn::tensor::Tensor<3>| -> Vec<f64> {
        let data = block_on(tensor.into_data_async()).unwrap();
        data.iter::<f64>().collect()
    };
    let same = |held: &Decoder, full: &Decoder, what: &str| {
        let expected = values(logits(full, &batch));
        let error = relative_error(logits(held, &batch), &expected, &[1; 12]);
        assert!(error < 1e-5, "{what}: {error:e}");
    };
    same(&held, &full, "whole");
    let fewer = BTreeSet::from([1, 4]);
    same(
        &held.without(&fewer).unwrap(),
        &full.without(&fewer).unwrap(),
        "without layers",
    );
    // A changed map is of float32, on either.
    let shape = layerlab_model::AdapterShape {
        rank: 2,
        alpha: 4.0,
    };
    let layers = BTreeSet::from([2]);
    let adapters = Adapters::new(held.spec(), &layers, shape, 1, &cpu().device).unwrap();
    let [held, full] = [held, full].map(|decoder| decoder.with_adapters(&adapters));
    same(&held, &full, "with adapters");
    same(&held.merged(), &full.merged(), "merged");
}
