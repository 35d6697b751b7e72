//! Datasets as a user names them: files of any kind, and those of the Hub.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "other suites ask more of the server")]
#[path = "../../checkpoint/tests/support/hub.rs"]
mod hub;
mod support;

use std::{fs, path, process::Output};

use hub::Hub;
use layerlab_lab::{Dataset, dataset::ReadOptions};
use serde_json::Value;
use support::{assert_fails, demo, layerlab, run, stdout};
use tempfile::TempDir;

fn sample(file: &str) -> String {
    let folder = path::absolute("../data/tests/data").unwrap();
    folder.join(file).display().to_string()
}

fn eval<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [
        &["eval", "--device", "cpu", "--resamples", "0", "--json"],
        more,
    ]
    .concat()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The figures of the one dataset.
fn metrics(output: &Output) -> Value {
    let report: Value = serde_json::from_str(&stdout(output)).unwrap();
    let metrics = &report["evaluation"][0]["metrics"];
    assert!(metrics.is_array(), "{report}");
    metrics.clone()
}

#[test]
fn fields_are_told_before_the_run_and_can_be_named() {
    let model = demo("");
    let (parquet, lines) = (sample("sciq.parquet"), sample("sciq.jsonl"));
    let ask = |more: &[&str]| run(&eval(&[&["--model", &model], more].concat()));
    let (one, other) = (ask(&["--task", &parquet]), ask(&["--task", &lines]));
    let told = "SciQ: question <- question, answer <- correct_answer, \
                wrong <- distractor1 + distractor2 + distractor3; not used: support (3 questions)";
    assert_eq!(said(&one), format!("{parquet}: {told}\n"));
    assert_eq!(said(&other), format!("{lines}: {told}\n"));
    assert_eq!(metrics(&one), metrics(&other));
    let fields = ask(&[
        "--task",
        &parquet,
        "--fields",
        "question=question,answer=correct_answer",
    ]);
    assert!(
        said(&fields).contains("fields as given: question <- question"),
        "{}",
        said(&fields)
    );
    assert_ne!(metrics(&fields), metrics(&one));
    assert_fails(
        &ask(&["--task", &lines, "--fields", "answer"]),
        2,
        &["ROLE=FIELD"],
    );
    assert_fails(
        &ask(&["--task", &lines, "--fields", "answer=gold"]),
        3,
        &["`gold`", "correct_answer"],
    );
    let folder = TempDir::new().unwrap();
    let broken = folder.path().join("broken.parquet").display().to_string();
    let whole = fs::read(&parquet).unwrap();
    fs::write(&broken, &whole[..whole.len() - 9]).unwrap();
    assert_fails(
        &ask(&["--task", &broken]),
        3,
        &["broken.parquet is not a whole Parquet file"],
    );
    // The reader panics at some of what a broken file says of itself.
    let says_corrupt = |at: &usize| {
        let mut bytes = whole.clone();
        bytes[*at] ^= 0xff;
        fs::write(&broken, &bytes).unwrap();
        let read = Dataset::read_parquet("", &[broken.clone().into()], &ReadOptions::default());
        read.is_err_and(|error| error.to_string().contains("it is corrupt"))
    };
    assert!((4..whole.len()).rev().find(says_corrupt).is_some());
    assert_fails(
        &ask(&["--task", &broken]),
        3,
        &[
            "broken.parquet is not a whole Parquet file: ",
            "it is corrupt",
        ],
    );
    assert_fails(
        &ask(&["--task", "gone.parquet"]),
        3,
        &["cannot read the dataset gone.parquet"],
    );
}

