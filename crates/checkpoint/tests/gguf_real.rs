//! Real GGUF files: what the Python package gguf and `transformers` find in them (tests/goldens/make_gguf.py).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{env, fs, path::PathBuf};

use layerlab_checkpoint::{Checkpoint, Folder, Tokenizer};
use pollster::block_on;
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::goldens;

fn folder() -> PathBuf {
    let folder = env::var("LAYERLAB_REAL_GGUF");
    folder
        .expect("LAYERLAB_REAL_GGUF names the folder that tests/real/gguf_files.py makes")
        .into()
}

/// Each file that the folder has, with what is right.
fn each(check: impl Fn(&str, Folder, &Value)) {
    let golden: Value =
        serde_json::from_slice(&fs::read(goldens().join("gguf/real.json")).unwrap()).unwrap();
    let mut found = 0;
    for (name, right) in golden.as_object().unwrap() {
        let path = folder().join(name);
        if path.exists() {
            found += 1;
            check(name, Folder::new(path), right);
        }
    }
    assert!(found > 0, "none of the files is there");
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
#[ignore = "needs LAYERLAB_REAL_GGUF (tests/real/gguf_files.py); cargo xtask test --all"]
fn values_of_real_gguf_files_are_those_of_the_package() {
    each(|name, file, right| {
        let checkpoint = block_on(Checkpoint::open(file)).unwrap();
        let mut lines = Vec::new();
        for (tensor, entry) in checkpoint.tensors() {
            let values = block_on(checkpoint.read_f32(tensor)).unwrap();
            let mut digest = Sha256::new();
            for value in values {
                digest.update(value.to_le_bytes());
            }
            let shape = format!("{:?}", entry.shape);
            lines.push(format!(
                "{tensor} {shape} {}\n",
                hexadecimal(&digest.finalize())
            ));
        }
        lines.sort();
        assert_eq!(right["tensors"], lines.len(), "{name}");
        let digest = Sha256::digest(lines.concat());
        assert_eq!(right["values"], hexadecimal(&digest), "{name}");
    });
}

#[test]
#[ignore = "needs LAYERLAB_REAL_GGUF (tests/real/gguf_files.py); cargo xtask test --all"]
fn tokenizers_of_real_gguf_files_give_the_ids_of_hugging_face() {
    each(|name, file, right| {
        let tokenizer = block_on(Tokenizer::open(&file)).unwrap();
        support::same_texts(name, &tokenizer, &right["texts"]);
        assert_eq!(tokenizer.notes(), &[] as &[String], "{name}");
    });
}
