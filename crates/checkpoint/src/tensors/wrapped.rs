//! Names of tensors under wrappers that training puts around a model or around its parts.

use std::collections::BTreeMap;

use super::{CheckpointError, TensorEntry};

/// Parts of names that only wrappers give: of `torch.compile`, fully sharded training, activation checkpointing, DeepSpeed.
const WRAPPERS: [&str; 4] = [
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
    "_forward_module",
];
/// What data-parallel training puts before all names.
const MODULE: &str = "module.";

/// Tensors under the names that they have in the model itself, and what was left out of them, if anything.
pub(super) fn unwrapped(
    tensors: BTreeMap<String, TensorEntry>,
) -> Result<(BTreeMap<String, TensorEntry>, Option<String>), CheckpointError> {
    let mut names: Vec<String> = tensors.keys().map(|name| without_wrappers(name)).collect();
    while !names.is_empty() && names.iter().all(|name| name.starts_with(MODULE)) {
        for name in &mut names {
            name.drain(..MODULE.len());
        }
    }
    if names.iter().eq(tensors.keys()) {
        return Ok((tensors, None));
    }
    let left_out = left_out(&tensors, &names);
    let mut unwrapped: BTreeMap<String, (String, TensorEntry)> = BTreeMap::new();
    for (name, (stored, entry)) in names.into_iter().zip(tensors) {
        if let Some((first, _)) = unwrapped.insert(name.clone(), (stored.clone(), entry)) {
            return Err(CheckpointError::WrappedTwice {
                first,
                second: stored,
                name,
            });
        }
    }
    let entries = unwrapped
        .into_iter()
        .map(|(name, (_, entry))| (name, entry));
    Ok((entries.collect(), left_out))
}

fn without_wrappers(name: &str) -> String {
    let parts: Vec<&str> = name
        .split('.')
        .filter(|part| !WRAPPERS.contains(part))
        .collect();
    parts.join(".")
}

/// What a reader must know: which parts of names were left out.
fn left_out(tensors: &BTreeMap<String, TensorEntry>, names: &[String]) -> Option<String> {
    let found = WRAPPERS.iter().filter(|wrapper| {
        let mut stored = tensors.keys();
        stored.any(|name| name.split('.').any(|part| part == **wrapper))
    });
    let mut found: Vec<String> = found.map(|wrapper| format!("`{wrapper}.`")).collect();
    let within = |(stored, name): (&String, &String)| without_wrappers(stored) != *name;
    if tensors.keys().zip(names).any(within) {
        found.push(format!("`{MODULE}`"));
    }
    let found = found.join(", ");
    Some(format!(
        "names of tensors are read without {found}, which what trained the model put there; transformers does not find them"
    ))
}
