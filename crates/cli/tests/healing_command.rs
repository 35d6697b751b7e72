//! Healing from the command line.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use serde_json::Value;
use support::{assert_fails, demo, run, stdout};
use tempfile::TempDir;

const SHORT: [&str; 6] = [
    "--device",
    "cpu",
    "--sequence-length",
    "48",
    "--max-sequences",
    "12",
];

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_cut_is_healed_and_written() {
    let work = TempDir::new().unwrap();
    let path = |name: &str| work.path().join(name).display().to_string();
    let short = ["--device", "cpu", "--max-sequences", "16"];
    let prune = |output: &str, more: &[&str]| {
        let basic = ["prune", "--layers", "3-5", "--output", output];
        run(&[&basic[..], &short, more].concat())
    };
    let healed = path("healed");
    let said = stdout(&prune(&healed, &["--heal", "refit"]));
    assert!(
        said.contains("Healed by refit") && said.contains("layer 2: refitted"),
        "{said}"
    );
    let provenance = json(&fs::read_to_string(work.path().join("healed/layerlab.json")).unwrap());
    assert_eq!(provenance["healing"]["way"], "refit");

    // What is written is healed: perplexity of another text says so.
    let text = path("text.txt");
    let told = layerlab_atlas::bundled::judged_on().into_iter();
    let mut told = told.filter(|file| file.name.ends_with(".txt"));
    fs::write(&text, told.next().unwrap().contents).unwrap();
    let perplexity = |folder: &str| {
        let asked = [
            "eval", "--model", folder, "--text", &text, "--device", "cpu", "--json",
        ];
        let report = json(&stdout(&run(&asked)));
        report["evaluation"][0]["metrics"][0]["value"]
            .as_f64()
            .unwrap()
    };
    let cut = path("cut");
    stdout(&prune(&cut, &[]));
    assert!(perplexity(&healed) < 0.9 * perplexity(&cut));

    // The same from a folder that was pruned elsewhere, whose recipe is not needed.
    fs::remove_file(work.path().join("cut/layerlab.json")).unwrap();
    let again = path("again");
    let basic = [
        "heal",
        "--model",
        &cut,
        "--teacher",
        "atlas",
        "--output",
        &again,
    ];
    let said = stdout(&run(&[&basic[..], &short].concat()));
    assert!(said.contains("without 3 of 12 layers: 3 4 5"), "{said}");
    let weights = |name: &str| fs::read(work.path().join(name).join("model.safetensors")).unwrap();
    assert_eq!(weights("again"), weights("healed"));

    let distilled = path("distilled");
    let steps = ["--heal", "refit+distil", "--distil-steps", "3", "--json"];
    let said = json(&stdout(&prune(&distilled, &steps)));
    assert_eq!(
        said["healing"]["distil"]["steps"].as_array().unwrap().len(),
        3
    );
}

