//! A recipe of mergekit that says which layers stay.

use std::collections::BTreeSet;

use layerlab_model::export::{mergekit_yaml, read_mergekit};

/// A recipe, as text.
pub fn recipe(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(recipe) = read_mergekit(text) else {
        return;
    };
    assert!(recipe.kept.is_sorted_by(|a, b| a < b));
    let layers = recipe.kept.last().map_or(0, |last| last + 1);
    let removed = recipe.removed(layers).expect("it has all these layers");
    assert_eq!(removed.len() + recipe.kept.len(), layers);
    let removed: BTreeSet<usize> = removed.into_iter().collect();
    let written = mergekit_yaml(&recipe.model, layers, &removed, None);
    let again = read_mergekit(&written).expect("what is written is read");
    assert_eq!((again.model, again.kept), (recipe.model, recipe.kept));
}
