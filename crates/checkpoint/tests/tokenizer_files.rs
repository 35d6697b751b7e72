//! What a tokenizer is made of: which files are read, what they contradict each other in, and what is refused.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use layerlab_checkpoint::{MemoryFiles, Tokenizer, tokenizer::TokenizerError};
use pollster::block_on;
use serde_json::{Value, json};
use support::files_of;

type Files = BTreeMap<String, Vec<u8>>;

/// The folder of a golden, with fields of its files set anew.
fn folder(changes: &[(&str, Value)]) -> Files {
    let mut files = files_of("tokenizer_bytelevel");
    files.remove("golden.json");
    for (name, fields) in changes {
        let mut file: Value = match files.get(*name) {
            Some(contents) => serde_json::from_slice(contents).unwrap(),
            None => json!({}),
        };
        file.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        files.insert((*name).into(), file.to_string().into_bytes());
    }
    files
}

fn open(files: Files) -> Result<Tokenizer, TokenizerError> {
    block_on(Tokenizer::open(&MemoryFiles::new("the folder", files)))
}

/// The same vocabulary as GPT-2 has it.
fn vocabulary_files() -> Files {
    let mut files = folder(&[]);
    let tokenizer: Value =
        serde_json::from_slice(&files.remove("tokenizer.json").unwrap()).unwrap();
    let merges = tokenizer["model"]["merges"].as_array().unwrap().iter();
    let merges: Vec<String> = merges
        .map(|pair| {
            format!(
                "{} {}",
                pair[0].as_str().unwrap(),
                pair[1].as_str().unwrap()
            )
        })
        .collect();
    files.insert(
        "vocab.json".into(),
        tokenizer["model"]["vocab"].to_string().into(),
    );
    files.insert(
        "merges.txt".into(),
        format!("#version: 0.2\n{}\n", merges.join("\n")).into(),
    );
    files
}

fn assert_says(error: TokenizerError, parts: &[&str]) {
    let said = error.to_string();
    for part in parts {
        assert!(said.contains(part), "{part:?} in: {said}");
    }
}

fn assert_notes(tokenizer: &Tokenizer, parts: &[&str]) {
    let said = tokenizer.notes().join("\n");
    for part in parts {
        assert!(said.contains(part), "{part:?} in: {said}");
    }
}

#[test]
fn a_sound_folder_gives_no_notes() {
    for golden in ["tokenizer_bytelevel", "tokenizer_metaspace", "demo"] {
        assert_eq!(open(files_of(golden)).unwrap().notes(), [""; 0]);
    }
}

/// Reported of other programs: a pad token that was added to the configuration alone. Padding needs no id.
#[test]
fn a_named_token_beside_the_vocabulary_gets_an_id_and_is_told() {
    let config = json!({"pad_token": "[PAD]"});
    let tokenizer = open(folder(&[("tokenizer_config.json", config.clone())])).unwrap();
    assert_eq!(tokenizer.pad(), Some(400));
    assert_notes(&tokenizer, &["pad_token", "[PAD]", "400"]);
    // Where a file gives it that id, nothing is amiss.
    let listed = [
        ("tokenizer_config.json", config),
        ("added_tokens.json", json!({"[PAD]": 400})),
    ];
    let tokenizer = open(folder(&listed)).unwrap();
    assert_eq!((tokenizer.pad(), tokenizer.notes().len()), (Some(400), 0));
    let other = [("added_tokens.json", json!({"[PAD]": 399}))];
    assert_notes(&open(folder(&other)).unwrap(), &["[PAD]", "399", "400"]);
}

#[test]
fn adding_bos_is_decided_by_tokenizer_json_and_a_contradiction_is_told() {
    let set = |add: bool| {
        let config = json!({"add_bos_token": add, "add_eos_token": false});
        open(folder(&[("tokenizer_config.json", config)])).unwrap()
    };
    assert_eq!(set(true).leading_bos(), Some(0));
    assert_eq!(set(true).notes(), [""; 0]);
    assert_eq!(set(false).leading_bos(), Some(0));
    assert_notes(&set(false), &["add_bos_token", "not followed"]);
    assert!(!set(false).notes().join("").contains("add_eos_token"));
}

/// It is put before a text whether or not the configuration calls it BOS.
#[test]
fn bos_without_a_name_leads_a_text() {
    let mut files = folder(&[]);
    files.remove("tokenizer_config.json");
    let tokenizer = open(files).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.leading_bos()), (None, Some(0)));
    let ids = tokenizer.encode("The harbour", true).unwrap();
    assert_eq!(tokenizer.encode_text("The harbour").unwrap(), ids);
}