#[test]
fn what_cannot_be_healed_is_refused_by_name() {
    let work = TempDir::new().unwrap();
    let (model, text) = (demo(""), demo("text.txt"));
    let output = work.path().join("to").display().to_string();
    let prune = |more: &[&str]| {
        let basic = [
            "prune", "--model", &model, "--output", &output, "--device", "cpu",
        ];
        run(&[&basic[..], more].concat())
    };
    let read = ["--text", &text];
    let refit = ["--heal", "refit"];
    for (layers, more, code, cause) in [
        ("0,1", &[][..], 3, "begin with the first"),
        (
            "2",
            &["--max-sequences", "1"][..],
            3,
            "at least two are needed",
        ),
        ("99", &[], 2, "no layer 99"),
        ("0-5", &[], 2, "one must stay"),
    ] {
        let given = [&["--layers", layers][..], &refit, &read, more].concat();
        assert_fails(&prune(&given), code, &[cause]);
        assert!(!work.path().join("to").exists(), "{layers}");
    }
    assert_fails(
        &prune(&["--layers", "2", "--heal", "magic"]),
        2,
        &["no way `magic`", "refit+distil"],
    );
    for keep in ["0", "nan", "-1"] {
        let keep = format!("--keep={keep}");
        assert_fails(&run(&["run", &keep]), 2, &["above 0"]);
    }
    // A text that nothing reads is a slip.
    assert_fails(
        &prune(&[&["--layers", "2"], &read[..]].concat()),
        2,
        &["nothing reads the text"],
    );
    let zero = [
        &["--layers", "2", "--heal", "distil", "--distil-steps", "0"],
        &read[..],
    ]
    .concat();
    assert_fails(&prune(&zero), 3, &["number of steps"]);

    let other = demo("../llama");
    let heal = [
        "heal",
        "--model",
        &other,
        "--teacher",
        &model,
        "--output",
        &output,
    ];
    assert_fails(
        &run(&[&heal[..], &read].concat()),
        3,
        &["other families or sizes"],
    );
    // Neither model is written over, forced or not.
    for kept in [&model, &other] {
        let onto = [
            "heal",
            "--model",
            &other,
            "--teacher",
            &model,
            "--output",
            kept,
            "--force",
        ];
        assert_fails(
            &run(&[&onto[..], &read].concat()),
            2,
            &["is the source itself"],
        );
    }
    let missing = [
        "heal",
        "--model",
        "nowhere/at-all/x",
        "--teacher",
        &model,
        "--output",
        &output,
    ];
    assert!(!run(&[&missing[..], &read].concat()).status.success());
}

#[test]
fn a_run_answers_first_how_many_layers_can_go() {
    let work = TempDir::new().unwrap();
    let (model, text, kept) = (
        demo(""),
        demo("text.txt"),
        work.path().display().to_string(),
    );
    let basic = [
        "run",
        "--model",
        &model,
        "--text",
        &text,
        "--work",
        &kept,
        "--resamples",
        "50",
    ];
    let ways = [
        "--method",
        "block_influence",
        "--remove",
        "2",
        "--heal",
        "none,scale,refit",
        "--keep",
        "80%",
    ];
    let report = json(&stdout(&run(
        &[&basic[..], &ways, &SHORT, &["--json"]].concat()
    )));
    let first = report["conclusions"][0].as_str().unwrap();
    assert!(
        first.contains("can go while 80 % of perplexity stays"),
        "{first}"
    );
    let healing = &report["pruning"]["healing"];
    assert_eq!(healing["request"]["ways"].as_array().unwrap().len(), 3);
    assert_eq!(healing["cuts"].as_array().unwrap().len(), 3);
    let said = stdout(&run(&[&basic[..], &ways, &SHORT].concat()));
    assert!(
        said.contains("How many layers can go") && said.contains("healed by"),
        "{said}"
    );
}

