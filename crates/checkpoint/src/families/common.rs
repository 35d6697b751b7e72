//! What several families read from `config.json` in the same way.

use serde_json::Value;

use crate::{
    Config, SpecError,
    spec::{Activation, BlockSpec, RotaryScaling, RotarySpec},
};

/// Sizes of attention as most configurations name them.
pub(super) struct HeadSizes {
    pub hidden_size: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
}

/// What a family takes where the configuration says nothing of its heads; `transformers` has these as defaults.
#[derive(Default)]
pub(super) struct HeadDefaults {
    /// Key and value heads; as many as there are query heads if none.
    pub kv_heads: Option<usize>,
    /// Channels of a head; the hidden size shared among the heads if none.
    pub head_dim: Option<usize>,
}

/// Reads head counts and checks that they fit each other.
pub(super) fn heads(config: &Config, defaults: HeadDefaults) -> Result<HeadSizes, SpecError> {
    let hidden_size = config.usize(&["hidden_size"])?;
    let heads = config.usize(&["num_attention_heads"])?;
    let or_default = |field, default: Option<usize>| match default {
        Some(default) => config.usize_unless_null(field, default),
        None => config.optional_usize(&[field]),
    };
    let kv_heads = or_default("num_key_value_heads", defaults.kv_heads)?.unwrap_or(heads);
    let head_dim = match or_default("head_dim", defaults.head_dim)? {
        Some(head_dim) => head_dim,
        None => divide(hidden_size, heads)?,
    };
    if !heads.is_multiple_of(kv_heads) {
        return Err(SpecError::Inconsistent(format!(
            "{heads} attention heads cannot share {kv_heads} key-value heads evenly"
        )));
    }
    Ok(HeadSizes {
        hidden_size,
        heads,
        kv_heads,
        head_dim,
    })
}

/// Channels of a head where the configuration leaves them to division.
pub(super) fn divide(hidden_size: usize, heads: usize) -> Result<usize, SpecError> {
    if !hidden_size.is_multiple_of(heads) {
        return Err(SpecError::Inconsistent(format!(
            "hidden size {hidden_size} does not divide among {heads} attention heads"
        )));
    }
    Ok(hidden_size / heads)
}

/// A block whose scores are divided by the root of the head size.
pub(super) fn scaled_by_head(head_dim: usize, window: Option<usize>) -> BlockSpec {
    BlockSpec {
        window,
        attention_scale: (head_dim as f64).powf(-0.5),
    }
}

