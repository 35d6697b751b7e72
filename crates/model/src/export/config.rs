//! `config.json` of a model with fewer layers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ExportError;
use crate::{Config, DecoderSpec, SpecError, config::ConfigError};

/// Names that the number of layers goes by.
const COUNTS: [&str; 4] = ["num_hidden_layers", "num_layers", "n_layer", "n_layers"];
/// Lists with an entry for each layer.
const PER_LAYER: [&str; 4] = [
    "layer_types",
    "no_rope_layers",
    "attention_layers",
    "mlp_layer_types",
];

/// The configuration as text: every field as it was, but for the number of layers and what is listed
/// layer by layer.
pub(super) fn without(
    config: &Config,
    spec: &DecoderSpec,
    removed: &BTreeSet<usize>,
) -> Result<String, ExportError> {
    const BY_NUMBER: &str = "scale_attn_by_inverse_layer_idx";
    if config.raw(BY_NUMBER).and_then(Value::as_bool) == Some(true) {
        return Err(ExportError::TiedToNumber { field: BY_NUMBER });
    }
    let layers = spec.layers();
    let kept: Vec<usize> = (0..layers)
        .filter(|layer| !removed.contains(layer))
        .collect();
    let mut fields = config.fields().clone();
    for name in COUNTS {
        if let Some(count) = fields.get_mut(name) {
            *count = json!(kept.len());
        }
    }
    for name in PER_LAYER {
        if let Some(Value::Array(list)) = fields.get_mut(name)
            && list.len() == layers
        {
            *list = kept.iter().map(|&layer| list[layer].clone()).collect();
        }
    }
    // GPT-Neo names its pattern of layers and how often it repeats; what is left follows no pattern.
    if let Some(types) = fields.get_mut("attention_types") {
        let kind = |layer: &usize| match spec.blocks[*layer].window {
            Some(_) => "local",
            None => "global",
        };
        *types = kept.iter().map(|layer| json!([[kind(layer)], 1])).collect();
    }
    // Qwen's windows begin at this layer.
    if let Some(first) = fields.get_mut("max_window_layers")
        && let Some(old) = first.as_u64()
    {
        let before = kept.iter().filter(|layer| (**layer as u64) < old).count();
        *first = json!(before);
    }
    let written = serde_json::to_string_pretty(&Value::Object(fields));
    let written = written.map_err(|error| SpecError::from(ConfigError::Json(error)))?;
    Ok(written + "\n")
}
