//! Real trained models equal an independent float64 forward pass. The models lie outside of the repository, in
//! `../shared/models`, so that these tests are ignored unless they are asked for: `cargo xtask test --all` does.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{
    io::Read,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use flate2::read::DeflateDecoder;
use layerlab_model::{
    Checkpoint, Decoder, Folder, GenerateOptions, NoObserver, PaddingSide, Sampling, TokenBatch,
    Tokenizer, WeightFormat, generate,
};
use pollster::block_on;
use serde_json::Value;
use support::{cpu, gpu, relative_error};

fn shared(model: &str) -> PathBuf {
    Path::new("../../../shared/models").join(model)
}

/// The bytes of one array of an `.npz` (a zip of `.npy` files, stored or deflated), without its
/// header.
fn npz(path: &Path, array: &str) -> Vec<u8> {
    let file = std::fs::read(path.join("reference.npz")).unwrap();
    let short = |at: usize| u16::from_le_bytes([file[at], file[at + 1]]);
    let name = format!("{array}.npy");
    let found = file.windows(name.len()).position(|w| w == name.as_bytes());
    // The member's local header: 30 bytes, then its name and extra fields; the method is at 8.
    let header = found.expect("the array is in reference.npz") - 30;
    let start = header + 30 + usize::from(short(header + 26)) + usize::from(short(header + 28));
    let npy = match short(header + 8) {
        0 => {
            let next = file[start..]
                .windows(4)
                .position(|w| w == b"PK\x03\x04" || w == b"PK\x01\x02");
            file[start..start + next.unwrap()].to_vec()
        }
        method => {
            assert_eq!(method, 8, "stored or deflated");
            let mut npy = Vec::new();
            let mut inflate = DeflateDecoder::new(&file[start..]);
            inflate.read_to_end(&mut npy).unwrap();
            npy
        }
    };
    // Magic and version, then the header's length in two bytes.
    npy[10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]))..].to_vec()
}

fn equals_reference(model: &str) {
    let path = shared(model);
    let ids: Vec<u32> = npz(&path, "ids")
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| i64::from_le_bytes(*bytes) as u32)
        .collect();
    let logits: Vec<f64> = npz(&path, "logits")
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| f64::from_le_bytes(*bytes))
        .collect();
    let checkpoint = block_on(Checkpoint::open(Folder::new(&path))).unwrap();
    for target in [cpu(), gpu()] {
        let decoder = block_on(Decoder::load(
            &checkpoint,
            &target.device,
            WeightFormat::Stored,
            &mut |_| ControlFlow::Continue(()),
        ))
        .unwrap();
        let batch = TokenBatch::new(&[&ids], PaddingSide::Right).unwrap();
        let hidden = decoder
            .hidden_states(&batch, None, &mut NoObserver)
            .unwrap();
        let error = relative_error(decoder.logits(hidden), &logits, &vec![1; ids.len()]);
        println!("{model} on {}: {error:e}", target.name);
        assert!(
            error <= target.tolerance,
            "{model} on {}: {error:e}",
            target.name
        );
    }
}

#[test]
#[ignore = "needs ../shared/models; cargo xtask test --all"]
fn stories260k_equals_its_reference() {
    equals_reference("stories260k");
}

#[test]
#[ignore = "needs ../shared/models; cargo xtask test --all"]
fn gpt_by_hand_equals_its_reference() {
    equals_reference("gpt-by-hand");
}

#[test]
#[ignore = "needs ../shared/models; cargo xtask test --all"]
fn stories260k_reads_text_and_tells_a_story() {
    let path = shared("stories260k");
    let reference: Value =
        serde_json::from_slice(&std::fs::read(path.join("reference.json")).unwrap()).unwrap();
    let tokenizer = block_on(Tokenizer::open(&Folder::new(&path))).unwrap();
    let text = reference["text"].as_str().unwrap();
    let expected: Vec<u32> = serde_json::from_value(reference["ids"].clone()).unwrap();
    assert_eq!(tokenizer.encode(text, true).unwrap(), expected);

    let checkpoint = block_on(Checkpoint::open(Folder::new(&path))).unwrap();
    let decoder = block_on(Decoder::load(
        &checkpoint,
        &cpu().device,
        WeightFormat::Stored,
        &mut |_| ControlFlow::Continue(()),
    ))
    .unwrap();
    let options = GenerateOptions {
        max_new_tokens: 20,
        sampling: Sampling::Greedy,
        stop: tokenizer.stops().to_vec(),
    };
    let prompt = tokenizer.encode("Once upon a time", true).unwrap();
    let ids = block_on(generate(&decoder, &prompt, &options, &mut |_| {
        ControlFlow::Continue(())
    }));
    let story = tokenizer.decode(&ids.unwrap(), true).unwrap();
    // What llama2.c publishes for this model at temperature 0.
    assert!(
        story.starts_with(", there was a little girl named Lily."),
        "{story}"
    );
}
