//! A Llama of random weights, for machines without Python.

use std::{fs, path::Path};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, serialize_to_file, tensor::TensorView};
use serde_json::json;

use crate::Failed;

const VOCABULARY: usize = 16384;
const SEED: u64 = 0;

/// Blocks, channels, and whether weights are float16 rather than float32.
#[derive(Clone, Copy)]
pub struct Shape {
    pub layers: usize,
    pub width: usize,
    pub half: bool,
}

/// Writes the model to `folder`, beside the tokenizer that lies there already.
pub fn write(folder: &Path, shape: Shape) -> Result<(), Failed> {
    let Shape {
        layers,
        width,
        half,
    } = shape;
    let inner = 4 * width;
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "vocab_size": VOCABULARY, "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": width / 64, "num_key_value_heads": width / 64, "head_dim": 64, "rms_norm_eps": 1e-6,
        "max_position_embeddings": 1024, "rope_theta": 10000.0, "tie_word_embeddings": true, "bos_token_id": 0,
        "attention_bias": false, "mlp_bias": false, "torch_dtype": if half { "float16" } else { "float32" },
    });
    fs::create_dir_all(folder)?;
    fs::write(folder.join("config.json"), config.to_string())?;
    let mut shapes = vec![(
        "model.embed_tokens.weight".to_owned(),
        vec![VOCABULARY, width],
    )];
    for layer in 0..layers {
        let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
        let attention = ["q_proj", "k_proj", "v_proj", "o_proj"];
        shapes
            .extend(attention.map(|part| (name(&format!("self_attn.{part}")), vec![width, width])));
        shapes.extend(
            ["gate_proj", "up_proj"].map(|part| (name(&format!("mlp.{part}")), vec![inner, width])),
        );
        shapes.push((name("mlp.down_proj"), vec![width, inner]));
        shapes.extend(
            ["input_layernorm", "post_attention_layernorm"].map(|part| (name(part), vec![width])),
        );
    }
    shapes.push(("model.norm.weight".into(), vec![width]));
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut bytes = |shape: &[usize]| -> Vec<u8> {
        let count: usize = shape.iter().product();
        let mut next = || match shape.len() {
            1 => 1.0,
            _ => weight(random.next_u32()),
        };
        match half {
            true => (0..count)
                .flat_map(|_| halved(next()).to_le_bytes())
                .collect(),
            false => (0..count).flat_map(|_| next().to_le_bytes()).collect(),
        }
    };
    let stored: Vec<Vec<u8>> = shapes.iter().map(|(_, shape)| bytes(shape)).collect();
    let dtype = if half { Dtype::F16 } else { Dtype::F32 };
    let views = shapes.iter().zip(&stored).map(|((name, shape), bytes)| {
        let view = TensorView::new(dtype, shape.clone(), bytes);
        view.map(|view| (name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    Ok(serialize_to_file(
        views,
        None,
        &folder.join("model.safetensors"),
    )?)
}

/// Of either sign, between 2^-9 and 2^-5, with the ten bits of fraction that a float16 has.
fn weight(random: u32) -> f32 {
    let exponent = 127 - 9 + (random >> 10) % 4;
    f32::from_bits((random >> 31) << 31 | exponent << 23 | (random & 0x3ff) << 13)
}

/// The bits of a float16 that has the value.
fn halved(value: f32) -> u16 {
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 0xff) + 15 - 127;
    ((bits >> 31) << 15 | exponent << 10 | bits >> 13 & 0x3ff) as u16
}
