//! Decoders with coarser weights: what they compute is what a checkpoint with those values does.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeMap, ops::ControlFlow};

use burn::tensor::Device;
use layerlab_model::{
    Checkpoint, Decoder, MemoryFiles, ModelError, WeightFormat,
    tensors::{EncodeError, StoredType},
};
use pollster::block_on;
use safetensors::{SafeTensors, tensor::TensorView};
use support::{cpu, files_of, goldens, gpu, load, logits};

/// Biases, norms on all sides, tied heads and a head of its own, fused maps. Rows of some make up blocks; of others they do not.
const FAMILIES: [&str; 6] = ["llama", "llama_tied", "qwen2", "qwen3", "gemma2", "phi3"];
const TYPES: [StoredType; 3] = [StoredType::Q4_0, StoredType::Q8_0, StoredType::Q5_0];
const EMBEDDINGS: StoredType = StoredType::Q8_0;

fn types() -> BTreeMap<usize, StoredType> {
    TYPES.into_iter().enumerate().collect()
}

/// What a type leaves of a matrix's values.
fn left(stored: StoredType, columns: usize, values: &[u8]) -> Vec<u8> {
    let values = values.as_chunks().0.iter();
    let mut values: Vec<f32> = values.map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let stored = stored.of_rows(columns);
    let mut bytes = Vec::new();
    stored.encode(&values, &mut bytes).unwrap();
    stored.decode(&bytes, &mut values);
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// The golden with its matrices changed in the file.
fn changed(golden: &str) -> MemoryFiles {
    let mut files = files_of(golden);
    let weights = files.remove("model.safetensors").unwrap();
    let weights = SafeTensors::deserialize(&weights).unwrap();
    let tensors = weights.tensors().into_iter().map(|(name, tensor)| {
        let layer = name
            .split("layers.")
            .nth(1)
            .and_then(|rest| rest.split('.').next());
        let stored = match layer {
            Some(layer) => TYPES[layer.parse::<usize>().unwrap()],
            None => EMBEDDINGS,
        };
        let data = match tensor.shape() {
            &[_, columns] => left(stored, columns, tensor.data()),
            _ => tensor.data().to_vec(),
        };
        (name, tensor.dtype(), tensor.shape().to_vec(), data)
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, dtype, shape, data)| {
        let view = TensorView::new(*dtype, shape.clone(), data).unwrap();
        (name.clone(), view)
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    files.insert("model.safetensors".into(), bytes);
    MemoryFiles::new(golden, files)
}

fn loaded(files: MemoryFiles, device: &Device) -> Decoder {
    let checkpoint = block_on(Checkpoint::open(files)).unwrap();
    let mut progress = |_| ControlFlow::Continue(());
    block_on(Decoder::load(
        &checkpoint,
        device,
        WeightFormat::Stored,
        &mut progress,
    ))
    .unwrap()
}

#[test]
fn weights_are_those_that_a_file_would_hold() {
    for target in [cpu(), gpu()] {
        for golden in FAMILIES {
            let whole = loaded(MemoryFiles::new(golden, files_of(golden)), &target.device);
            let coarse = block_on(whole.with_blocks_stored(&types())).unwrap();
            let coarse = block_on(coarse.with_embeddings_stored(EMBEDDINGS)).unwrap();
            let expected = logits(&loaded(changed(golden), &target.device));
            let (found, before) = (logits(&coarse), logits(&whole));
            let most = expected
                .iter()
                .fold(0.0f32, |most, value| most.max(value.abs()));
            let furthest = |others: &[f32]| {
                let pairs = expected.iter().zip(others);
                pairs.fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / most
            };
            assert!(
                furthest(&found) < 1e-4,
                "{} {golden}: {}",
                target.name,
                furthest(&found)
            );
            // The types are coarse enough to be seen.
            assert!(
                furthest(&before) > 1e-3,
                "{} {golden}: {}",
                target.name,
                furthest(&before)
            );
            assert_eq!(coarse.parameters(), whole.parameters(), "{golden}");
        }
    }
}

#[test]
fn bytes_are_those_of_the_matrices() {
    let decoder = load(&goldens().join("llama"));
    // Rows of 32 channels are whole blocks; those of the inner channels and of all heads, 48 each, are none.
    let matrices = decoder.block_bytes(StoredType::F16) / 2;
    let back = 2 * 32 * 48;
    let q4 = (matrices - back) / 32 * 18 + 2 * back;
    assert_eq!(decoder.block_bytes(StoredType::Q4_0), q4);
    assert_eq!(decoder.embedding_bytes(StoredType::Q8_0), 2 * 64 * 34);
}

#[test]
fn what_cannot_be_is_refused() {
    let decoder = load(&goldens().join("llama"));
    let beyond = BTreeMap::from([(3, StoredType::Q4_0)]);
    let refused = block_on(decoder.with_blocks_stored(&beyond)).unwrap_err();
    assert!(
        matches!(
            refused,
            ModelError::NoSuchLayer {
                layer: 3,
                layers: 3
            }
        ),
        "{refused}"
    );
    let only_read = BTreeMap::from([(0, StoredType::Q4_1)]);
    let refused = block_on(decoder.with_blocks_stored(&only_read)).unwrap_err();
    let problem = EncodeError::OnlyRead(StoredType::Q4_1);
    assert!(matches!(refused, ModelError::Coarser { problem: found, .. } if found == problem));
}