#[test]
fn a_dataset_of_the_hub_is_named_by_its_id() {
    let (model, cache) = (demo(""), TempDir::new().unwrap());
    let parquet = fs::read(sample("sciq.parquet")).unwrap();
    let files = [
        "a/test/0000.parquet",
        "a/validation/0000.parquet",
        "b/train/0000.parquet",
    ];
    let hub = Hub::serve_dataset(files.map(|file| (file.to_owned(), parquet.clone())).into());
    let ask = |task: &str| {
        layerlab(&eval(&["--model", &model, "--task", task]))
            .env("HF_ENDPOINT", &hub.address)
            .env("HF_HOME", cache.path())
            .output()
            .unwrap()
    };
    let found = ask("owner/set:a");
    assert!(
        said(&found).starts_with("owner/set:a@validation: SciQ"),
        "{}",
        said(&found)
    );
    assert_eq!(
        metrics(&found),
        metrics(&run(&eval(&[
            "--model",
            &model,
            "--task",
            &sample("sciq.jsonl")
        ])))
    );
    assert!(said(&ask("owner/set:a@test")).starts_with("owner/set:a@test: SciQ"));
    assert_fails(&ask("owner/set"), 2, &["owner/set:a, owner/set:b"]);
    assert_fails(&ask("owner/other"), 3, &["there is no file owner/other"]);
}

/// Situation 22: what a byte order mark, or another encoding that says what it is, changes of a perplexity: nothing.
#[test]
fn texts_are_the_same_in_every_encoding_with_text_and_with_task() {
    let model = demo("");
    let folder = TempDir::new().unwrap();
    let plain = fs::read_to_string(demo("text.txt")).unwrap();
    let plain: String = plain.chars().take(600).collect();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let marked = format!("\u{feff}{plain}");
        marked.encode_utf16().flat_map(unit).collect()
    };
    let paths = [
        write("plain.txt", plain.as_bytes()),
        write("bom.txt", format!("\u{feff}{plain}").as_bytes()),
        write("little.txt", &utf16(u16::to_le_bytes)),
        write("big.txt", &utf16(u16::to_be_bytes)),
    ];
    let ask = |option: &str, path: &str| metrics(&run(&eval(&["--model", &model, option, path])));
    let expected = ask("--text", &paths[0]);
    for path in &paths {
        for option in ["--text", "--task"] {
            assert_eq!(ask(option, path), expected, "{option} {path}");
        }
    }
    let score = |path: &str| {
        let options = [
            "score",
            "--model",
            &model,
            "--device",
            "cpu",
            "--resamples",
            "0",
            "--json",
        ];
        let report = run(&[&options[..], &["--text", path]].concat());
        let report: Value = serde_json::from_str(&stdout(&report)).unwrap();
        report["scoring"]["statistics"].clone()
    };
    assert_eq!(score(&paths[1]), score(&paths[0]));
}

/// What is no text is refused by its name, wherever a text is asked for.
#[test]
fn files_that_are_no_texts_are_named() {
    let model = demo("");
    let folder = TempDir::new().unwrap();
    let latin = folder.path().join("latin1.txt").display().to_string();
    fs::write(&latin, b"A caf\xe9 by the sea\n").unwrap();
    let pointer = folder.path().join("lfs.txt").display().to_string();
    let oid = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n";
    fs::write(&pointer, oid).unwrap();
    let empty = folder.path().join("empty.txt").display().to_string();
    fs::write(&empty, " \n").unwrap();
    let weights = demo("model.safetensors");
    let parquet = sample("sciq.parquet");
    for command in ["score", "eval"] {
        let ask = |path: &str| {
            run(&[
                command, "--model", &model, "--device", "cpu", "--text", path,
            ])
        };
        assert_fails(
            &ask(&latin),
            3,
            &["latin1.txt", "not UTF-8", "byte 5", "line 1", "Latin-1"],
        );
        assert_fails(&ask(&pointer), 3, &["lfs.txt", "git lfs pull"]);
        assert_fails(
            &ask(&weights),
            3,
            &["model.safetensors is weights as safetensors"],
        );
        assert_fails(&ask(&parquet), 3, &["sciq.parquet is Parquet, not a text"]);
        assert_fails(&ask(&empty), 3, &["empty.txt"]);
    }
    // As a dataset, Parquet is read by whatever name.
    let renamed = folder.path().join("questions.bin").display().to_string();
    fs::copy(&parquet, &renamed).unwrap();
    let ask = |task: &str| run(&eval(&["--model", &model, "--task", task]));
    assert_eq!(metrics(&ask(&renamed)), metrics(&ask(&parquet)));
    assert_fails(&ask(&weights), 3, &["weights as safetensors"]);
    assert_fails(&ask(&latin), 3, &["not UTF-8"]);
    let fetched = folder.path().join("fetched.parquet").display().to_string();
    fs::write(&fetched, oid).unwrap();
    assert_fails(&ask(&fetched), 3, &["fetched.parquet", "git lfs pull"]);
}