#[test]
fn eos_after_a_text_is_left_to_whoever_asks_for_it() {
    let piece = |token: &str| json!({"SpecialToken": {"id": token, "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let ids = |token: &str, id: u32| json!({"id": token, "ids": [id], "tokens": [token]});
    let with = |single: Value| {
        let around = json!({
            "type": "TemplateProcessing", "single": single, "pair": [text],
            "special_tokens": {"<s>": ids("<s>", 0), "</s>": ids("</s>", 1)},
        });
        open(folder(&[(
            "tokenizer.json",
            json!({"post_processor": around}),
        )]))
    };
    let tokenizer = with(json!([piece("<s>"), text, piece("</s>")])).unwrap();
    let ids = tokenizer.encode("the", true).unwrap();
    assert_eq!((ids.first(), ids.last()), (Some(&0), Some(&1)));
    assert_eq!(tokenizer.encode_text("the").unwrap(), ids[..ids.len() - 1]);
    let tokenizer = with(json!([text, piece("</s>")])).unwrap();
    assert_eq!(tokenizer.leading_bos(), None);
    let error = with(json!([piece("<s>"), piece("</s>"), text])).unwrap_err();
    assert_says(error, &["tokenizer.json", "2 tokens before"]);
}

#[test]
fn vocabulary_files_are_read_where_the_class_says_how() {
    let mut files = vocabulary_files();
    files.insert("config.json".into(), br#"{"model_type": "gpt2"}"#.to_vec());
    files.remove("tokenizer_config.json");
    let tokenizer = open(files).unwrap();
    let ids = tokenizer.encode("The harbour was quiet.", true).unwrap();
    assert_eq!(
        tokenizer.decode(&ids, false).unwrap(),
        "The harbour was quiet."
    );
}

/// Reported of other programs: no tokenizer.json, and nothing that says how text is cut.
#[test]
fn other_forms_of_a_tokenizer_say_how_to_make_one() {
    assert_says(
        open(vocabulary_files()).unwrap_err(),
        &[
            "the folder",
            "vocab.json and merges.txt",
            "\"tokenizer_class\": \"GPT2Tokenizer\"",
        ],
    );
    for name in ["tokenizer.model", "vocab.txt"] {
        let files = Files::from([(name.to_owned(), Vec::new())]);
        assert_says(open(files).unwrap_err(), &[name, "save_pretrained"]);
    }
    assert!(matches!(
        open(Files::new()).unwrap_err(),
        TokenizerError::Missing { .. }
    ));
}

#[test]
fn malformed_vocabulary_files_are_named() {
    let open_with = |name: &str, contents: &str| {
        let mut files = vocabulary_files();
        files.insert("config.json".into(), br#"{"model_type": "gpt2"}"#.to_vec());
        files.insert("tokenizer_config.json".into(), b"{}".to_vec());
        files.insert(name.into(), contents.into());
        open(files).unwrap_err()
    };
    assert_says(open_with("vocab.json", "[1]"), &["vocab.json"]);
    assert_says(
        open_with("merges.txt", "#version: 0.2\nh e\nthree of them\n"),
        &["merges.txt", "line 3"],
    );
    assert_says(
        open_with("merges.txt", "h nowhere\n"),
        &["merges.txt", "hnowhere"],
    );
}

/// The library would index beyond its buffer.
#[test]
fn a_merge_to_a_token_that_is_not_there_is_refused() {
    let long = "x".repeat(40);
    for merges in [json!([[&long, &long]]), json!([format!("{long} {long}")])] {
        let model = json!({"type": "BPE", "vocab": {&long: 0}, "merges": merges});
        let error = open(folder(&[("tokenizer.json", json!({"model": model}))])).unwrap_err();
        assert_says(error, &["tokenizer.json", &long]);
    }
    let model = json!({
        "type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]],
        "continuing_subword_prefix": "###",
    });
    assert!(open(folder(&[("tokenizer.json", json!({"model": model}))])).is_err());
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let plain = open(folder(&[(
        "generation_config.json",
        json!({"eos_token_id": [7]}),
    )]))
    .unwrap();
    let mut files = folder(&[("generation_config.json", json!({"eos_token_id": [7]}))]);
    for contents in files.values_mut() {
        contents.splice(0..0, *b"\xef\xbb\xbf");
    }
    let marked = open(files).unwrap();
    assert_eq!(marked.stops(), plain.stops());
    assert_eq!(marked.stops(), [1, 7]);
    assert_eq!(
        marked.encode("the", true).unwrap(),
        plain.encode("the", true).unwrap()
    );
}

#[test]
fn malformed_files_are_named() {
    for (name, fields) in [
        ("tokenizer_config.json", json!({"bos_token": 7})),
        (
            "tokenizer_config.json",
            json!({"added_tokens_decoder": {"one": {"content": "a"}}}),
        ),
        (
            "tokenizer_config.json",
            json!({"added_tokens_decoder": {"1": 2}}),
        ),
        ("tokenizer_config.json", json!({"add_bos_token": "yes"})),
        ("tokenizer_config.json", json!({"extra_special_tokens": 3})),
        ("special_tokens_map.json", json!({"eos_token": ["</s>"]})),
        ("added_tokens.json", json!({"<new>": "four"})),
        ("generation_config.json", json!({"eos_token_id": "one"})),
        ("generation_config.json", json!({"eos_token_id": [1, -1]})),
    ] {
        assert_says(open(folder(&[(name, fields)])).unwrap_err(), &[name]);
    }
    for name in [
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "generation_config.json",
    ] {
        let mut files = folder(&[]);
        files.insert(name.into(), b"<!doctype html>".to_vec());
        assert_says(open(files).unwrap_err(), &[name]);
    }
}

#[test]
fn another_way_of_cutting_is_told() {
    let class = json!({"tokenizer_class": "GPT2Tokenizer"});
    let tokenizer = open(folder(&[("tokenizer_config.json", class)])).unwrap();
    assert_notes(&tokenizer, &["GPT2Tokenizer", "cutting"]);
    let words = json!({"type": "WordLevel", "vocab": {"a": 0, "<unk>": 1}, "unk_token": "<unk>"});
    let changes = [
        (
            "tokenizer.json",
            json!({"model": words, "added_tokens": [], "post_processor": null}),
        ),
        (
            "tokenizer_config.json",
            json!({"tokenizer_class": "GPT2Tokenizer"}),
        ),
    ];
    let tokenizer = open(folder(&changes)).unwrap();
    assert_notes(&tokenizer, &["GPT2Tokenizer", "as it stands"]);
    let class = json!({"tokenizer_class": "SomebodysTokenizer"});
    let tokenizer = open(folder(&[("tokenizer_config.json", class)])).unwrap();
    assert_notes(&tokenizer, &["SomebodysTokenizer", "as it stands"]);
}
