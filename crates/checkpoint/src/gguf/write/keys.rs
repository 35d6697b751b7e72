//! What a GGUF file says of a decoder. Whether that is all, reading it back tells.

use super::{GgufWriteError, pairs::Pairs};
use crate::spec::{BlockSpec, DecoderSpec, NormKind, RotaryScaling};

/// Families that are written, and their architectures in llama.cpp.
const WRITTEN: [(&str, &str); 10] = [
    ("llama", "llama"),
    ("mistral", "llama"),
    ("qwen2", "qwen2"),
    ("qwen3", "qwen3"),
    ("smollm3", "smollm3"),
    ("granite", "granite"),
    ("olmo2", "olmo2"),
    ("gemma2", "gemma2"),
    ("gemma3", "gemma3"),
    ("gemma3_text", "gemma3"),
];
/// The base of layers that slide, which llama.cpp takes where nothing is said.
const DEFAULT_LOCAL_BASE: f64 = 10_000.0;

/// llama.cpp's name of a family.
///
/// # Errors
/// When it is not written.
pub(super) fn architecture(spec: &DecoderSpec) -> Result<&'static str, GgufWriteError> {
    let found = WRITTEN.iter().find(|(family, _)| *family == spec.family);
    found.map(|(_, architecture)| *architecture).ok_or_else(|| {
        let known: Vec<&str> = WRITTEN.iter().map(|(family, _)| *family).collect();
        GgufWriteError::Family {
            found: spec.family.to_owned(),
            known: known.join(", "),
        }
    })
}

/// The pairs under the architecture's name.
///
/// # Errors
/// When a number of the model has no place in the file.
pub(super) fn write(
    spec: &DecoderSpec,
    architecture: &str,
    pairs: &mut Pairs,
) -> Result<(), GgufWriteError> {
    let key = |name: &str| format!("{architecture}.{name}");
    let attention = &spec.attention;
    for (name, size) in [
        ("block_count", spec.layers()),
        ("context_length", spec.context),
        ("embedding_length", spec.hidden_size),
        ("feed_forward_length", spec.mlp.inner_size),
        ("attention.head_count", attention.heads),
        ("attention.head_count_kv", attention.kv_heads),
        ("attention.key_length", attention.head_dim),
        ("attention.value_length", attention.head_dim),
        ("rope.dimension_count", attention.head_dim),
        ("vocab_size", spec.vocab_size),
    ] {
        let natural = u32::try_from(size).map_err(|_| not_said(format!("{name} is {size}")))?;
        pairs.natural(&key(name), natural);
    }
    let epsilon = match spec.norm.kind {
        NormKind::LayerNorm => "attention.layer_norm_epsilon",
        NormKind::RmsNorm | NormKind::RmsNormPlusOne => "attention.layer_norm_rms_epsilon",
    };
    pairs.number(&key(epsilon), spec.norm.epsilon);
    write_rotations(spec, architecture, pairs)?;
    let windows = || spec.blocks.iter().filter_map(|block| block.window);
    if let Some(window) = windows().next() {
        let same = windows().all(|other| other == window);
        let natural = u32::try_from(window).ok().filter(|_| same);
        let natural = natural.ok_or_else(|| not_said("the windows of its layers".to_owned()))?;
        if !architecture.starts_with("gemma") {
            return Err(not_said(format!(
                "its layers see {window} tokens back, and llama.cpp's `{architecture}` sees all"
            )));
        }
        pairs.natural(&key("attention.sliding_window"), natural);
    }
    if let Some(cap) = attention.soft_cap {
        pairs.number(&key("attn_logit_softcapping"), cap);
    }
    if let Some(cap) = spec.logits.soft_cap {
        pairs.number(&key("final_logit_softcapping"), cap);
    }
    if architecture == "granite" {
        let scale = spec.blocks.first().map(|block| block.attention_scale);
        for (name, number) in [
            ("attention.scale", scale.unwrap_or(1.0)),
            ("embedding_scale", spec.embedding_multiplier),
            ("residual_scale", spec.residual_multiplier),
            ("logit_scale", spec.logits.divisor),
        ] {
            pairs.number(&key(name), number);
        }
    }
    Ok(())
}

/// Base and scaling of the rotary positions: of the layers that see everything, and of those that slide.
fn write_rotations(
    spec: &DecoderSpec,
    architecture: &str,
    pairs: &mut Pairs,
) -> Result<(), GgufWriteError> {
    let key = |name: &str| format!("{architecture}.{name}");
    let rotations = spec.position.rotations();
    let of = |is_wanted: &dyn Fn(&&BlockSpec) -> bool| {
        let mut blocks = spec.blocks.iter().filter(is_wanted);
        let place = blocks.find_map(|block| block.rotary)?;
        rotations.get(place)
    };
    let full = of(&|block| block.window.is_none()).or(rotations.first());
    let full = full.ok_or_else(|| not_said("its learned positions".to_owned()))?;
    pairs.number(&key("rope.freq_base"), full.theta);
    match &full.scaling {
        RotaryScaling::None => {}
        RotaryScaling::Linear { factor } => {
            pairs.text(&key("rope.scaling.type"), "linear");
            pairs.number(&key("rope.scaling.factor"), *factor);
        }
        // In a tensor of its own.
        RotaryScaling::Llama3 { .. } => {}
        RotaryScaling::Dynamic { .. } | RotaryScaling::LongRope { .. } => {
            return Err(not_said("how its positions are stretched".to_owned()));
        }
    }
    let local = of(&|block| block.window.is_some()).filter(|local| local.theta != full.theta);
    if let Some(local) = local.filter(|local| local.theta != DEFAULT_LOCAL_BASE) {
        pairs.number(&key("rope.freq_base_swa"), local.theta);
    }
    Ok(())
}

/// Factors that the frequencies of rotary positions are divided by, one for each pair of channels (Llama 3); none where there are none.
pub(super) fn factors(spec: &DecoderSpec) -> Option<Vec<f32>> {
    let rotation = spec.position.rotations().first()?;
    let RotaryScaling::Llama3 {
        factor,
        low_frequency,
        high_frequency,
        original_context,
    } = rotation.scaling
    else {
        return None;
    };
    let context = original_context as f64;
    let pairs = 0..rotation.dimensions / 2;
    let factors = pairs.map(|pair| {
        let share = 2.0 * pair as f64 / rotation.dimensions as f64;
        let wave = 2.0 * std::f64::consts::PI * rotation.theta.powf(share);
        let stretched = if wave < context / high_frequency {
            1.0
        } else if wave > context / low_frequency {
            factor
        } else {
            let smooth = (context / wave - low_frequency) / (high_frequency - low_frequency);
            1.0 / ((1.0 - smooth) / factor + smooth)
        };
        stretched as f32
    });
    Some(factors.collect())
}

pub(super) fn not_said(what: String) -> GgufWriteError {
    GgufWriteError::NotSaid { what }
}