/// Every cap is told with what it caps.
#[test]
fn caps_are_told_with_how_much_there_is() {
    let model = demo("");
    let folder = TempDir::new().unwrap();
    let task = folder.path().join("many.jsonl").display().to_string();
    let lines = (0..9).map(|index| {
        format!(r#"{{"question": "Which of {index}?", "choices": ["this", "that"], "label": 0}}"#)
    });
    fs::write(&task, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let ask = |more: &[&str]| {
        let start = [
            "eval", "--model", &model, "--device", "cpu", "--items", "4", "--task", &task,
        ];
        run(&[&start[..], more].concat())
    };
    let output = ask(&[]);
    assert!(
        said(&output).contains("(4 of 9 questions)"),
        "{}",
        said(&output)
    );
    for more in [&[][..], &["--markdown"]] {
        let report = stdout(&ask(more));
        assert!(report.contains("4 of 9 questions as"), "{report}");
    }
    let report: Value = serde_json::from_str(&stdout(&ask(&["--json"]))).unwrap();
    let result = &report["evaluation"][0];
    assert_eq!((&result["items"], &result["of"]), (&4.into(), &9.into()));
    let text = demo("text.txt");
    let score = run(&[
        "score",
        "--model",
        &model,
        "--device",
        "cpu",
        "--resamples",
        "0",
        "--text",
        &text,
        "--max-sequences",
        "2",
        "--sequence-length",
        "16",
    ]);
    // In whatever line it breaks.
    let report = stdout(&score)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(report.contains("32 tokens of "), "{report}");
    assert!(report.contains(" in 2 sequences of "), "{report}");
}

/// Choices under other names are choices, and what is said of fields is done.
#[test]
fn choices_are_scored_as_choices_under_any_name() {
    let model = demo("");
    let folder = TempDir::new().unwrap();
    let write = |name: &str, contents: &str| {
        let path = folder.path().join(name);
        fs::write(&path, contents).unwrap();
        path.display().to_string()
    };
    let plain = write(
        "choices.jsonl",
        r#"{"question": "Who?", "choices": ["a cat", "a dog", "rain"], "answer": 1}"#,
    );
    let options = write(
        "options.jsonl",
        r#"{"question": "Who?", "options": ["a cat", "a dog", "rain"], "answer": "B"}"#,
    );
    let columns = write(
        "columns.csv",
        "question,A,B,C,answer\nWho?,a cat,a dog,rain,B\n",
    );
    let own = write(
        "own.jsonl",
        r#"{"q": "Who?", "opts": ["a cat", "a dog", "rain"], "gold": 2}"#,
    );
    let ask = |task: &str, more: &[&str]| {
        run(&eval(
            &[&["--model", &model, "--task", task], more].concat(),
        ))
    };
    let expected = metrics(&ask(&plain, &[]));
    assert_eq!(expected[0]["metric"], "accuracy");
    for task in [&options, &columns] {
        assert_eq!(metrics(&ask(task, &[])), expected, "{task}");
    }
    let by = |fields: &str| ask(&own, &["--fields", fields]);
    assert_eq!(
        metrics(&by("question=q,choices=opts,key_number=gold")),
        expected
    );
    assert_fails(
        &by("question=q,choices=opts,answer=gold,wrong=opts"),
        3,
        &["the role wrong has no use"],
    );
    assert_eq!(
        metrics(&ask(
            &options,
            &["--fields", "choices=options,answer=answer"]
        )),
        expected
    );
}
