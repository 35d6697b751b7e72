//! What a model is said to take is what it takes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use layerlab_lab::{
    Checkpoint,
    files::Folder,
    memory::{MemoryNeed, ModelNeeds},
};
use pollster::block_on;
use support::demo;

fn needs() -> ModelNeeds {
    block_on(async {
        let checkpoint = Checkpoint::open(Folder::new(demo())).await.unwrap();
        ModelNeeds::of(&checkpoint).await.unwrap()
    })
}

#[test]
fn weights_are_those_of_the_decoder() {
    let needs = needs();
    assert_eq!((needs.family.as_str(), needs.layers), ("llama", 6));
    assert_eq!(needs.f32.weights, 4 * needs.parameters);
    // The demo is stored as float32.
    assert_eq!(needs.stored, needs.f32);
    assert_eq!(needs.perhaps, None);
    let MemoryNeed {
        weights,
        tokenizer,
        activations,
        tokenizer_at_first,
        ..
    } = needs.f32;
    assert!(tokenizer > 0 && activations > 0);
    let later = weights + tokenizer + activations;
    assert_eq!(needs.f32.peak, later.max(tokenizer_at_first));
}
