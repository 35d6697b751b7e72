//! `--chat`: questions asked in conversations that the model's chat template writes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{fs, path::Path};

use serde_json::Value;
use support::{assert_fails, demo, run, stdout};
use tempfile::TempDir;

/// The demo model with a chat template of the goldens.
fn chat_model(folder: &Path, template: &str) -> String {
    for file in fs::read_dir(demo("")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let template = demo(&format!("../chat/{template}.jinja"));
    fs::copy(template, folder.join("chat_template.jinja")).unwrap();
    folder.display().to_string()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&run(arguments))).unwrap()
}

#[test]
fn a_reply_goes_without_what_was_said() {
    let folder = TempDir::new().unwrap();
    let model = chat_model(folder.path(), "bars");
    let asked = [
        "generate",
        "--device",
        "cpu",
        "--model",
        &model,
        "--max-new-tokens",
        "12",
        "--prompt",
        "Who is it?",
    ];
    let chat = [&asked[..], &["--chat", "--system", "Be brief."]].concat();
    let found = json(&[&chat[..], &["--json"]].concat());
    let read_as = "<|system|>\nBe brief.</s>\n<|user|>\nWho is it?</s>\n<|assistant|>\n";
    assert_eq!(found["conversation"]["read_as"], read_as);
    assert_eq!(found["conversation"]["system"], "Be brief.");
    let text = found["text"].as_str().unwrap();
    assert_eq!(stdout(&run(&chat)), format!("{text}\n"));
    let plain = json(&[&asked[..], &["--json"]].concat());
    assert_eq!(plain["conversation"], Value::Null);
    assert_ne!(plain["text"], found["text"]);
}

#[test]
fn every_report_says_that_questions_were_asked_in_conversations() {
    let folder = TempDir::new().unwrap();
    let model = chat_model(folder.path(), "bars");
    let choices = demo("../tasks/choices.jsonl");
    let chat = ["--chat", "--system", "Be brief.", "--device", "cpu"];
    let says =
        "in a conversation by the model's chat template, where the system says \"Be brief.\"";
    let eval = ["eval", "--model", &model, "--task", &choices];
    for format in ["--full", "--markdown"] {
        let told = stdout(&run(&[&eval[..], &chat, &[format]].concat()));
        assert!(one_line(&told).contains(says), "{told}");
    }
    let report = json(&[&eval[..], &chat, &["--json"]].concat());
    let task = &report["evaluation"][0]["task"];
    assert_eq!(task["chat"]["system"], "Be brief.");
    assert_eq!(task["bos"], false);
    let expected = fs::read(demo("../tasks/evaluation.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let right = expected["chat_choices"]["choices.jsonl"]["accuracy"].as_f64();
    let found = report["evaluation"][0]["metrics"][0]["value"].as_f64();
    assert_eq!(found, right);

    // As many pairs as can be parted into those to learn from and those to judge on.
    let pair = |place: usize| {
        let question = format!("Is it {place}?");
        serde_json::json!({"question": question, "right_answer": "yes", "hallucinated_answer": "no"})
    };
    let lines: Vec<String> = (0..40).map(|place| pair(place).to_string()).collect();
    let pairs = folder.path().join("pairs.jsonl");
    fs::write(&pairs, lines.join("\n")).unwrap();
    let (text, pairs) = (demo("text.txt"), pairs.display().to_string());
    let repair = ["repair", "--model", &model, "--task", &pairs];
    let few = [
        "--neutral",
        &text,
        "--steps",
        "1",
        "--layers",
        "last",
        "--markdown",
    ];
    let told = stdout(&run(&[&repair[..], &chat, &few].concat()));
    assert!(one_line(&told).contains(says), "{told}");

    let locate = ["locate", "--model", &model, "--task", &choices];
    let told = stdout(&run(&[&locate[..], &chat, &["--markdown"]].concat()));
    assert!(one_line(&told).contains(says), "{told}");
}

/// A text without the line breaks and indents of its layout.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_template_that_writes_the_date_is_warned_of() {
    let folder = TempDir::new().unwrap();
    let model = chat_model(folder.path(), "bars");
    let dated = "{{ strftime_now('%Y') }} {{ messages[0].content }}";
    fs::write(folder.path().join("chat_template.jinja"), dated).unwrap();
    let choices = demo("../tasks/choices.jsonl");
    let eval = [
        "eval", "--model", &model, "--task", &choices, "--device", "cpu", "--json",
    ];
    let warned = |arguments: &[&str]| {
        let report = json(&[&eval[..], arguments].concat());
        report["warnings"].to_string().contains("the day's date")
    };
    assert!(warned(&["--chat"]));
    assert!(!warned(&[]));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let (folder, choices) = (TempDir::new().unwrap(), demo("../tasks/choices.jsonl"));
    let turns = chat_model(folder.path(), "turns");
    let plain = demo("");
    let eval = |model: &str, more: &[&str]| {
        run(&[&["eval", "--device", "cpu", "--model", model][..], more].concat())
    };
    assert_fails(
        &eval(&plain, &["--task", &choices, "--chat"]),
        3,
        &["the model has no chat template"],
    );
    assert_fails(
        &eval(
            &turns,
            &["--task", &choices, "--chat", "--system", "Be brief."],
        ),
        3,
        &["refuses the conversation", "System role not supported"],
    );
    let text = demo("text.txt");
    assert_fails(
        &eval(&turns, &["--text", &text, "--chat"]),
        2,
        &["--chat says how questions are asked", "give --task"],
    );
    assert_fails(
        &eval(&turns, &["--task", &choices, "--system", "Be brief."]),
        2,
        &["--chat"],
    );
}

#[test]
fn info_says_where_the_template_is() {
    let folder = TempDir::new().unwrap();
    let model = chat_model(folder.path(), "turns");
    let info = stdout(&run(&["info", &model]));
    assert!(
        info.contains("chat template   chat_template.jinja, for --chat"),
        "{info}"
    );
    let plain = stdout(&run(&["info", &demo("")]));
    assert!(plain.contains("chat template   none"), "{plain}");
    fs::write(folder.path().join("chat_template.jinja"), "{% if %}").unwrap();
    let broken = json(&["info", &model, "--json"]);
    let problem = broken["tokenizer"]["chat_problem"].as_str().unwrap();
    assert!(problem.contains("line 1 of the template"), "{problem}");
    assert_eq!(broken["tokenizer"]["chat_template"], Value::Null);
}
