//! Every data type and every way of storing gives back the values that were stored.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use half::{bf16, f16};
use layerlab_model::{Checkpoint, Folder, MemoryFiles};
use pollster::block_on;
use proptest::prelude::*;
use safetensors::{Dtype, serialize, tensor::TensorView};
use serde_json::json;
use support::{files_of, goldens};

/// A tensor as it is stored, and what must come back.
fn stored(values: &[f32], dtype: Dtype) -> (Vec<u8>, Vec<f32>) {
    match dtype {
        Dtype::F32 => {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes());
            (bytes.collect(), values.to_vec())
        }
        Dtype::F16 => {
            let halves = values.iter().map(|value| f16::from_f32(*value));
            let bytes = halves.clone().flat_map(f16::to_le_bytes).collect();
            (bytes, halves.map(f16::to_f32).collect())
        }
        _ => {
            let halves = values.iter().map(|value| bf16::from_f32(*value));
            let bytes = halves.clone().flat_map(bf16::to_le_bytes).collect();
            (bytes, halves.map(bf16::to_f32).collect())
        }
    }
}

fn file(tensors: &[(&str, Dtype, &[u8], usize)]) -> Vec<u8> {
    let views = tensors.iter().map(|(name, dtype, bytes, length)| {
        (
            *name,
            TensorView::new(*dtype, vec![*length], bytes).unwrap(),
        )
    });
    serialize(views, None).unwrap()
}

fn checkpoint(files: Vec<(&str, Vec<u8>)>) -> Checkpoint<MemoryFiles> {
    let config = ("config.json".to_owned(), b"{}".to_vec());
    let files = files
        .into_iter()
        .map(|(name, bytes)| (name.to_owned(), bytes));
    let files: BTreeMap<String, Vec<u8>> = files.chain([config]).collect();
    block_on(Checkpoint::open(MemoryFiles::new("memory", files))).unwrap()
}

proptest! {
    #[test]
    fn values_come_back_as_stored(
        values in prop::collection::vec(-6e4f32..6e4, 1..300),
        tiny in prop::collection::vec(-1e-7f32..1e-7, 0..20),
    ) {
        let values = [values, tiny].concat();
        for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
            let (bytes, expected) = stored(&values, dtype);
            // A tensor of another width before it, so that it does not begin on its own boundary.
            let (before, _) = stored(&[1.0, 2.0, 3.0], Dtype::F16);
            let weights = file(&[("a", Dtype::F16, &before, 3), ("b", dtype, &bytes, values.len())]);
            let checkpoint = checkpoint(vec![("model.safetensors", weights)]);
            let found = block_on(checkpoint.read_f32("b")).unwrap();
            prop_assert_eq!(&found, &expected);
        }
    }
}

#[test]
fn half_precision_longer_than_a_chunk_comes_back_whole() {
    // Chunks are 4 MiB: three million halves are one and a half.
    let values: Vec<f32> = (0..3_000_000).map(|index| (index % 2048) as f32).collect();
    let (bytes, expected) = stored(&values, Dtype::F16);
    let weights = file(&[("a", Dtype::F16, &bytes, values.len())]);
    let checkpoint = checkpoint(vec![("model.safetensors", weights)]);
    assert_eq!(block_on(checkpoint.read_f32("a")).unwrap(), expected);
}

#[test]
fn shards_are_one_checkpoint() {
    let (one, _) = stored(&[1.0, 2.0], Dtype::F32);
    let (two, _) = stored(&[3.0], Dtype::F32);
    let index = json!({"weight_map": {"a": "x.safetensors", "b": "y.safetensors"}});
    let checkpoint = checkpoint(vec![
        ("x.safetensors", file(&[("a", Dtype::F32, &one, 2)])),
        ("y.safetensors", file(&[("b", Dtype::F32, &two, 1)])),
        (
            "model.safetensors.index.json",
            index.to_string().into_bytes(),
        ),
    ]);
    assert_eq!(checkpoint.weight_bytes(), 12);
    assert_eq!(block_on(checkpoint.read_f32("a")).unwrap(), [1.0, 2.0]);
    assert_eq!(block_on(checkpoint.read_f32("b")).unwrap(), [3.0]);
}

#[test]
fn a_folder_and_memory_read_alike() {
    let folder = Folder::new(goldens().join("llama_bf16"));
    let folder = block_on(Checkpoint::open(folder)).unwrap();
    let memory = MemoryFiles::new("memory", files_of("llama_bf16"));
    let memory = block_on(Checkpoint::open(memory)).unwrap();
    assert_eq!(folder.tensors(), memory.tensors());
    for name in folder.tensors().keys() {
        let (from_folder, from_memory) = (folder.read_f32(name), memory.read_f32(name));
        assert_eq!(
            block_on(from_folder).unwrap(),
            block_on(from_memory).unwrap()
        );
    }
    assert_eq!(
        block_on(folder.sha256()).unwrap(),
        block_on(memory.sha256()).unwrap()
    );
}

#[test]
fn the_hash_is_sha256_of_the_weight_file() {
    let weights = files_of("llama_tied").remove("model.safetensors").unwrap();
    let expected: String = {
        use sha2::{Digest, Sha256};
        format!("{:x}", Sha256::digest(&weights))
    };
    let checkpoint = checkpoint(vec![("model.safetensors", weights)]);
    assert_eq!(block_on(checkpoint.sha256()).unwrap(), expected);
}
