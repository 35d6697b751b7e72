//! The paper's five datasets in every form that they are published in, by samples of our own writing.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::{fs, path::PathBuf};

use layerlab_data::{Answer, Choice, Dataset, Items, ReadOptions, Role};
use tempfile::TempDir;

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(file)
}

fn sample(file: &str) -> Dataset {
    with(file, "").unwrap()
}

fn with(file: &str, fields: &str) -> Result<Dataset, String> {
    let options = ReadOptions {
        skip_bad: false,
        fields: fields.parse().map_err(|error| format!("{error}"))?,
    };
    let dataset = match file.ends_with(".parquet") {
        true => Dataset::read_parquet(file, &[path(file)], &options),
        false => Dataset::read_as(file, &fs::read_to_string(path(file)).unwrap(), &options),
    };
    dataset.map_err(|error| error.to_string())
}

fn choices(dataset: &Dataset) -> Vec<Choice> {
    match &dataset.items {
        Items::Choices(items) => items.clone(),
        other => panic!("{other:?}"),
    }
}

fn answers(dataset: &Dataset) -> Vec<Answer> {
    match &dataset.items {
        Items::Answers(items) => items.clone(),
        other => panic!("{other:?}"),
    }
}

/// The same items, wherever they stand in their files.
fn assert_same(one: &Dataset, other: &Dataset) {
    let placed = |dataset: &Dataset| {
        let mut items = dataset.items.clone();
        match &mut items {
            Items::Choices(items) => items.iter_mut().for_each(|item| item.line = 0),
            Items::Answers(items) => items.iter_mut().for_each(|item| item.line = 0),
            _ => {}
        }
        items
    };
    assert_eq!(
        placed(one),
        placed(other),
        "{} and {}",
        one.name,
        other.name
    );
    assert!(!one.items.is_empty());
}

#[test]
fn nq_has_several_right_answers() {
    let dataset = sample("nq_open.jsonl");
    let items = answers(&dataset);
    assert_eq!(items.len(), 3);
    assert_eq!(items[1].answers, ["1871", "in the winter of 1871"]);
    assert_eq!(
        dataset.describe().to_string(),
        "nq_open.jsonl: questions with answers, as NQ-open: question <- question, answer <- answer (3 questions)"
    );
    assert_same(&sample("nq_open.parquet"), &dataset);
}

#[test]
fn sciq_has_three_distractors() {
    let dataset = sample("sciq.jsonl");
    let items = choices(&dataset);
    let set = items[1].single.as_ref().unwrap();
    assert_eq!(set.choices, ["roots", "bark", "pollen", "petals"]);
    assert_eq!(set.right, [true, false, false, false]);
    assert!(items[1].multiple.is_none() && !items[1].truthful);
    assert_eq!(
        dataset.describe().to_string(),
        "sciq.jsonl: SciQ: question <- question, answer <- correct_answer, \
         wrong <- distractor1 + distractor2 + distractor3; not used: support (3 questions)"
    );
    assert_same(&sample("sciq.parquet"), &dataset);
    let lines: Vec<usize> = choices(&sample("sciq.parquet"))
        .iter()
        .map(|item| item.line)
        .collect();
    assert_eq!(lines, [1, 2, 3], "rows of several groups are counted on");
}

#[test]
fn trivia_answers_lie_within_an_object_and_have_aliases() {
    let dataset = sample("triviaqa.json");
    let items = answers(&dataset);
    assert_eq!(
        items[0].question,
        "Which novel by Odo Lantern is set on a raft of bottles?"
    );
    assert_eq!(items[0].answers, ["The Salt Ferry", "Salt Ferry"]);
    assert_eq!(items[1].answers, ["Seventeen"]);
    assert_eq!([items[0].line, items[1].line], [3, 30]);
    let mapping = dataset.mapping.as_ref().unwrap();
    assert_eq!(mapping.form, "TriviaQA");
    assert_eq!(mapping.fields[1].fields, ["Answer.Value", "Answer.Aliases"]);
    let hub = sample("triviaqa.parquet");
    assert_same(&hub, &dataset);
    assert_eq!(
        hub.mapping.unwrap().fields[1].fields,
        ["answer.value", "answer.aliases"]
    );
}

#[test]
fn answers_that_a_split_keeps_back_are_not_asked_for() {
    let line = r#"{"question": "Q", "answer": {"value": "<unk>", "aliases": []}}"#;
    let said = Dataset::read("a.jsonl", line, false)
        .unwrap_err()
        .to_string();
    assert!(said.contains("`answer.value`: is kept back"), "{said}");
}

