//! What several families read from `config.json` in the same way.

use serde_json::Value;

use crate::{
    Config, SpecError,
    spec::{Activation, BlockSpec},
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

/// A block with the first rotation, whose scores are divided by the root of the head size.
pub(super) fn scaled_by_head(head_dim: usize, window: Option<usize>) -> BlockSpec {
    BlockSpec {
        window,
        attention_scale: (head_dim as f64).powf(-0.5),
        rotary: Some(0),
    }
}

/// A number that divides or bounds: it is above 0, or there is none.
pub(super) fn above_zero(field: &str, found: Option<f64>) -> Result<Option<f64>, SpecError> {
    match found {
        Some(found) if found <= 0.0 => Err(SpecError::Inconsistent(format!(
            "`{field}` is {found}; it should be above 0"
        ))),
        found => Ok(found),
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

/// For each layer, whether its attention slides, where `layer_types` says it.
pub(super) fn sliding_layers(
    config: &Config,
    layers: usize,
) -> Result<Option<Vec<bool>>, SpecError> {
    const FIELD: &str = "layer_types";
    let Some(types) = config.strings(FIELD)? else {
        return Ok(None);
    };
    let slides = per_layer(FIELD, types, layers)?
        .into_iter()
        .map(|kind| match kind {
            "sliding_attention" => Ok(true),
            // The second is its older name.
            "full_attention" | "attention" => Ok(false),
            found => Err(SpecError::Unsupported {
                field: FIELD,
                found: found.to_owned(),
                supported: "full_attention, sliding_attention",
            }),
        });
    slides.collect::<Result<_, _>>().map(Some)
}

/// Gives the layers that slide their window.
pub(super) fn set_windows(
    config: &Config,
    blocks: &mut [BlockSpec],
    slides: &[bool],
    window: Option<usize>,
) -> Result<(), SpecError> {
    if slides.contains(&true) && window.is_none() {
        let written = config.fields().contains_key("sliding_window");
        return Err(SpecError::Inconsistent(format!(
            "attention slides in {} layers, but `sliding_window` is {}: it should be the number of tokens that they see",
            slides.iter().filter(|slides| **slides).count(),
            if written { "null" } else { "missing" }
        )));
    }
    for (block, slides) in blocks.iter_mut().zip(slides) {
        block.window = window.filter(|_| *slides);
    }
    Ok(())
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
