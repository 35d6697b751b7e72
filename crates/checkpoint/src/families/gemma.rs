//! Gemma 2 and 3: norms on both sides of every sublayer, windows in most layers, scaled embeddings.

use super::{
    Family, TensorNames,
    common::{self, HeadDefaults},
    llama::{Biases, LlamaLike, gated_rotary},
    rotary::{self, RotaryFields},
};
use crate::{
    Config, DecoderSpec, SpecError,
    spec::{HeadNormSpec, NormKind, NormPlacement, PositionSpec, RotarySpec},
};

const NAMES: TensorNames = TensorNames {
    mlp_norm: "pre_feedforward_layernorm",
    ..TensorNames::LLAMA
};

pub(super) const GEMMA2: Family = Family {
    model_type: "gemma2",
    spec: gemma2,
    names: &NAMES,
};

pub(super) const GEMMA3: Family = Family {
    model_type: "gemma3_text",
    spec: gemma3,
    names: &TensorNames {
        head_norms: Some(["self_attn.q_norm", "self_attn.k_norm"]),
        ..NAMES
    },
};

/// Every layer but each second one has a window; scores and logits have a bound.
fn gemma2(config: &Config) -> Result<DecoderSpec, SpecError> {
    let mut spec = gemma("gemma2", config, 2)?;
    let cap = |field, default| common::above_zero(field, config.f64_unless_null(field, default)?);
    spec.attention.soft_cap = cap("attn_logit_softcapping", 50.0)?;
    spec.logits.soft_cap = cap("final_logit_softcapping", 30.0)?;
    Ok(spec)
}

/// Every layer but each sixth one has a window; those with one have rotary positions of a base of their own.
fn gemma3(config: &Config) -> Result<DecoderSpec, SpecError> {
    // transformers reads a bound of the scores and makes no use of it.
    if let Some(cap) = config.optional_f64(&["attn_logit_softcapping"])? {
        return Err(SpecError::Unsupported {
            field: "attn_logit_softcapping",
            found: cap.to_string(),
            supported: "null: transformers leaves it out of account in this family, so that it is not known what is meant",
        });
    }
    let every = config.usize_or(&["sliding_window_pattern"], 6)?;
    let mut spec = gemma("gemma3_text", config, every)?;
    spec.attention.head_norm = Some(HeadNormSpec::SharedRms);
    let cap = config.optional_f64(&["final_logit_softcapping"])?;
    spec.logits.soft_cap = common::above_zero("final_logit_softcapping", cap)?;
    spec.position = PositionSpec::Rotary {
        rotations: rotations(config, spec.attention.head_dim)?,
    };
    for block in &mut spec.blocks {
        block.rotary = Some(if block.window.is_some() {
            LOCAL
        } else {
            GLOBAL
        });
    }
    Ok(spec)
}

/// Number of the rotation of layers that see all, and of those with a window.
const GLOBAL: usize = 0;
const LOCAL: usize = 1;

/// Both rotations: sections of `rope_parameters`, or as version 4 of transformers wrote them, `rope_theta`, `rope_scaling` and
/// `rope_local_base_freq`.
fn rotations(config: &Config, head_dim: usize) -> Result<Vec<RotarySpec>, SpecError> {
    let parameters = rotary::filled(config, "rope_parameters")?;
    let of_layers = |name: &str| match &parameters {
        Some(parameters) => parameters.section(name),
        None => Ok(None),
    };
    let (global, local) = (
        of_layers("full_attention")?,
        of_layers("sliding_attention")?,
    );
    if parameters.is_some() && global.is_none() && local.is_none() {
        let problem = "`rope_parameters` has neither `full_attention` nor `sliding_attention`, of which this family needs both";
        return Err(SpecError::Inconsistent(problem.into()));
    }
    let scaling = rotary::filled(config, "rope_scaling")?;
    if scaling.is_some() && global.is_some() {
        let problem = "`rope_scaling` and `rope_parameters.full_attention` describe the same layers; one of them should go";
        return Err(SpecError::Inconsistent(problem.into()));
    }
    // With the older name of the field transformers would leave positions as they are, without a word.
    let is_old =
        |scaling: &Config| scaling.raw("type").is_some() && scaling.raw("rope_type").is_none();
    if scaling.as_ref().is_some_and(is_old) {
        let problem = "`rope_scaling` has `type`, which says nothing in this family; it should be `rope_type`";
        return Err(SpecError::Inconsistent(problem.into()));
    }
    let described = |section: Option<Config>, theta| {
        let fields = RotaryFields {
            theta,
            ..RotaryFields::LLAMA
        };
        rotary::described(config, section.as_ref(), head_dim, &fields)
    };
    Ok(vec![
        described(global.or(scaling), ("rope_theta", 1_000_000.0))?,
        described(local, ("rope_local_base_freq", 10_000.0))?,
    ])
}

/// What both have in common; where the configuration does not name the kinds of layers, one in `every` sees all.
fn gemma(family: &'static str, config: &Config, every: usize) -> Result<DecoderSpec, SpecError> {
    if config.bool_or(&["use_bidirectional_attention"], false)? {
        return Err(SpecError::Unsupported {
            field: "use_bidirectional_attention",
            found: "true".to_owned(),
            supported: "false: tokens that see those after them make a model for embeddings, not one that continues text",
        });
    }
    let defaults = LlamaLike {
        biases: Biases::of_attention(config)?,
        heads: HeadDefaults {
            kv_heads: Some(4),
            head_dim: Some(256),
        },
        activation: ("hidden_activation", "gelu_pytorch_tanh"),
        tied: true,
        ..LlamaLike::default()
    };
    let mut spec = gated_rotary(family, config, defaults)?;
    spec.norm.kind = NormKind::RmsNormPlusOne;
    spec.norm_placement = NormPlacement::Around;
    // In float32, as transformers has it.
    spec.embedding_multiplier = f64::from((spec.hidden_size as f64).sqrt() as f32);
    let scalar = config.f64_or(&["query_pre_attn_scalar"], 256.0)?;
    common::above_zero("query_pre_attn_scalar", Some(scalar))?;
    for block in &mut spec.blocks {
        block.attention_scale = scalar.powf(-0.5);
    }
    let slides = match common::sliding_layers(config, spec.layers())? {
        Some(slides) => slides,
        None => (1..=spec.layers())
            .map(|number| !number.is_multiple_of(every))
            .collect(),
    };
    let window = config.usize_unless_null("sliding_window", 4096)?;
    common::set_windows(config, &mut spec.blocks, &slides, window)?;
    Ok(spec)
}
