#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
//! What tests of readers share: the files of the goldens, to be spoilt in memory.

pub mod gguf;

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

/// Relative to the package, where cargo runs tests: a path compiled in would be that of the clone that
/// built the test, and the target folder is shared.
pub fn goldens() -> PathBuf {
    PathBuf::from("../../tests/goldens")
}

/// The files of a golden, to be spoilt in memory.
pub fn files_of(golden: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(goldens().join(golden)).expect(golden);
    entries
        .map(|entry| {
            let path = entry.expect("a folder entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), std::fs::read(&path).expect("a file"))
        })
        .collect()
}

/// Header and data of a safetensors file.
pub fn parts(file: &[u8]) -> (Value, Vec<u8>) {
    let length = u64::from_le_bytes(file[..8].try_into().expect("8 bytes")) as usize;
    let header = serde_json::from_slice(&file[8..8 + length]).expect("a header");
    (header, file[8 + length..].to_vec())
}

/// A safetensors file of a header and data that need not belong together.
pub fn joined(header: &Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string().into_bytes();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    file
}

/// A tokenizer gives the ids of a list of texts, and the texts of the ids.
pub fn same_texts(name: &str, tokenizer: &layerlab_checkpoint::Tokenizer, texts: &Value) {
    let texts = texts.as_array().expect("texts");
    assert!(texts.len() > 30);
    for golden in texts {
        let text = golden["text"].as_str().expect("a text");
        let ids = tokenizer.encode(text, false).expect("ids");
        assert_eq!(serde_json::json!(ids), golden["ids"], "{name}: {text:?}");
        let decoded = tokenizer.decode(&ids, false).expect("a text");
        assert_eq!(decoded, golden["decoded"], "{name}: {text:?}");
    }
}