#[test]
fn truthful_tables_give_both_multiple_choices() {
    let dataset = sample("truthfulqa.csv");
    let items = choices(&dataset);
    let (single, multiple) = (items[0].single.as_ref(), items[0].multiple.as_ref());
    let (single, multiple) = (single.unwrap(), multiple.unwrap());
    assert_eq!(single.choices.len(), 4);
    assert_eq!(single.right, [true, false, false, false]);
    assert_eq!(single.choices[0], "No, watching a pot changes nothing");
    assert_eq!(single.choices[3], "Water notices when it is watched");
    assert_eq!(multiple.right, [true, true, true, false, false, false]);
    assert!(items[0].truthful);
    assert_eq!(
        items[1].question,
        "What does it mean when the seaweed on the door is \"dry\"?"
    );
    assert_same(&sample("truthfulqa_generation.parquet"), &dataset);
    assert_same(&sample("truthfulqa_multiple_choice.parquet"), &dataset);
}

#[test]
fn wiki_candidates_are_gathered_by_question() {
    let dataset = sample("wikiqa.tsv");
    let items = choices(&dataset);
    let questions: Vec<&str> = items.iter().map(|item| item.question.as_str()).collect();
    assert_eq!(
        questions,
        [
            "how tall is the tower of brask",
            "where do the salt ferries land"
        ]
    );
    let set = items[0].single.as_ref().unwrap();
    assert_eq!(set.right, [false, true, false]);
    // A quote that begins a sentence and never ends is the sentence's own.
    assert!(
        set.choices[2].starts_with("\"The finger"),
        "{:?}",
        set.choices
    );
    assert_eq!(items[1].single.as_ref().unwrap().right, [true, false, true]);
    assert_eq!((items[0].line, items[1].line), (2, 8));
    // One question has no right candidate, one no wrong candidate.
    let passed: Vec<String> = dataset.skipped.iter().map(ToString::to_string).collect();
    assert!(
        passed[0].contains("line 5") && passed[0].ends_with("is right"),
        "{passed:?}"
    );
    assert!(
        passed[1].contains("line 7") && passed[1].ends_with("is wrong"),
        "{passed:?}"
    );
    let said = dataset.describe().to_string();
    assert!(
        said.contains("candidate <- Sentence, label <- Label, id <- QuestionID"),
        "{said}"
    );
    assert!(said.ends_with("(2 questions, 2 passed over)"), "{said}");
    let hub = sample("wikiqa.parquet");
    assert_same(&hub, &dataset);
    assert_eq!(hub.skipped.len(), 2);
}