#[test]
fn layers_are_chosen_on_the_healed_model_by_answers_and_healed_by_the_models_own_words() {
    let work = TempDir::new().unwrap();
    let (model, text, kept) = (
        demo(""),
        demo("text.txt"),
        work.path().display().to_string(),
    );
    let task = demo("../tasks/truthful.json");
    let run_of = |more: &[&str]| {
        let basic = ["run", "--model", &model, "--text", &text, "--work", &kept];
        run(&[&basic[..], &["--resamples", "20", "--json"], &SHORT, more].concat())
    };
    let searched = [
        "--method",
        "loss_change",
        "--remove",
        "2",
        "--schedule",
        "one-shot,iterative-refit",
        "--heal",
        "refit",
        "--heal-text",
        "self",
        "--task",
        &task,
        "--on",
        "task",
        "--keep-of",
        "truthful.json",
    ];
    let report = json(&stdout(&run_of(&searched)));
    let plans = report["pruning"]["plans"].as_array().unwrap();
    let schedules: Vec<&str> = plans
        .iter()
        .map(|plan| plan["schedule"].as_str().unwrap())
        .collect();
    assert_eq!(schedules, ["one_shot", "iterative_refit"]);
    let answers = &report["scoring"]["answers"];
    assert!(answers["answers"].as_u64().unwrap() > 1, "{answers}");
    let healing = &report["pruning"]["healing"];
    assert_eq!(healing["text"]["name"], "written by the model itself");
    let first = report["conclusions"][0].as_str().unwrap();
    assert!(first.contains("on truthful.json stays"), "{first}");

    // What is proposed next heals by the same text, and can be typed as it is.
    let brief = [
        "--method",
        "block_influence",
        "--remove",
        "2",
        "--heal",
        "refit",
    ];
    let basic = ["run", "--model", &model, "--text", &text, "--work", &kept];
    let own_words = ["--heal-text", "self", "--resamples", "20"];
    let said = stdout(&run(&[&basic[..], &SHORT, &brief, &own_words].concat()));
    let next = said
        .lines()
        .find_map(|line| line.strip_prefix("Remove them: layerlab "));
    let next = next.unwrap();
    assert!(
        next.contains("--heal-text self") && !next.contains("--text "),
        "{next}"
    );
    let beside = work.path().join("next").display().to_string();
    let next: Vec<&str> = next
        .split(' ')
        .take_while(|word| *word != "--output")
        .collect();
    stdout(&run(&[&next[..], &["--output", &beside], &SHORT].concat()));

    let output = work.path().join("pruned").display().to_string();
    let prune = |more: &[&str]| {
        let basic = ["prune", "--model", &model, "--output", &output, "--force"];
        run(&[&basic[..], &SHORT, more].concat())
    };
    // No text is needed where the model writes it and the layers are named.
    let own = ["--layers", "2,3", "--heal", "refit", "--heal-text", "self"];
    let said = stdout(&prune(&own));
    assert!(said.contains("Healed by refit"), "{said}");
    let own_and_text = [&own[..], &["--text", &text]].concat();
    assert_fails(&prune(&own_and_text), 2, &["nothing reads the text"]);
    let not_healed = ["--layers", "2,3", "--heal-text", "self"];
    assert_fails(&prune(&not_healed), 2, &["nothing is healed"]);
    let by_answers = ["--method", "loss_change", "--on", &task, "--text", &text];
    let said = stdout(&prune(&by_answers));
    assert!(said.contains("llama-quantize --prune-layers"), "{said}");
    // Fields that nobody would recognise are named.
    let odd = work.path().join("odd.jsonl");
    let records =
        "{\"zweck\": \"Who?\", \"ziel\": \"he\"}\n{\"zweck\": \"Where?\", \"ziel\": \"here\"}\n";
    std::fs::write(&odd, records).unwrap();
    let odd = odd.display().to_string();
    let by_odd = ["--method", "loss_change", "--on", &odd, "--text", &text];
    assert!(!prune(&by_odd).status.success());
    let fields = ["--on-fields", "question=zweck,answer=ziel"];
    stdout(&prune(&[&by_odd[..], &fields].concat()));
    let unmeasured = ["--method", "avss", "--on", &task, "--text", &text];
    assert_fails(&prune(&unmeasured), 2, &["loss change is not measured"]);
    assert_fails(&run_of(&["--on", "task"]), 2, &["there is no --task"]);
    assert_fails(
        &run_of(&["--keep-of", "other.json"]),
        3,
        &["`other.json`", "text.txt"],
    );
    let schedule = ["--schedule", "sometimes"];
    assert_fails(&run_of(&schedule), 2, &["iterative-refit"]);

    stdout(&prune(&["--layers", "2,3"]));
    let healed = work.path().join("healed").display().to_string();
    let heal = [
        "heal",
        "--model",
        &output,
        "--teacher",
        &model,
        "--heal-text",
        "self",
    ];
    let heal = [&heal[..], &["--output", &healed], &SHORT].concat();
    stdout(&run(&heal));
    assert_fails(
        &run(&[&heal[..], &["--text", &text, "--force"]].concat()),
        2,
        &["nothing reads the text"],
    );
}
