//! Ids and texts equal those of `transformers`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use layerlab_checkpoint::{Folder, Tokenizer};
use pollster::block_on;
use serde::Deserialize;
use support::goldens;

#[derive(Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    with_special: Vec<u32>,
    decoded: String,
}

fn golden(name: &str) {
    let folder = goldens().join(name);
    let cases: Vec<Golden> =
        serde_json::from_slice(&std::fs::read(folder.join("golden.json")).unwrap()).unwrap();
    assert!(cases.len() > 20);
    let tokenizer = block_on(Tokenizer::open(&Folder::new(folder))).unwrap();
    for case in cases {
        let text = &case.text;
        assert_eq!(tokenizer.encode(text, false).unwrap(), case.ids, "{text:?}");
        assert_eq!(
            tokenizer.encode(text, true).unwrap(),
            case.with_special,
            "{text:?}"
        );
        assert_eq!(
            tokenizer.decode(&case.ids, true).unwrap(),
            case.decoded,
            "{text:?}"
        );
    }
}

#[test]
fn byte_level() {
    golden("tokenizer_bytelevel");
}

#[test]
fn metaspace() {
    golden("tokenizer_metaspace");
}
