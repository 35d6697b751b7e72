//! Files as they are published, and files that are broken.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use layerlab_data::{Dataset, DatasetError, Items};
use proptest::prelude::*;

fn read(name: &str, contents: &str) -> Dataset {
    Dataset::read(name, contents, false).unwrap()
}

fn refused(name: &str, contents: &str) -> String {
    Dataset::read(name, contents, false)
        .unwrap_err()
        .to_string()
}

fn choices(dataset: &Dataset) -> &[layerlab_data::Choice] {
    match &dataset.items {
        Items::Choices(items) => items,
        other => panic!("{other:?}"),
    }
}

#[test]
fn texts_are_read_whole() {
    let dataset = read("a.txt", "{\"not\": \"json\"}\nbut a text\n");
    assert!(matches!(dataset.items, Items::Text(text) if text.ends_with("text\n")));
    assert!(matches!(read("noextension", "words").items, Items::Text(_)));
    // Brackets and braces that hold no JSON object are a text's own.
    for contents in ["[words] in brackets", "{words} in braces"] {
        assert!(read("noextension", contents).is_text(), "{contents}");
    }
    assert!(!read("a.jsonl", r#"{"question": "Q", "answer": "A"}"#).is_text());
}

#[test]
fn questions_have_answers_and_aliases() {
    let dataset = read(
        "a.jsonl",
        r#"{"question": "Q1", "answer": "A"}

{"question": "Q2", "answer": ["A", "B"], "aliases": ["C"]}
{"question": "Q3", "answers": ["D"]}"#,
    );
    let Items::Answers(items) = &dataset.items else {
        panic!("{:?}", dataset.items)
    };
    let lines: Vec<usize> = items.iter().map(|item| item.line).collect();
    assert_eq!(lines, [1, 3, 4]);
    assert_eq!(items[1].answers, ["A", "B", "C"]);
    let table = read(
        "a.csv",
        "Question,Answer,Aliases\n\"One, two?\",3,three|drei\n",
    );
    let Items::Answers(items) = &table.items else {
        panic!("{:?}", table.items)
    };
    assert_eq!(items[0].question, "One, two?");
    assert_eq!(items[0].answers, ["3", "three", "drei"]);
}

#[test]
fn right_choices_are_named_by_index_letter_or_text() {
    for key in [
        r#""label": 1"#,
        r#""answer": "B""#,
        r#""answer": "yes""#,
        r#""answer": "1""#,
    ] {
        let line = format!(r#"{{"question": "Q", "choices": ["no", "yes"], {key}}}"#);
        let dataset = read("a.jsonl", &line);
        let set = choices(&dataset)[0].single.as_ref().unwrap();
        assert_eq!(set.right, [false, true], "{key}");
    }
    let table = read("a.tsv", "question\tchoices\tlabel\nQ\tno|yes\t1\n");
    assert_eq!(
        choices(&table)[0].single.as_ref().unwrap().right,
        [false, true]
    );
}

#[test]
fn pairs_of_right_and_hallucinated_answers_are_choices() {
    let line =
        r#"{"knowledge": "K", "question": "Q", "right_answer": "R", "hallucinated_answer": "H"}"#;
    let dataset = read("a.jsonl", line);
    let set = choices(&dataset)[0].single.as_ref().unwrap();
    assert_eq!(
        (set.choices.join(" "), set.right.clone()),
        ("R H".into(), vec![true, false])
    );
}

#[test]
fn truthful_targets_are_read_in_both_published_forms() {
    let plain = r#"[
 {"question": "Q", "mc1_targets": {"a": 0, "b": 1}, "mc2_targets": {"b": 1, "c": 1, "a": 0}}]"#;
    let hub = r#"{"question": "Q", "mc1_targets": {"choices": ["a", "b"], "labels": [0, 1]},
        "mc2_targets": {"choices": ["b", "c", "a"], "labels": [1, 1, 0]}}"#
        .replace('\n', " ");
    let (plain, hub) = (read("a.json", plain), read("a.jsonl", &hub));
    let (a, b) = (&choices(&plain)[0], &choices(&hub)[0]);
    assert_eq!((&a.single, &a.multiple), (&b.single, &b.multiple));
    assert_eq!(a.multiple.as_ref().unwrap().right, [true, true, false]);
    assert_eq!((a.line, a.truthful), (2, true));
}

#[test]
fn labels_are_names_or_numbers() {
    let dataset = read("a.csv", "text,label\nfine,1\n\"poor,\nvery\",0\nsound,1\n");
    let Items::Labels(items) = &dataset.items else {
        panic!("{:?}", dataset.items)
    };
    let lines: Vec<usize> = items.iter().map(|item| item.line).collect();
    // The second record spans two lines.
    assert_eq!(lines, [2, 3, 5]);
    assert_eq!(items[1].text, "poor,\nvery");
}

#[test]
fn bad_lines_are_named_by_number_and_field() {
    let good = r#"{"question": "Q", "choices": ["a", "b"], "label": 0}"#;
    for (bad, part) in [
        ("{", "not JSON"),
        ("[1]", "not an object"),
        (
            r#"{"question": 3, "choices": ["a", "b"], "label": 0}"#,
            "`question`: is not a text",
        ),
        (
            r#"{"question": " ", "choices": ["a", "b"], "label": 0}"#,
            "`question`: is empty",
        ),
        (
            r#"{"choices": ["a", "b"], "label": 0}"#,
            "`question`: is missing",
        ),
        (
            r#"{"question": "Q", "choices": ["a", ""], "label": 0}"#,
            "`choices`: has an empty entry",
        ),
        (
            r#"{"question": "Q", "choices": "a", "label": 0}"#,
            "`choices`: is not a list",
        ),
        (
            r#"{"question": "Q", "choices": ["a", "b"], "label": 2}"#,
            "`label`: \"2\" names none",
        ),
        (
            r#"{"question": "Q", "choices": ["a", "b"]}"#,
            "`label`: is missing; the record has question, choices",
        ),
        (
            r#"{"question": "Q", "choices": ["a"], "label": 0}"#,
            "no wrong answer",
        ),
        (
            r#"{"question": "Q", "answer": "a"}"#,
            "`choices`: is missing",
        ),
    ] {
        let contents = format!("{good}\n\n{bad}\n{good}\n");
        let said = refused("a.jsonl", &contents);
        assert!(said.contains("line 3") && said.contains(part), "{said}");
        let dataset = Dataset::read("a.jsonl", &contents, true).unwrap();
        assert_eq!((dataset.items.len(), dataset.skipped.len()), (2, 1));
        assert_eq!(dataset.skipped[0].line, 3);
    }
    let said = refused("a.csv", "text,label\na,1\nb\nc,0\n");
    assert!(
        said.contains("line 3") && said.contains("has 1 cells"),
        "{said}"
    );
    let said = refused("a.json", "[\n{\"question\": \"Q\"},\n{\"question\": }]");
    assert!(said.contains("line 2") || said.contains("line 3"), "{said}");
    let said = refused("a.json", "[{\"question\": \"Q\", \"answer\": \"A\"}");
    assert!(said.contains("not a JSON array"), "{said}");
}

#[test]
fn candidates_are_right_or_wrong_and_nothing_else() {
    let head = "question_id,question,document_title,answer,label\nQ1,Q,D,a,1\nQ1,Q,D,b,0\n";
    for label in ["2", "yes", "01"] {
        let said = refused("a.csv", &format!("{head}Q1,Q,D,c,{label}\n"));
        assert!(
            said.contains("line 4, field `label`") && said.contains("is neither 0 nor 1"),
            "{said}"
        );
    }
    let whole = read("a.csv", &format!("{head}Q1,Q,D,c, 1\n"));
    let set = choices(&whole)[0].single.as_ref().unwrap();
    assert_eq!(set.right, [true, false, true]);
}

#[test]
fn files_without_anything_usable_are_refused() {
    for (name, contents) in [("a.jsonl", ""), ("a.json", "[]"), ("a.csv", "text,label\n")] {
        let error = Dataset::read(name, contents, true).unwrap_err();
        assert!(
            matches!(error, DatasetError::Empty { .. }),
            "{name}: {error}"
        );
    }
    let said = Dataset::read("a.jsonl", "{\n{\n", true)
        .unwrap_err()
        .to_string();
    assert!(said.contains("the first fails at line 1"), "{said}");
    let said = refused("a.csv", "text,label\na,good\nb,good\n");
    assert!(said.contains("at least two classes"), "{said}");
    let said = refused("a.jsonl", r#"{"prompt": "x"}"#);
    assert!(
        said.contains("prompt") && said.contains("right_answer"),
        "{said}"
    );
}

#[test]
fn samples_are_drawn_by_seed_and_keep_their_order() {
    let lines: Vec<String> = (0..50)
        .map(|index| format!(r#"{{"question": "{index}", "answer": "a"}}"#))
        .collect();
    let dataset = read("a.jsonl", &lines.join("\n"));
    let drawn = |seed| {
        let Items::Answers(items) = dataset.clone().sample(10, seed).items else {
            panic!("not answers")
        };
        items.iter().map(|item| item.line).collect::<Vec<_>>()
    };
    assert_eq!(drawn(1).len(), 10);
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
    assert!(drawn(1).is_sorted());
    assert_eq!(dataset.clone().sample(50, 1), dataset);
    assert_eq!(dataset.clone().sample(10, 1).of, 50);
}

/// Files that others published.
#[test]
#[ignore = "needs ../shared/data"]
fn published_datasets_are_read_whole() {
    for (path, items) in [("halueval_qa.jsonl", 500), ("truthfulqa_mc.json", 817)] {
        let path = format!("../../../shared/data/{path}");
        let dataset = read(&path, &std::fs::read_to_string(&path).unwrap());
        assert_eq!((dataset.items.len(), dataset.of), (items, items));
        assert!(dataset.skipped.is_empty());
    }
}

proptest! {
    /// Whatever a file holds, it is read or refused.
    #[test]
    fn no_file_breaks_the_readers(
        name in prop::sample::select(vec!["a.json", "a.jsonl", "a.csv", "a.tsv", "a"]),
        contents in "[\\[\\]{}\",:|\ta-c0-2\n ]{0,60}",
        skip_bad: bool,
    ) {
        if let Ok(dataset) = Dataset::read(name, &contents, skip_bad) {
            prop_assert!(!dataset.items.is_empty());
        }
    }
}
