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

/// Vocabularies of their own making, whose configurations name both ends.
#[test]
fn the_ends_of_a_text_are_those_that_the_configuration_names() {
    for name in ["tokenizer_bytelevel", "tokenizer_metaspace"] {
        let folder = goldens().join(name);
        let config = std::fs::read(folder.join("tokenizer_config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        let tokenizer = block_on(Tokenizer::open(&Folder::new(folder))).unwrap();
        let written = |id: Option<u32>| tokenizer.decode(&[id.unwrap()], false).unwrap();
        assert_eq!(config["bos_token"], written(tokenizer.bos()), "{name}");
        assert_eq!(config["eos_token"], written(tokenizer.eos()), "{name}");
        assert!(tokenizer.stops().contains(&tokenizer.eos().unwrap()));
    }
}

/// Tokens part the text without gaps: each stands for what lies between the end of the one before it and its own.
#[test]
fn tokens_know_where_they_end() {
    for name in ["tokenizer_bytelevel", "tokenizer_metaspace"] {
        let folder = goldens().join(name);
        let cases: Vec<Golden> =
            serde_json::from_slice(&std::fs::read(folder.join("golden.json")).unwrap()).unwrap();
        let tokenizer = block_on(Tokenizer::open(&Folder::new(folder))).unwrap();
        let mut named = 0;
        for case in cases {
            let text = case.text.as_str();
            let (ids, ends) = tokenizer.encode_text_with_ends(text).unwrap();
            assert_eq!(ids, tokenizer.encode_text(text).unwrap(), "{text:?}");
            assert_eq!(ends.len(), ids.len());
            assert!(ends.is_sorted(), "{text:?}: {ends:?}");
            if !case.ids.is_empty() {
                assert_eq!(ends.last(), Some(&text.len()), "{text:?}");
            }
            let mut begin = 0;
            for (id, end) in ids.iter().zip(ends) {
                let token = tokenizer.decode(&[*id], false).unwrap();
                let stands_for = &text.as_bytes()[begin..end];
                // Words of letters are what they stand for, but for the space before them.
                let word = token.trim();
                let is_word = !word.is_empty() && word.chars().all(|a| a.is_ascii_alphabetic());
                if is_word && text.is_ascii() {
                    let stands_for = std::str::from_utf8(stands_for).unwrap();
                    assert_eq!(stands_for.trim(), word, "{text:?}");
                    named += 1;
                }
                begin = end;
            }
        }
        assert!(named > 20, "{name}: {named}");
    }
}
