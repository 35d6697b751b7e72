//! Weights in Hugging Face layout: the first ones, and those that were learned.

use half::f16;
use layerlab_model::{Decoder, StoredTensor};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, serialize, tensor::TensorView};

use super::{Recipe, TrainError, tokenizer::TokenizerFiles};

/// Standard deviation of the first weights.
const SPREAD: f64 = 0.02;

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Exactly, to go on from.
    Full,
    /// Half, to be published.
    Half,
}

/// A model folder's files by name.
pub type Files = Vec<(String, Vec<u8>)>;

/// The first weights: normal with a standard deviation of 0.02, norms 1. Maps that write to the residual
/// stream are smaller by the root of twice the number of layers, so that the stream's variance does not
/// grow with depth (GPT-2's way).
pub(super) fn first_weights(recipe: &Recipe) -> Vec<StoredTensor> {
    let mut random = ChaCha8Rng::seed_from_u64(recipe.seed);
    let dim = recipe.hidden_size / recipe.heads;
    let (hidden, inner) = (recipe.hidden_size, recipe.inner_size);
    let (queries, keys) = (recipe.heads * dim, recipe.kv_heads * dim);
    let writing = SPREAD / (2.0 * recipe.layers as f64).sqrt();
    let mut tensors = Vec::new();
    let mut matrix = |name: String, shape: [usize; 2], spread: f64| {
        let values = (0..shape[0] * shape[1]).map(|_| (normal(&mut random) * spread) as f32);
        StoredTensor {
            name: format!("{name}.weight"),
            shape: shape.to_vec(),
            values: values.collect(),
        }
    };
    let ones = |name: String| StoredTensor {
        name: format!("{name}.weight"),
        shape: vec![hidden],
        values: vec![1.0; hidden],
    };
    let embedding = [recipe.vocabulary, hidden];
    tensors.push(matrix("model.embed_tokens".into(), embedding, SPREAD));
    for layer in 0..recipe.layers {
        let of = |name: &str| format!("model.layers.{layer}.{name}");
        tensors.push(ones(of("input_layernorm")));
        tensors.push(ones(of("post_attention_layernorm")));
        for (name, shape, spread) in [
            ("self_attn.q_proj", [queries, hidden], SPREAD),
            ("self_attn.k_proj", [keys, hidden], SPREAD),
            ("self_attn.v_proj", [keys, hidden], SPREAD),
            ("self_attn.o_proj", [hidden, queries], writing),
            ("mlp.gate_proj", [inner, hidden], SPREAD),
            ("mlp.up_proj", [inner, hidden], SPREAD),
            ("mlp.down_proj", [hidden, inner], writing),
        ] {
            tensors.push(matrix(of(name), shape, spread));
        }
    }
    tensors.push(ones("model.norm".into()));
    tensors
}

/// A standard normal number (Box and Muller 1958).
fn normal<R: Rng>(random: &mut R) -> f64 {
    // Never 0, whose logarithm is infinite.
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

/// A model folder of the decoder's weights.
///
/// # Errors
/// When the device fails.
pub async fn model_files(
    decoder: &Decoder,
    recipe: &Recipe,
    tokenizer: &TokenizerFiles,
    precision: Precision,
) -> Result<Files, TrainError> {
    let weights = decoder.stored_weights().await?;
    files_of(&weights, recipe, tokenizer, precision)
}

pub(super) fn files_of(
    weights: &[StoredTensor],
    recipe: &Recipe,
    tokenizer: &TokenizerFiles,
    precision: Precision,
) -> Result<Files, TrainError> {
    let bytes = |tensor: &StoredTensor| -> Vec<u8> {
        let values = tensor.values.iter();
        match precision {
            Precision::Full => values.flat_map(|value| value.to_le_bytes()).collect(),
            Precision::Half => values
                .flat_map(|value| f16::from_f32(*value).to_le_bytes())
                .collect(),
        }
    };
    let dtype = match precision {
        Precision::Full => Dtype::F32,
        Precision::Half => Dtype::F16,
    };
    let contents: Vec<Vec<u8>> = weights.iter().map(bytes).collect();
    let views = weights.iter().zip(&contents).map(|(tensor, bytes)| {
        let view = TensorView::new(dtype, tensor.shape.clone(), bytes)?;
        Ok((tensor.name.as_str(), view))
    });
    let failed = |error: safetensors::SafeTensorError| TrainError::Vocabulary(error.to_string());
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(failed)?;
    let metadata = [("format".to_owned(), "pt".to_owned())];
    let weights = serialize(views, Some(metadata.into())).map_err(failed)?;
    let mut config = recipe.config();
    config["torch_dtype"] = match precision {
        Precision::Full => "float32".into(),
        Precision::Half => "float16".into(),
    };
    Ok(vec![
        ("config.json".into(), format!("{config:#}\n").into_bytes()),
        ("model.safetensors".into(), weights),
        ("tokenizer.json".into(), tokenizer.tokenizer.clone()),
        ("tokenizer_config.json".into(), tokenizer.config.clone()),
    ])
}
