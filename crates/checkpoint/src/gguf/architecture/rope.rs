//! How rotary positions are stretched to longer contexts: `rope_scaling`, from the metadata and from tensors that hold a factor
//! for each frequency.

use serde_json::{Value, json};

use super::{Source, source::Sizes};
use crate::gguf::GgufError;

/// Tensors with factors of frequencies; they are read with the header.
pub(in crate::gguf) const FACTOR_TENSORS: [&str; 3] = [FREQUENCIES, SHORT, LONG];
const FREQUENCIES: &str = "rope_freqs.weight";
const SHORT: &str = "rope_factors_short.weight";
const LONG: &str = "rope_factors_long.weight";

/// Of Llama 3.1 and 3.2, whose factors are told apart by nothing else: below the first share of the pre-training's context
/// a wave is stretched fully, above the second not at all.
const LOW: f64 = 1.0;
const HIGH: f64 = 4.0;
/// The pre-training's context of these.
const ORIGINAL: u64 = 8192;
/// Single precision, in which the factors were computed from frequencies of single precision.
const CLOSE: f64 = 1e-4;

/// The scaling as `config.json` says it; none where there is none.
pub(super) fn scaling(
    source: &Source<'_>,
    theta: f64,
    sizes: &Sizes,
) -> Result<Option<Value>, GgufError> {
    let old = source.number("rope.scale_linear")?;
    let factor = source.number("rope.scaling.factor")?.or(old);
    let original = source.natural("rope.scaling.original_context_length")?;
    let attention = source.number("rope.scaling.attn_factor")?;
    let kind = source.text("rope.scaling.type")?;
    if let Some(long) = source.factors.get(LONG) {
        let short = source.factors.get(SHORT).ok_or_else(|| GgufError::Tensor {
            name: LONG.to_owned(),
            problem: format!("is there without `{SHORT}`"),
        })?;
        let mut scaling = json!({
            "rope_type": "longrope", "short_factor": short, "long_factor": long,
            "original_max_position_embeddings": original.unwrap_or(sizes.context),
        });
        if let Some(attention) = attention {
            scaling["attention_factor"] = attention.into();
        }
        return Ok(Some(scaling));
    }
    if let Some(factors) = source.factors.get(FREQUENCIES) {
        return llama3(factors, theta, original, sizes);
    }
    let factor = factor.filter(|factor| *factor != 0.0 && *factor != 1.0);
    match (kind, factor) {
        (Some("none"), _) | (None | Some("linear"), None) => {}
        (None | Some("linear"), Some(factor)) => {
            return Ok(Some(json!({"rope_type": "linear", "factor": factor})));
        }
        // The family says whether it can be run.
        (Some(kind), factor) => {
            return Ok(Some(json!({
                "rope_type": kind, "factor": factor.unwrap_or(1.0),
                "original_max_position_embeddings": original.unwrap_or(sizes.context),
            })));
        }
    }
    match attention {
        Some(attention) if attention != 1.0 => Err(GgufError::Unsupported {
            key: source.key("rope.scaling.attn_factor"),
            found: attention.to_string(),
            supported: "read is 1 where positions are not scaled".to_owned(),
        }),
        _ => Ok(None),
    }
}

/// The `llama3` scaling that gives these factors, where there is one.
fn llama3(
    factors: &[f32],
    theta: f64,
    original: Option<u64>,
    sizes: &Sizes,
) -> Result<Option<Value>, GgufError> {
    let unlike = |problem: String| GgufError::Tensor {
        name: FREQUENCIES.to_owned(),
        problem,
    };
    if factors.len() as u64 != sizes.head_dim / 2 {
        return Err(unlike(format!(
            "has {} values, but half a head has {}",
            factors.len(),
            sizes.head_dim / 2
        )));
    }
    if factors.iter().all(|factor| *factor == 1.0) {
        return Ok(None);
    }
    let factor = f64::from(factors.iter().copied().fold(0.0, f32::max));
    for context in [ORIGINAL].into_iter().chain(original) {
        let explained = factors.iter().enumerate().all(|(place, found)| {
            let wave =
                2.0 * std::f64::consts::PI * theta.powf(2.0 * place as f64 / sizes.head_dim as f64);
            let expected = stretched(wave, factor, context as f64);
            (expected / f64::from(*found) - 1.0).abs() < CLOSE
        });
        if explained {
            return Ok(Some(json!({
                "rope_type": "llama3", "factor": factor, "low_freq_factor": LOW, "high_freq_factor": HIGH,
                "original_max_position_embeddings": context,
            })));
        }
    }
    Err(unlike(
        "holds factors of frequencies that are not those of Llama 3's scaling (from 1 to 4 waves in 8192 tokens), the only one \
         that is read; use the model's safetensors"
            .to_owned(),
    ))
}

/// By how much a wave of that length is stretched.
fn stretched(wave: f64, factor: f64, context: f64) -> f64 {
    if wave < context / HIGH {
        1.0
    } else if wave > context / LOW {
        factor
    } else {
        let smooth = (context / wave - LOW) / (HIGH - LOW);
        1.0 / ((1.0 - smooth) / factor + smooth)
    }
}