/// The non-linearity named by one of `fields`.
pub(super) fn activation(
    config: &Config,
    fields: &[&'static str],
    default: &str,
) -> Result<Activation, SpecError> {
    match config.str_or(fields, default)? {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        found => Err(SpecError::Unsupported {
            field: fields[0],
            found: found.to_owned(),
            supported: "silu, gelu, gelu_new, gelu_pytorch_tanh, relu",
        }),
    }
}

/// Where a family's configuration has its rotary positions, as version 4 of transformers wrote them.
pub(super) struct RotaryFields {
    /// The base of the frequencies.
    pub theta: &'static str,
    /// The share of a head that is rotated, and what it is if it is not said; all of it where the family has no such field.
    pub share: Option<(&'static str, f64)>,
}

impl RotaryFields {
    /// Those of Llama and of most later families.
    pub const LLAMA: Self = Self {
        theta: "rope_theta",
        share: None,
    };
}

/// Rotary positions, as transformers 5 writes them (`rope_parameters`) or as version 4 did (`fields` and `rope_scaling`).
/// Where there are both, `rope_scaling` counts, as in transformers.
pub(super) fn rotary(
    config: &Config,
    head_dim: usize,
    fields: RotaryFields,
) -> Result<RotarySpec, SpecError> {
    let scaling = config.section("rope_scaling")?;
    let scaling = match scaling.filter(|section| !section.fields().is_empty()) {
        Some(section) => Some(section),
        None => config.section("rope_parameters")?,
    };
    let from_section = |field: &'static str| match &scaling {
        Some(section) => section.optional_f64(&[field]),
        None => Ok(None),
    };
    let theta = match from_section("rope_theta")? {
        Some(theta) => theta,
        None => config.f64_or(&[fields.theta], 10_000.0)?,
    };
    let share = match fields.share {
        Some((field, default)) => match from_section("partial_rotary_factor")? {
            Some(share) => share,
            None => config.f64_or(&[field], default)?,
        },
        None => 1.0,
    };
    let dimensions = (head_dim as f64 * share) as usize;
    if dimensions == 0 || dimensions > head_dim || !dimensions.is_multiple_of(2) {
        return Err(SpecError::Inconsistent(format!(
            "{share} of a head of {head_dim} channels is {dimensions}: \
             rotary positions need an even number of channels within the head"
        )));
    }
    Ok(RotarySpec {
        dimensions,
        theta,
        scaling: match scaling {
            Some(section) => rotary_scaling(config, &section)?,
            None => RotaryScaling::None,
        },
    })
}

fn rotary_scaling(config: &Config, section: &Config) -> Result<RotaryScaling, SpecError> {
    let context = config.usize(&["max_position_embeddings"])?;
    match section.str_or(&["rope_type", "type"], "default")? {
        "default" => Ok(RotaryScaling::None),
        "linear" => Ok(RotaryScaling::Linear {
            factor: section.f64(&["factor"])?,
        }),
        "dynamic" => Ok(RotaryScaling::Dynamic {
            factor: section.f64(&["factor"])?,
            original_context: context,
        }),
        "llama3" => Ok(RotaryScaling::Llama3 {
            factor: section.f64(&["factor"])?,
            low_frequency: section.f64(&["low_freq_factor"])?,
            high_frequency: section.f64(&["high_freq_factor"])?,
            original_context: original_context(config, section)?.unwrap_or(context),
        }),
        found => Err(SpecError::Unsupported {
            field: "rope_type",
            found: found.to_owned(),
            supported: "default, linear, dynamic, llama3",
        }),
    }
}

/// Context of the pre-training, where it is told; the configuration itself counts before its section.
fn original_context(config: &Config, section: &Config) -> Result<Option<usize>, SpecError> {
    const FIELD: [&str; 1] = ["original_max_position_embeddings"];
    Ok(match config.optional_usize(&FIELD)? {
        Some(context) => Some(context),
        None => section.optional_usize(&FIELD)?,
    })
}

/// The kind of each layer, where `layer_types` gives them.
pub(super) fn layer_types(config: &Config, layers: usize) -> Result<Option<Vec<&str>>, SpecError> {
    match config.strings("layer_types")? {
        Some(types) => per_layer("layer_types", types, layers).map(Some),
        None => Ok(None),
    }
}

/// For each layer of GPT-Neo, whether its attention is local. `attention_layers` lists them;
/// `attention_types` is the same run-length encoded: `[[["global", "local"], 6]]`.
pub(super) fn gpt_neo_attention(config: &Config, layers: usize) -> Result<Vec<bool>, SpecError> {
    let kinds = match config.strings("attention_layers")? {
        Some(kinds) => kinds,
        None => attention_runs(config, layers)?,
    };
    per_layer("attention_types", kinds, layers)?
        .into_iter()
        .map(|kind| match kind {
            "global" => Ok(false),
            "local" => Ok(true),
            found => Err(SpecError::Unsupported {
                field: "attention_types",
                found: found.to_owned(),
                supported: "global, local",
            }),
        })
        .collect()
}

fn attention_runs(config: &Config, layers: usize) -> Result<Vec<&str>, SpecError> {
    let malformed = || {
        let problem = "`attention_types` is not a list of [[kinds], count]";
        SpecError::Inconsistent(problem.into())
    };
    let runs = config.raw("attention_types").and_then(Value::as_array);
    let mut kinds = Vec::new();
    for run in runs.ok_or_else(malformed)? {
        let names = run.get(0).and_then(Value::as_array).ok_or_else(malformed)?;
        let count = run.get(1).and_then(Value::as_u64).ok_or_else(malformed)?;
        let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
        let names = names.ok_or_else(malformed)?;
        // What goes beyond the layers is a slip, and a reason to say so rather than to allocate.
        for _ in 0..count {
            if names.is_empty() || kinds.len() > layers {
                break;
            }
            kinds.extend_from_slice(&names);
        }
    }
    Ok(kinds)
}

fn per_layer<'a>(
    field: &str,
    values: Vec<&'a str>,
    layers: usize,
) -> Result<Vec<&'a str>, SpecError> {
    if values.len() != layers {
        return Err(SpecError::Inconsistent(format!(
            "`{field}` describes {} layers, but the model has {layers}",
            values.len()
        )));
    }
    Ok(values)
}
