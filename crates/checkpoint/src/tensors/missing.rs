//! What to say where a folder is no model that can be read.

use serde_json::Value;

use super::CheckpointError;
use crate::ModelFiles;

const ADAPTER: &str = "adapter_config.json";
/// Files told of at most.
const SHOWN: usize = 12;

/// Why there is no configuration.
pub(super) async fn config<F: ModelFiles>(files: &F) -> Result<CheckpointError, CheckpointError> {
    Ok(match adapter(files).await? {
        Some(error) => error,
        None => CheckpointError::NoConfig {
            place: files.describe(),
            there: there(files),
        },
    })
}

/// Why there are no weights.
pub(super) async fn weights<F: ModelFiles>(files: &F) -> Result<CheckpointError, CheckpointError> {
    Ok(match adapter(files).await? {
        Some(error) => error,
        None => CheckpointError::NoWeights {
            place: files.describe(),
            there: there(files),
        },
    })
}

/// What to say of an adapter that lies beside a model.
pub(super) async fn beside_model<F: ModelFiles>(
    files: &F,
) -> Result<Option<String>, CheckpointError> {
    let found = files.size(ADAPTER).await?;
    Ok(found.map(|_| {
        format!(
            "an adapter lies beside the model ({ADAPTER}); it is not applied, as transformers with PEFT would: merge it into the \
             model to see what both do"
        )
    }))
}

async fn adapter<F: ModelFiles>(files: &F) -> Result<Option<CheckpointError>, CheckpointError> {
    let Some(config) = files.read_small(ADAPTER).await? else {
        return Ok(None);
    };
    Ok(Some(CheckpointError::Adapter {
        place: files.describe(),
        base: base_model(&config),
    }))
}

/// The model that an adapter changes, by its `adapter_config.json`.
pub(crate) fn base_model(config: &[u8]) -> String {
    let config: Value = serde_json::from_slice(config).unwrap_or_default();
    let base = config.get("base_model_name_or_path");
    base.and_then(Value::as_str)
        .unwrap_or("a model that it does not name")
        .to_owned()
}

/// What there is instead, as a sentence.
fn there<F: ModelFiles>(files: &F) -> String {
    let names = files.names();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown: Vec<String> = names.into_iter().take(SHOWN).collect();
    match shown.is_empty() {
        true => "No files were found there".to_owned(),
        false => format!("There are {}{more}", shown.join(", ")),
    }
}
