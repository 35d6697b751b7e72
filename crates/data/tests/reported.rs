//! Situations that users of other programs have reported, by files of our own making (`tests/reported`).
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::{fs, path::PathBuf};

use layerlab_data::{Dataset, DatasetError, Items, NotText, ReadOptions, text_of};

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/reported")
        .join(file)
}

fn read(file: &str, fields: &str) -> Result<Dataset, DatasetError> {
    let options = ReadOptions {
        skip_bad: false,
        fields: fields.parse().unwrap(),
    };
    match file.ends_with(".parquet") {
        true => Dataset::read_parquet(file, &[path(file)], &options),
        false => Dataset::read_bytes(file, &fs::read(path(file)).unwrap(), &options),
    }
}

fn refused(file: &str) -> String {
    read(file, "").unwrap_err().to_string()
}

/// The right choices.
fn right(dataset: &Dataset) -> Vec<String> {
    let Items::Choices(items) = &dataset.items else {
        panic!("{:?}", dataset.items)
    };
    let sets = items.iter().map(|item| item.single.as_ref().unwrap());
    sets.map(|set| {
        let place = set.right.iter().position(|right| *right).unwrap();
        set.choices[place].clone()
    })
    .collect()
}

fn answers(dataset: &Dataset) -> Vec<Vec<String>> {
    let Items::Answers(items) = &dataset.items else {
        panic!("{:?}", dataset.items)
    };
    items.iter().map(|item| item.answers.clone()).collect()
}

fn how(dataset: &Dataset) -> String {
    dataset.mapping.as_ref().unwrap().to_string()
}

/// Situation 07: ARC numbers the choices of some questions and letters those of others.
#[test]
fn keys_are_looked_up_among_the_records_own_labels() {
    let arc = read("07-numbered-keys/arc.jsonl", "").unwrap();
    assert_eq!(right(&arc), ["iron", "cork", "neon", "bread", "honey"]);
    let arc = read("07-numbered-keys/arc-no-4.jsonl", "").unwrap();
    assert_eq!(right(&arc), ["iron", "cork", "neon", "bread"]);
    assert!(how(&arc).contains("key <- answerKey"), "{}", how(&arc));
    // Columns have labels by their names: the second of option1 and option2 is "2".
    let options = read("07-numbered-keys/two-options.jsonl", "").unwrap();
    assert_eq!(right(&options), ["crate", "rope", "Ann"]);
    let options = read("07-numbered-keys/two-options-first.jsonl", "").unwrap();
    assert_eq!(right(&options), ["rope", "Ann"]);
}