#[test]
fn fields_are_named_by_the_user_where_a_form_is_not_known() {
    let line = r#"{"q": "Q", "gold": "A", "bad1": "B", "bad2": ["C", "D"]}"#;
    let read = |fields: &str| {
        let fields = fields.parse().unwrap();
        let options = ReadOptions {
            skip_bad: false,
            fields,
        };
        Dataset::read_as("a.jsonl", line, &options).map_err(|error| error.to_string())
    };
    let items = choices(&read("question=q,answer=gold,wrong=bad1+bad2").unwrap());
    assert_eq!(
        items[0].single.as_ref().unwrap().choices,
        ["A", "B", "C", "D"]
    );
    assert_eq!(
        answers(&read("question = q, answer = gold").unwrap())[0].answers,
        ["A"]
    );
    let said = read("").unwrap_err();
    assert!(said.contains("fields q, gold, bad1, bad2"), "{said}");
    assert!(
        said.contains("SciQ (question, correct_answer, distractor1"),
        "{said}"
    );
    let said = read("question=q,answer=silver").unwrap_err();
    assert!(
        said.contains("`silver`: is not there; the record has q, gold, bad1, bad2"),
        "{said}"
    );
    let said = read("question=q").unwrap_err();
    assert!(said.contains("of no known kind"), "{said}");
    for (fields, part) in [
        ("question", "ROLE=FIELD"),
        ("question=", "ROLE=FIELD"),
        (
            "query=q",
            "`query` is no role; roles are question, answer, wrong",
        ),
        ("answer=a,answer=b", "joined by +"),
    ] {
        let said = with("sciq.jsonl", fields).unwrap_err();
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn fields_of_a_known_form_are_replaced_one_by_one() {
    let dataset = with("sciq.parquet", "wrong=distractor3").unwrap();
    assert_eq!(
        choices(&dataset)[0].single.as_ref().unwrap().choices,
        ["oxygen", "dust"]
    );
    assert!(
        dataset
            .describe()
            .to_string()
            .contains("SciQ, some fields as given")
    );
    // What is whole by itself stands for itself.
    let dataset = with("sciq.jsonl", "question=question,answer=correct_answer").unwrap();
    assert_eq!(answers(&dataset)[1].answers, ["roots"]);
    let dataset = with(
        "truthfulqa.csv",
        "wrong=Correct Answers,answer=Incorrect Answers,best=Source",
    )
    .unwrap();
    assert_eq!(
        choices(&dataset)[0].multiple.as_ref().unwrap().right.len(),
        6
    );
    // Columns that no form has are read from Parquet where they are named.
    let dataset = with("sciq.parquet", "question=support,answer=correct_answer").unwrap_err();
    assert!(
        dataset.contains("line 2, field `support`: is empty"),
        "{dataset}"
    );
}

#[test]
fn right_and_wrong_answers_must_differ() {
    let line = r#"{"question": "Q", "correct_answer": "A", "distractor1": "B", "distractor2": " A", "distractor3": "C"}"#;
    let said = Dataset::read("a.jsonl", line, false)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("line 1") && said.contains("has a right answer too"),
        "{said}"
    );
    for (line, part) in [
        (r#"{"question": "Q", "answer": []}"#, "`answer`: is empty"),
        (
            r#"{"question": "Q", "answer": [""]}"#,
            "`answer`: has an empty entry",
        ),
        (
            r#"{"question": "Q", "best_answer": "A", "correct_answers": ["A"], "incorrect_answers": [" "]}"#,
            "`incorrect_answers`: is empty",
        ),
        (
            r#"{"question": "Q", "correct_answer": "A", "distractor1": "B", "distractor2": "C"}"#,
            "`distractor3`: is missing",
        ),
        (
            r#"{"question_id": "Q1", "question": "Q", "document_title": "D", "answer": "A", "label": 2}"#,
            "`label`: 2 is neither 0 nor 1",
        ),
    ] {
        let said = Dataset::read("a.jsonl", line, false)
            .unwrap_err()
            .to_string();
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn broken_parquet_is_refused() {
    let folder = TempDir::new().unwrap();
    let whole = fs::read(path("sciq.parquet")).unwrap();
    let options = ReadOptions::default();
    let read = |bytes: &[u8]| {
        let file = folder.path().join("broken.parquet");
        fs::write(&file, bytes).unwrap();
        Dataset::read_parquet("broken.parquet", &[file], &options)
    };
    for length in [0, 3, 11, whole.len() / 2, whole.len() - 1] {
        let said = read(&whole[..length]).unwrap_err().to_string();
        assert!(
            said.contains("broken.parquet is not a whole Parquet file"),
            "{said}"
        );
    }
    // What stands in its place is told, where it shows.
    for (bytes, part) in [
        (&b"<!DOCTYPE html><html></html>"[..], "it is an HTML page"),
        (b"PK\x03\x04rest", "it is a ZIP archive"),
    ] {
        let said = read(bytes).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    }
    // Any other byte is read or refused.
    for at in (4..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        if let Ok(dataset) = read(&bytes) {
            assert!(!dataset.items.is_empty());
        }
    }
    let missing = Dataset::read_parquet("gone", &[folder.path().join("gone")], &options);
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("gone is not a whole Parquet file")
    );
}

#[test]
fn columns_of_parquet_that_nobody_knows_are_named() {
    let said = with("sciq.parquet", "")
        .map(|_| ())
        .and_then(|()| with("sciq.parquet", "question=nothing,answer=correct_answer").map(|_| ()));
    let said = said.unwrap_err();
    assert!(
        said.contains("`nothing`: is not there") && said.contains("support"),
        "{said}"
    );
}

#[test]
fn roles_are_written_as_they_are_read() {
    for role in Role::ALL {
        let name = serde_json::to_value(role).unwrap();
        assert_eq!(name, role.name());
    }
}

/// Columns that no form knows are not read from Parquet, but those of the first row are looked at.
#[test]
fn choices_in_a_column_of_parquet_that_no_form_knows_are_noticed() {
    let file = "alternatives.parquet";
    let said = with(file, "").unwrap_err();
    assert!(
        said.contains("`alternatives` seems to hold choices"),
        "{said}"
    );
    let named = with(file, "choices=alternatives,key=answer").unwrap();
    let rights = choices(&named)
        .into_iter()
        .map(|item| item.single.unwrap().right);
    assert_eq!(rights.collect::<Vec<_>>(), [[true, false], [false, true]]);
    let mapping = named.mapping.unwrap().to_string();
    assert!(mapping.ends_with("; not used: picture"), "{mapping}");
    let free = with(file, "question=question,answer=answer").unwrap();
    assert_eq!(answers(&free)[1].answers, ["B"]);
}
