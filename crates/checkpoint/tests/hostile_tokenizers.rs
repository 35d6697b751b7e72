//! A tokenizer's file that is cut or spoilt is refused in words, whatever the library that reads it would do.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use layerlab_checkpoint::{
    Tokenizer,
    contained::{contained, is_contained},
};
use serde_json::{Value, json};
use support::files_of;

fn file() -> Value {
    serde_json::from_slice(&files_of("tokenizer_metaspace")["tokenizer.json"]).unwrap()
}

fn refused(tokenizer: &[u8]) -> String {
    Tokenizer::from_bytes(tokenizer, None)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let whole = files_of("tokenizer_metaspace")["tokenizer.json"].clone();
    let ends = (0..whole.trim_ascii_end().len()).step_by(97);
    for end in ends.chain((whole.len() / 2..whole.len() / 2 + 40).step_by(3)) {
        let said = refused(&whole[..end]);
        assert!(said.contains("tokenizer.json cannot be used"), "{said}");
    }
    // In the section where the library takes well-formed JSON for granted.
    let whole = file().to_string();
    let decoder = whole.find("\"decoder\"").unwrap();
    for end in decoder..decoder + 60 {
        let said = refused(&whole.as_bytes()[..end]);
        assert!(said.contains("EOF"), "{said}");
    }
}

#[test]
fn a_table_of_characters_that_lies_is_refused() {
    for (table, part) in [
        (json!(null), "has no `precompiled_charsmap`"),
        (json!("*"), "precompiled_charsmap"),
        // Three bytes.
        (json!("AAAA"), "shorter than it says"),
        // A trie of four gigabytes, less four bytes.
        (json!("/P///wAA"), "shorter than it says"),
        // An empty trie, and a text that is not UTF-8.
        (json!("AAAAAP8="), "utf-8"),
    ] {
        let mut spoilt = file();
        let normalizer = json!({"type": "Precompiled", "precompiled_charsmap": table});
        spoilt["normalizer"] = json!({"type": "Sequence", "normalizers": [normalizer]});
        let said = refused(spoilt.to_string().as_bytes());
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_panic_of_another_crate_is_an_error_and_nothing_more() {
    assert_eq!(contained(|| 3), Ok(3));
    assert!(!is_contained());
    let said = contained(|| {
        assert!(is_contained());
        assert_eq!(contained(|| 4), Ok(4));
        assert!(is_contained());
        if is_contained() {
            panic!("what it says");
        }
    });
    assert_eq!(said, Err("what it says".to_owned()));
    assert_eq!(contained(|| panic!("{}", 5)), Err::<(), _>("5".to_owned()));
    let corrupt = contained(|| std::panic::panic_any(6));
    assert_eq!(corrupt, Err::<(), _>("it is corrupt".to_owned()));
    assert!(!is_contained());
}
