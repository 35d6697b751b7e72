//! A pruning plan as a recipe.

use std::{collections::BTreeSet, fmt::Write, ops::Range};

/// A `passthrough` merge that takes the layers which stay from `model`: what mergekit needs to make the
/// same model. `dtype` is PyTorch's name of the weights' type.
pub fn mergekit_yaml(
    model: &str,
    layers: usize,
    removed: &BTreeSet<usize>,
    dtype: Option<&str>,
) -> String {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for layer in (0..layers).filter(|layer| !removed.contains(layer)) {
        match runs.last_mut() {
            Some(run) if run.end == layer => run.end += 1,
            _ => runs.push(layer..layer + 1),
        }
    }
    // A JSON string is a YAML string, whatever it holds.
    let model = serde_json::Value::from(model);
    let mut yaml = String::from("slices:\n");
    for Range { start, end } in runs {
        // Writing to a String cannot fail.
        let _ = write!(
            yaml,
            "  - sources:\n      - model: {model}\n        layer_range: [{start}, {end}]\n"
        );
    }
    yaml.push_str("merge_method: passthrough\n");
    if let Some(dtype) = dtype {
        let _ = writeln!(yaml, "dtype: {dtype}");
    }
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_that_stay_are_listed_as_half_open_runs() {
        let yaml = mergekit_yaml("a/b", 8, &BTreeSet::from([0, 3, 4]), Some("float16"));
        let expected = "slices:\n  \
            - sources:\n      - model: \"a/b\"\n        layer_range: [1, 3]\n  \
            - sources:\n      - model: \"a/b\"\n        layer_range: [5, 8]\n\
            merge_method: passthrough\ndtype: float16\n";
        assert_eq!(yaml, expected);
    }
}
