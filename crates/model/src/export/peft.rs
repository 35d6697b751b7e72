//! Adapters in the layout of PEFT: `adapter_config.json` and `adapter_model.safetensors`.

use serde_json::{Map, Value, json};

use super::{ExportError, ExportTarget, write_file};
use crate::{Adapters, LowRank, ModelError, families, spec::DecoderSpec};

/// Writes adapters so that PEFT loads them onto `base`, the model's Hub id or folder.
///
/// # Errors
/// When the device fails or the target refuses.
pub async fn write_adapters<T: ExportTarget>(
    adapters: &Adapters,
    spec: &DecoderSpec,
    base: &str,
    target: &mut T,
) -> Result<(), ExportError> {
    let changes = adapters.low_rank(spec).await?;
    let config = config(adapters, &changes, spec, base)?;
    write_file(target, "adapter_config.json", config.as_bytes()).await?;
    target.begin("adapter_model.safetensors").await?;
    let named = changes.iter().flat_map(|change| {
        let name = |end| format!("base_model.model.{}.{end}.weight", change.name);
        [
            (name("lora_A"), [change.rank, change.inputs], &change.a),
            (name("lora_B"), [change.outputs, change.rank], &change.b),
        ]
    });
    let named: Vec<(String, [usize; 2], &Vec<f32>)> = named.collect();
    let mut fields = Map::new();
    fields.insert("__metadata__".into(), json!({ "format": "pt" }));
    let mut offset = 0;
    for (name, shape, values) in &named {
        let end = offset + 4 * values.len();
        let info = json!({ "dtype": "F32", "shape": shape, "data_offsets": [offset, end] });
        fields.insert(name.clone(), info);
        offset = end;
    }
    target.append(&super::weights::framed(fields)).await?;
    for (_, _, values) in named {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        target.append(&bytes).await?;
    }
    Ok(())
}

fn config(
    adapters: &Adapters,
    changes: &[LowRank],
    spec: &DecoderSpec,
    base: &str,
) -> Result<String, ModelError> {
    let shape = adapters.shape();
    // A fused map's change has a multiple of the rank; its alpha grows with it, so that the scale stays.
    let fused = changes.iter().filter(|change| change.rank != shape.rank);
    let (mut ranks, mut alphas) = (Map::new(), Map::new());
    for change in fused {
        let times = change.rank / shape.rank;
        ranks.insert(change.name.clone(), json!(change.rank));
        alphas.insert(change.name.clone(), json!(shape.alpha * times as f64));
    }
    let targets: Vec<Value> = changes.iter().map(|change| json!(change.name)).collect();
    let layout = families::named(spec.family)?.names.layout;
    let config = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": true,
        "r": shape.rank,
        "lora_alpha": shape.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": layout == families::LinearLayout::InputsFirst,
        "target_modules": targets,
        "rank_pattern": ranks,
        "alpha_pattern": alphas,
    });
    Ok(format!("{config:#}\n"))
}
