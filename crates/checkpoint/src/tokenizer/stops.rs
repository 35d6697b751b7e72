//! At which ids a generated text ends.

use serde_json::{Map, Value};

use super::{TokenizerError, error::malformed};

/// `eos_token_id` of a configuration, an id or a list of them; none where it has none.
///
/// # Errors
/// When it is anything else.
pub(super) fn stop_ids(
    file: &'static str,
    config: &Map<String, Value>,
) -> Result<Option<Vec<u32>>, TokenizerError> {
    let found = match config.get("eos_token_id") {
        None | Some(Value::Null) => return Ok(None),
        Some(found) => found,
    };
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids = match found {
        Value::Array(ids) => ids.iter().map(id).collect(),
        one => id(one).map(|id| vec![id]),
    };
    match ids {
        Some(ids) => Ok(Some(ids)),
        None => Err(malformed(
            file,
            "`eos_token_id` is neither an id nor a list of ids",
        )),
    }
}
