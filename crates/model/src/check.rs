//! A device's own test. In a browser an invalid shader is only logged and its dispatch skipped, so that what comes
//! back may be anything: before a device is trusted, a small decoder computes on it what the processor computes.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;

use crate::{
    Checkpoint, Decoder, MemoryFiles, ModelError, NoObserver, PaddingSide, Target, TokenBatch,
    tensors::CheckpointError,
};

const HIDDEN: usize = 24;
const HEADS: usize = 4;
const KEY_HEADS: usize = 2;
const HEAD: usize = 8;
const INNER: usize = 40;
const VOCABULARY: usize = 50;
const LAYERS: usize = 2;
/// Largest difference from the processor, relative to the root mean square of what it found.
const TOLERANCE: f32 = 1e-3;

/// Lets the device pass a padded batch through a small decoder, which has every part that has a shader of its own (norms,
/// norms within heads, rotated heads, gates), and compares hidden states and log-probabilities with the processor's.
///
/// # Errors
/// When the device fails, or computes something else than the processor.
pub async fn check(device: &Device) -> Result<(), ModelError> {
    let [ours, theirs] = [passed(&Device::flex()).await?, passed(device).await?];
    compare(&ours.0, &theirs.0, "hidden states")?;
    compare(&ours.1, &theirs.1, "log-probabilities")
}

/// Hidden states of real tokens, and log-probabilities of the next ones.
async fn passed(device: &Device) -> Result<(Vec<f32>, Vec<f32>), ModelError> {
    let sequences: [&[u32]; 2] = [&[3, 17, 42, 8, 29, 1, 33], &[11, 2, 47]];
    let mut progress = |_| ControlFlow::Continue(());
    let decoder = Decoder::load(&checkpoint().await?, device, &mut progress).await?;
    let batch = TokenBatch::new(&sequences, PaddingSide::Right)?;
    let hidden = decoder.hidden_states(&batch, None, &mut NoObserver)?;
    let likelihoods = decoder.log_likelihoods(hidden.clone(), &Target::next_tokens(&sequences));
    let [_, tokens, channels] = hidden.dims();
    let hidden = values(hidden).await?;
    let real = sequences.iter().enumerate().flat_map(|(row, sequence)| {
        let start = row * tokens * channels;
        hidden
            .get(start..start + sequence.len() * channels)
            .unwrap_or_default()
    });
    let real = real.copied().collect();
    match likelihoods {
        Some(likelihoods) => Ok((real, values(likelihoods).await?)),
        None => Ok((real, Vec::new())),
    }
}

async fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    Ok(tensor.into_data_async().await?.iter().collect())
}

fn compare(expected: &[f32], found: &[f32], what: &'static str) -> Result<(), ModelError> {
    let squares: f32 = expected.iter().map(|value| value * value).sum();
    let allowed = TOLERANCE * (squares / expected.len().max(1) as f32).sqrt();
    let agrees = |(expected, found): (&f32, &f32)| (expected - found).abs() <= allowed;
    match expected.len() == found.len() && expected.iter().zip(found).all(agrees) {
        true => Ok(()),
        false => Err(ModelError::WrongResult { what }),
    }
}

/// A model in memory, whose weights follow no simple pattern.
async fn checkpoint() -> Result<Checkpoint<MemoryFiles>, ModelError> {
    let config = json!({
        "model_type": "qwen3",
        "hidden_size": HIDDEN,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_HEADS,
        "head_dim": HEAD,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": true,
    });
    let tensors = shapes();
    let stored: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .enumerate()
        .map(|(number, (name, shape))| {
            let count: usize = shape.iter().product();
            let value = |index: usize| {
                let place = (index * index + 31 * number) % 10_007;
                (place as f32 * 0.37).sin() * 0.4 + 0.1
            };
            let bytes = (0..count).flat_map(|index| value(index).to_le_bytes());
            (name, shape, bytes.collect())
        })
        .collect();
    let malformed = |error: safetensors::SafeTensorError| CheckpointError::Header {
        file: "the device's test".into(),
        problem: error.to_string(),
    };
    let views = stored
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes)?;
            Ok((name.as_str(), view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(malformed)?;
    let weights = safetensors::serialize(views, None).map_err(malformed)?;
    let files = [
        ("config.json".to_owned(), config.to_string().into_bytes()),
        ("model.safetensors".to_owned(), weights),
    ];
    Ok(Checkpoint::open(MemoryFiles::new("the device's test", files)).await?)
}

fn shapes() -> Vec<(String, Vec<usize>)> {
    let (queries, keys) = (HEADS * HEAD, KEY_HEADS * HEAD);
    let block: [(&str, &[usize]); 11] = [
        ("input_layernorm", &[HIDDEN]),
        ("self_attn.q_proj", &[queries, HIDDEN]),
        ("self_attn.k_proj", &[keys, HIDDEN]),
        ("self_attn.v_proj", &[keys, HIDDEN]),
        ("self_attn.o_proj", &[HIDDEN, queries]),
        ("self_attn.q_norm", &[HEAD]),
        ("self_attn.k_norm", &[HEAD]),
        ("post_attention_layernorm", &[HIDDEN]),
        ("mlp.gate_proj", &[INNER, HIDDEN]),
        ("mlp.up_proj", &[INNER, HIDDEN]),
        ("mlp.down_proj", &[HIDDEN, INNER]),
    ];
    let ends: [(&str, &[usize]); 2] =
        [("embed_tokens", &[VOCABULARY, HIDDEN]), ("norm", &[HIDDEN])];
    let named = |name: String, shape: &[usize]| (format!("model.{name}.weight"), shape.to_vec());
    let blocks = (0..LAYERS).flat_map(|layer| {
        block.map(|(name, shape)| named(format!("layers.{layer}.{name}"), shape))
    });
    let ends = ends.map(|(name, shape)| named(name.into(), shape));
    blocks.chain(ends).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::DeviceKind;
    use pollster::block_on;

    use super::*;

    #[test]
    fn a_sound_device_passes() -> Result<(), ModelError> {
        block_on(check(&Device::wgpu(DeviceKind::DefaultDevice)))
    }

    #[test]
    fn a_value_that_is_off_lacking_or_nan_is_seen() {
        let found = [1.0, -2.0, 0.5];
        assert!(compare(&found, &found, "x").is_ok());
        assert!(compare(&found, &[1.0, -2.0, 0.51], "x").is_err());
        assert!(compare(&found, &[1.0, f32::NAN, 0.5], "x").is_err());
        assert!(compare(&found, &found[..2], "x").is_err());
    }
}
