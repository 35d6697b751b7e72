//! `config.json` of a model with fewer layers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ExportError;
use crate::{Config, DecoderSpec, SpecError, config::ConfigError, spec::BlockSpec};

/// Names that the number of layers goes by.
const COUNTS: [&str; 4] = ["num_hidden_layers", "num_layers", "n_layer", "n_layers"];
/// Lists with an entry for each layer.
const PER_LAYER: [&str; 4] = [
    LAYER_TYPES,
    ROTARY_LAYERS,
    "attention_layers",
    "mlp_layer_types",
];

/// Families whose layers are of several kinds by a pattern of their numbers unless lists say otherwise, and the lists that do.
const PATTERNED: [(&str, &[&str]); 3] = [
    ("gemma2", &[LAYER_TYPES]),
    ("gemma3_text", &[LAYER_TYPES]),
    ("smollm3", &[LAYER_TYPES, ROTARY_LAYERS]),
];
const LAYER_TYPES: &str = "layer_types";
const ROTARY_LAYERS: &str = "no_rope_layers";

/// A layer's scale follows from its number.
const BY_NUMBER: &str = "scale_attn_by_inverse_layer_idx";

/// The configuration as text: every field as it was, but for the number of layers, what is told of them one by one, and
/// whether embeddings are tied.
///
/// # Errors
/// When, read again, it would not describe the layers that stay.
pub(super) fn without(
    config: &Config,
    spec: &DecoderSpec,
    removed: &BTreeSet<usize>,
) -> Result<String, ExportError> {
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
            *list = kept
                .iter()
                .filter_map(|&layer| list.get(layer).cloned())
                .collect();
        }
    }
    // GPT-Neo names its pattern of layers and how often it repeats; what is left follows no pattern.
    if let Some(types) = fields.get_mut("attention_types") {
        let kind = |layer: &usize| match spec.blocks.get(*layer).map(|block| block.window) {
            Some(Some(_)) => "local",
            _ => "global",
        };
        *types = kept.iter().map(|layer| json!([[kind(layer)], 1])).collect();
    }
    // Qwen's windows begin at this layer; where it is not said, at 28.
    let windowed = fields.get("use_sliding_window") == Some(&json!(true));
    let first = fields.get("max_window_layers").map(Value::as_u64);
    if let Some(old) = first.unwrap_or(windowed.then_some(28)) {
        let before = kept.iter().filter(|layer| (**layer as u64) < old).count();
        fields.insert("max_window_layers".into(), json!(before));
    }
    // A pattern does not hold of the layers that are left: what it said of each is written down.
    let lists = PATTERNED.iter().find(|(family, _)| *family == spec.family);
    for name in lists.map_or(&[][..], |(_, lists)| lists) {
        let is_told = fields.get(*name).is_some_and(|list| !list.is_null());
        if !is_told && kept.len() < layers {
            let blocks = kept.iter().filter_map(|&layer| spec.blocks.get(layer));
            fields.insert(
                (*name).into(),
                blocks.map(|block| told(name, block)).collect(),
            );
        }
    }
    // A head that differs from the embeddings is written, whatever the source's configuration says of it.
    if !spec.tied_embeddings && DecoderSpec::from_config(config)?.tied_embeddings {
        fields.insert("tie_word_embeddings".into(), json!(false));
    }
    let written = serde_json::to_string_pretty(&Value::Object(fields));
    let written = written.map_err(|error| SpecError::from(ConfigError::Json(error)))? + "\n";
    let read = Config::parse(written.as_bytes()).map_err(SpecError::from)?;
    check(&DecoderSpec::from_config(&read)?, spec, &kept, config)?;
    Ok(written)
}

/// What one of these lists says of a layer.
fn told(list: &str, block: &BlockSpec) -> Value {
    match (list, block.window) {
        (ROTARY_LAYERS, _) => json!(u8::from(block.rotary.is_some())),
        (_, Some(_)) => json!("sliding_attention"),
        (_, None) => json!("full_attention"),
    }
}

/// Refuses a configuration that reads as another decoder than the layers that stay make.
fn check(
    read: &DecoderSpec,
    whole: &DecoderSpec,
    kept: &[usize],
    config: &Config,
) -> Result<(), ExportError> {
    let mut expected = whole.clone();
    let blocks = kept.iter().filter_map(|&layer| whole.blocks.get(layer));
    expected.blocks = blocks.copied().collect();
    if *read == expected {
        return Ok(());
    }
    if config.raw(BY_NUMBER).and_then(Value::as_bool) == Some(true) {
        return Err(ExportError::TiedToNumber { field: BY_NUMBER });
    }
    let differs = read.blocks.iter().zip(&expected.blocks);
    let layer = differs
        .take_while(|(read, expected)| read == expected)
        .count();
    Err(ExportError::Configuration {
        problem: match kept.get(layer) {
            Some(old) => {
                format!("layer {layer}, which was layer {old}, would compute something else")
            }
            None => "the model would be another".to_owned(),
        },
    })
}
