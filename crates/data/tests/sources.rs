//! Every record of a file is an item, or is named: by each way in which files are written.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use layerlab_data::{Dataset, Items, NotText, text_of};

/// Questions with their lines.
fn questions(name: &str, contents: &str) -> Result<Vec<(usize, String)>, String> {
    let dataset = Dataset::read(name, contents, false).map_err(|error| error.to_string())?;
    assert!(dataset.skipped.is_empty());
    match dataset.items {
        Items::Answers(items) => Ok(items
            .into_iter()
            .map(|item| (item.line, item.question))
            .collect()),
        other => Err(format!("{other:?}")),
    }
}

fn found(items: &[(usize, &str)]) -> Result<Vec<(usize, String)>, String> {
    Ok(items
        .iter()
        .map(|(line, question)| (*line, (*question).to_owned()))
        .collect())
}

fn refused(name: &str, contents: &str, parts: &[&str]) {
    let said = questions(name, contents).unwrap_err();
    for part in parts {
        assert!(said.contains(part), "{contents:?}: {said} lacks {part}");
    }
}

const P: &str = r#"{"question": "P", "answer": "A"}"#;
const Q: &str = r#"{"question": "Q", "answer": "A"}"#;

#[test]
fn json_is_read_in_all_its_forms() {
    let both = found(&[(1, "P"), (2, "Q")]);
    for (name, contents) in [
        ("a.jsonl", format!("{P}\n{Q}\n\n")),
        ("a.jsonl", format!("\u{feff}{P}\r\n{Q}\r\n")),
        ("a.jsonl", format!("{P}\r{Q}\r")),
        ("a.json", format!("{P}\n{Q}")),
        ("a.json", format!("[{P},\n{Q}]")),
        ("a.jsonl", format!("[{P},\n{Q}]\n")),
        ("-", format!("[{P},\n{Q}]\n")),
        ("-", format!("{P}\n{Q}\n")),
        (
            "a.json",
            format!(
                r#"{{"version": "1", "data": [{P},{}{Q}], "more": [1]}}"#,
                "\n"
            ),
        ),
        (
            "a.json",
            format!(
                r#"{{"rows": [{{"row_idx": 0, "row": {P}}},{}{{"row_idx": 1, "row": {Q}}}]}}"#,
                "\n"
            ),
        ),
        ("a.json", format!(r#"{{"train": [{P},{}{Q}]}}"#, "\n")),
    ] {
        assert_eq!(questions(name, &contents), both, "{name}: {contents}");
    }
    assert_eq!(
        questions("a.jsonl", &format!("{P}{Q}")),
        found(&[(1, "P"), (1, "Q")])
    );
    let spread = "{\n \"question\": \"P\",\n \"answer\": \"A\"\n}\n{\n \"question\": \"Q\", \"answer\": \"A\"}";
    assert_eq!(questions("a.json", spread), found(&[(1, "P"), (5, "Q")]));
}

#[test]
fn what_json_would_lose_is_named() {
    refused(
        "a.json",
        &format!("[{P}]\n[{Q}]"),
        &["line 2", "more after the array's end"],
    );
    refused(
        "a.json",
        &format!(r#"{{"train": [{P}], "test": [{Q}]}}"#),
        &["train, test", "one list of records"],
    );
    refused(
        "a.jsonl",
        &format!("{P},\n{Q}"),
        &["line 1", "not JSON, at column 33"],
    );
    refused(
        "a.jsonl",
        r#"{"question": "P", "answer": "A", "answer": "B"}"#,
        &["line 1", "`answer` stands twice"],
    );
    refused(
        "a.json",
        r#"[{"question": "P", "answer": {"value": "A", "value": "B"}}]"#,
        &["`value` stands twice"],
    );
    refused("a.json", &format!("[{P}, null]"), &["not an object"]);
    refused(
        "a.jsonl",
        &format!("{P}\n{{\"question\": \"Q\",\n"),
        &["line 2", "EOF"],
    );
    refused("a.json", "<!DOCTYPE html><html></html>", &["HTML page"]);
    refused(
        "a.jsonl",
        r#"{"question": "P", "answer": [["A"], ["B"]]}"#,
        &["an entry that is not a text: [\"A\"]"],
    );
    refused(
        "a.jsonl",
        r#"{"question": "P", "answer": ["A", null]}"#,
        &["an entry that is not a text: null"],
    );
    refused(
        "a.jsonl",
        r#"{"question": "P", "answer": ""}"#,
        &["`answer`: is empty"],
    );
    refused(
        "a.jsonl",
        r#"{"question": "P", "answers": "['A' 'B' ... 'C']"}"#,
        &["begins and ends as a list of texts"],
    );
}

/// A list that names itself in JSON is one text where its field has one, unless it is of texts in quotes.
#[test]
fn numbers_in_brackets_are_lists_in_tables_alone() {
    let answers =
        |name: &str, contents: &str| match Dataset::read(name, contents, false).unwrap().items {
            Items::Answers(items) => items[0].answers.clone(),
            other => panic!("{other:?}"),
        };
    assert_eq!(
        answers("a.jsonl", r#"{"question": "P", "answer": "[1, 2]"}"#),
        ["[1, 2]"]
    );
    assert_eq!(
        answers(
            "a.jsonl",
            r#"{"question": "P", "answer": "['A', \"B's\"]"}"#
        ),
        ["A", "B's"]
    );
    assert_eq!(
        answers("a.csv", "question,answer\nP,\"[1, 2]\"\n"),
        ["1", "2"]
    );
    assert_eq!(
        answers(
            "a.csv",
            "question,answers\nP,\"{'text': array(['A'], dtype=object)}\"\n"
        ),
        ["A"]
    );
}

/// Python's and NumPy's spellings of a list have words and characters that JSON's has not.
#[test]
fn lists_in_pythons_spelling_are_read_as_python_would() {
    let answers = |list: &str| {
        let table = format!("question,answers\nP,{list}\n");
        match Dataset::read("a.csv", &table, false).unwrap().items {
            Items::Answers(items) => items[0].answers.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(answers("[0.5 -1.5 2]"), ["0.5", "-1.5", "2"]);
    assert_eq!(
        answers(r#""array(['yes', 'no'], dtype=object)""#),
        ["yes", "no"]
    );
    assert_eq!(
        answers(r#""['yes', True, False, +3]""#),
        ["yes", "true", "false", "3"]
    );
    assert_eq!(
        answers(r#""['caf\xe9', 'na\u00efve', '\U0001f600']""#),
        ["café", "naïve", "😀"]
    );
}

/// A first line that is JSON but no object is one broken line, and not the beginning of an array.
#[test]
fn a_list_on_the_first_line_does_not_hide_the_lines_after_it() {
    let contents = format!("[1, 2]\n{P}\n{Q}\n");
    refused(
        "a.jsonl",
        &contents,
        &["line 1", "is JSON, but not an object"],
    );
    let passed = Dataset::read("a.jsonl", &contents, true).unwrap();
    let Items::Answers(items) = &passed.items else {
        panic!("{:?}", passed.items)
    };
    let lines: Vec<usize> = items.iter().map(|item| item.line).collect();
    assert_eq!((lines, passed.skipped[0].line), (vec![2, 3], 1));
}

/// The first record says how all are read: what a later one has besides must not be lost.
#[test]
fn a_record_of_another_form_is_named() {
    let other = r#"{"question": "Q", "answer": "B", "choices": ["x", "y"]}"#;
    refused(
        "a.jsonl",
        &format!("{P}\n{other}"),
        &[
            "line 2",
            "questions with choices, where others are questions with answers",
        ],
    );
    let passed = Dataset::read("a.jsonl", &format!("{P}\n{other}\n{Q}"), true).unwrap();
    assert_eq!(
        (
            passed.items.len(),
            passed.skipped.len(),
            passed.skipped[0].line
        ),
        (2, 1, 2)
    );
    // Fields without a use make no other form, and are told.
    let more = Dataset::read(
        "a.jsonl",
        &format!("{P}\n{}", Q.replace('}', ", \"note\": 1}")),
        false,
    )
    .unwrap();
    assert_eq!(more.mapping.unwrap().unused, ["note"]);
}

#[test]
fn tables_are_read_in_all_their_forms() {
    let both = found(&[(2, "P"), (3, "Q")]);
    for (name, contents) in [
        ("a.csv", "question,answer\nP,A\nQ,A\n\n\n"),
        ("a.csv", "question,answer\r\nP,A\r\nQ,A\r\n  \r\n,\r\n"),
        ("a.csv", "question,answer\rP,A\rQ,A\r"),
        ("a.csv", "question;answer\nP;A\nQ;A\n"),
        ("a.csv", "question\tanswer\nP\tA\nQ\tA\n"),
        ("a.tsv", "question,answer\nP,A\nQ,A\n"),
        ("a.csv", "\"question\";\"answer\"\n\"P\";\"A\"\nQ;A\n"),
        ("a.csv", "question|answer\nP|A\nQ|A\n"),
        // Commas and semicolons that part nothing.
        ("a.csv", "\"x,y;\"|question|answer\n,|P|A\n;|Q|A\n"),
        ("a.tsv", "question,answer\nP,A\nQ,A\n\t\n"),
        ("a.csv", "answer, question ,\nA,P,0\nA,Q,1\n"),
    ] {
        assert_eq!(questions(name, contents), both, "{contents:?}");
    }
    assert_eq!(
        questions("a.csv", "sep=;\nquestion;answer\nP;A\n"),
        found(&[(3, "P")])
    );
    assert_eq!(
        questions("a.csv", "\"x\ny\"|question|answer\n0|P|A\n"),
        found(&[(3, "P")])
    );
    let quoted = "question,answer\n\"One,\n\"\"two\"\"?\",A\n\nQ,A\n";
    assert_eq!(
        questions("a.csv", quoted),
        found(&[(2, "One,\n\"two\"?"), (5, "Q")])
    );
}

#[test]
fn what_tables_would_lose_is_named() {
    refused(
        "a.csv",
        "question,answer\nP,A,B\nQ,A\n",
        &["line 2", "has 3 cells; the header has 2"],
    );
    refused(
        "a.csv",
        "question,answer\nP\nQ,A\n",
        &["line 2", "has 1 cells"],
    );
    refused(
        "a.csv",
        "question,answer\nP,\"A\nQ,A\n",
        &["line 2", "never ends"],
    );
    refused(
        "a.tsv",
        "question\tanswer\nP\t\"A\nQ\t\"B\" more\n",
        &["line 2", "ends within its cell"],
    );
    refused(
        "a.csv",
        "question,answer,answer\nP,A,B\n",
        &["two columns are called `answer`"],
    );
}

#[test]
fn files_that_are_no_texts_are_refused_by_name() {
    let header = br#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#;
    let mut safetensors = (header.len() as u64).to_le_bytes().to_vec();
    safetensors.extend(header);
    for (bytes, part) in [
        (&safetensors[..], "safetensors"),
        (b"%PDF-1.7\n%", "PDF"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PAR1....", "Parquet"),
        (b"GGUF\x03\x00", "GGUF"),
        (b"\x80\x02}q", "pickle"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "git lfs pull",
        ),
        (b"\xff\xfea", "UTF-16 at byte 2"),
        (b"\xff\xfe\x00\xd8a\x00", "UTF-16 at byte 2"),
        (b"\xff\xfe\x00\x00a\x00\x00\x00", "UTF-32"),
        (b"q\x00u\x00e\x00", "byte 1 is 0"),
    ] {
        let said = text_of(bytes).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
        let said = Dataset::read_bytes("a.txt", bytes, &Default::default())
            .unwrap_err()
            .to_string();
        assert!(said.starts_with("a.txt ") && said.contains(part), "{said}");
    }
    assert_eq!(
        text_of(b"a\nb\xe9"),
        Err(NotText::NotUtf8 {
            at: 3,
            line: 2,
            byte: 0xe9
        })
    );
    assert_eq!(text_of("ünïcode".as_bytes()).unwrap(), "ünïcode");
}