/// Situation 07: what one line leaves open, the others decide; or nobody does, and then it is said.
#[test]
fn all_lines_of_a_file_have_their_keys_read_alike() {
    let letters = read("07-numbered-keys/letters.jsonl", "").unwrap();
    assert_eq!(right(&letters), ["O", "AB", "A"]);
    assert!(
        how(&letters).contains("key_letter <- answer"),
        "{}",
        how(&letters)
    );
    let digits = read("07-numbered-keys/digits.jsonl", "").unwrap();
    assert_eq!(right(&digits), ["6", "4"]);
    assert!(
        how(&digits).contains("key_index <- answer"),
        "{}",
        how(&digits)
    );
    let said = refused("07-numbered-keys/letters2.jsonl");
    for part in [
        "line 1, field `answer`",
        "\"B\" is the text of one choice and the letter",
        "key_text and key_letter",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let by = |fields| right(&read("07-numbered-keys/letters2.jsonl", fields).unwrap());
    assert_eq!(by("key_text=answer"), ["B"; 8]);
    assert_eq!(by("key_letter=answer"), ["AB"; 8]);
}

/// Situation 21.
#[test]
fn lists_that_were_written_as_texts_are_lists() {
    let keeper: [&[&str]; 2] = [&["the keeper", "keeper"], &["his sister"]];
    for file in ["json-list.tsv", "python-list.csv", "numpy-list.csv"] {
        let dataset = read(&format!("21-list-written-as-text/{file}"), "").unwrap();
        assert_eq!(answers(&dataset), keeper, "{file}");
    }
    let both = read("21-list-written-as-text/norvia-lists.csv", "").unwrap();
    assert_eq!(answers(&both), [["Rourilo", "Rourilo Town"]; 2]);
    let bars = read("21-list-written-as-text/bars.csv", "").unwrap();
    assert_eq!(
        answers(&bars),
        [&["Rourilo", "Rourilo Town"][..], &["Rourilo"]]
    );
}

/// Situation 22: a byte order mark is no part of a text, and UTF-16 is told by one.
#[test]
fn texts_are_the_same_in_every_encoding_that_says_what_it_is() {
    let bytes = |file: &str| fs::read(path(&format!("22-text-encodings/{file}"))).unwrap();
    let plain = String::from_utf8(bytes("text.txt")).unwrap();
    assert_eq!(text_of(&bytes("text.txt")).as_ref(), Ok(&plain));
    assert_eq!(text_of(&bytes("bom.txt")).as_ref(), Ok(&plain));
    let utf16 = text_of(&bytes("utf16.txt")).unwrap();
    assert_eq!(utf16.replace("\r\n", "\n"), plain);
    let swapped: Vec<u8> = bytes("utf16.txt")
        .chunks(2)
        .flat_map(|pair| [pair[1], pair[0]])
        .collect();
    assert_eq!(text_of(&swapped), text_of(&bytes("utf16.txt")));
    for name in ["bom.txt", "bom.md"] {
        let marked = Dataset::read(name, &format!("\u{feff}{plain}"), false).unwrap();
        assert_eq!(marked.items, Items::Text(plain.clone()));
        assert_eq!(
            Dataset::of_text(name, format!("\u{feff}{plain}")).items,
            marked.items
        );
    }
    let latin = bytes("latin1.txt");
    let at = latin.iter().position(|byte| *byte >= 0x80).unwrap();
    let line = 1 + latin[..at].iter().filter(|byte| **byte == b'\n').count();
    let byte = latin[at];
    assert_eq!(text_of(&latin), Err(NotText::NotUtf8 { at, line, byte }));
    let said = refused("22-text-encodings/latin1.txt");
    assert!(
        said.contains("not UTF-8")
            && said.contains("Latin-1")
            && said.contains(&format!("byte {at}")),
        "{said}"
    );
    assert_eq!(
        answers(&read("22-text-encodings/utf16.csv", "").unwrap()),
        [["the keeper"]]
    );
    let semicolons = read("22-text-encodings/semicolons.csv", "").unwrap();
    assert_eq!(answers(&semicolons), [["the keeper"], ["his sister"]]);
    let said = refused("22-text-encodings/surrogate.jsonl");
    assert!(
        said.contains("line 2") && said.contains("half a surrogate pair"),
        "{said}"
    );
}

/// Situation 23.
#[test]
fn parquet_is_read_however_it_is_packed() {
    for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"] {
        let dataset = read(&format!("23-parquet-compressions/{codec}.parquet"), "").unwrap();
        let expected: [&[&str]; 2] = [&["the keeper", "keeper"], &["his sister"]];
        assert_eq!(answers(&dataset), expected, "{codec}");
    }
    let squad = read("23-parquet-compressions/squad.parquet", "").unwrap();
    assert_eq!(answers(&squad), [["the keeper"], ["his sister"]]);
    let types = read("23-parquet-compressions/types.parquet", "").unwrap();
    assert_eq!(right(&types)[..2], ["the keeper", "his sister"]);
    assert!(
        how(&types).ends_with("; not used: embedding"),
        "{}",
        how(&types)
    );
}

/// Situation 25.
#[test]
fn numbers_and_truth_values_are_answers_as_they_are_written() {
    let read = |file: &str| answers(&read(&format!("25-numbers-as-answers/{file}"), "").unwrap());
    assert_eq!(read("int.jsonl"), [["42"], ["7"]]);
    assert_eq!(read("mixed.jsonl"), [["42"], ["7"]]);
    assert_eq!(read("bool.jsonl"), [["true"], ["false"]]);
    let below = r#"{"question": "What is 3 - 45?", "answer": -42}"#;
    assert_eq!(
        answers(&Dataset::read("a.jsonl", below, false).unwrap()),
        [["-42"]]
    );
}
