//! The command as a user runs it: what it says, where it writes, how it fails.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use support::{assert_fails, demo, layerlab, names, run, stdout};
use tempfile::TempDir;

fn score(more: &[&str]) -> Output {
    let (model, text) = (demo(""), demo("text.txt"));
    let basic = ["score", "--model", &model, "--text", &text];
    let short = ["--sequence-length", "48", "--resamples", "50"];
    let device: &[&str] = match more.contains(&"--device") {
        true => &[],
        false => &["--device", "cpu"],
    };
    run(&[&basic[..], &short, device, more].concat())
}

#[test]
fn a_score_is_a_table_that_names_model_text_and_device() {
    let table = stdout(&score(&[]));
    for part in [
        "llama",
        "text.txt",
        "CPU",
        "AVSS",
        "Block Influence",
        "first to go",
        "tokens/s",
    ] {
        assert!(table.contains(part), "`{part}` is not in\n{table}");
    }
    assert!(!table.contains('\u{1b}'), "colours outside of a terminal");
}

#[test]
fn formats_are_chosen_by_flag_or_by_extension() {
    let json: Value = serde_json::from_str(&stdout(&score(&["--json"]))).unwrap();
    assert_eq!(json["schema"], "layerlab/1");
    assert!(stdout(&score(&["--markdown"])).starts_with("# "));
    assert!(stdout(&score(&["--csv"])).starts_with("section,"));
    let folder = TempDir::new().unwrap();
    for (name, start) in [
        ("a.json", "{"),
        ("a.md", "# "),
        ("a.csv", "section,"),
        ("a.txt", "Model"),
    ] {
        let path = folder.path().join(name);
        assert_eq!(stdout(&score(&["--output", path.to_str().unwrap()])), "");
        assert!(
            fs::read_to_string(&path).unwrap().starts_with(start),
            "{name}"
        );
    }
    assert_eq!(names(folder.path()).len(), 4, "{:?}", names(folder.path()));
}

#[test]
fn equal_seeds_give_equal_scores_and_recipes_are_recorded() {
    let scores = |more: &[&str]| -> Value {
        let json = stdout(&score(&[&["--json"], more].concat()));
        serde_json::from_str(&json).unwrap()
    };
    let (a, b) = (scores(&["--seed", "5"]), scores(&["--seed", "5"]));
    assert_eq!(a["scoring"]["scores"], b["scoring"]["scores"]);
    assert_ne!(
        a["scoring"]["scores"],
        scores(&["--seed", "6"])["scoring"]["scores"]
    );
    let authors = scores(&["--recipe", "authors"]);
    assert_eq!(authors["scoring"]["options"]["score"]["epsilon"], "1e-5");
    assert_eq!(
        authors["scoring"]["options"]["score"]["estimator"],
        "pooled"
    );
    let mixed = scores(&[
        "--recipe",
        "authors",
        "--epsilon",
        "rel:0.1",
        "--span",
        "2",
        "--tap",
        "mlp",
    ]);
    assert_eq!(mixed["scoring"]["options"]["score"]["epsilon"], "rel:0.1");
    assert_eq!(mixed["scoring"]["options"]["score"]["tap"], "mlp");
    let ids = mixed["scoring"]["scores"]["methods"]
        .as_array()
        .unwrap()
        .iter();
    let ids: Vec<&str> = ids.map(|method| method["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"angular_distance_2_mean"), "{ids:?}");
}

#[test]
fn the_gpu_path_runs_and_is_named() {
    let json = stdout(&score(&["--json", "--device", "gpu"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["device"]["kind"].as_str().unwrap().ends_with("gpu"));
    assert_ne!(json["device"]["name"], "");
}

#[test]
fn an_output_that_exists_is_kept_unless_forced() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("report.json");
    fs::write(&path, "precious").unwrap();
    let shown = path.to_str().unwrap();
    assert_fails(&score(&["--output", shown]), 2, &["exists", "--force"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    stdout(&score(&["--output", shown, "--force"]));
    assert!(fs::read_to_string(&path).unwrap().starts_with('{'));
    assert_eq!(names(folder.path()), ["report.json"]);
    let folder = folder.path().to_str().unwrap();
    assert_fails(
        &score(&["--output", folder, "--force"]),
        2,
        &["is a folder"],
    );
}

#[test]
fn a_disk_that_cannot_be_written_to_is_told_before_the_work() {
    // Permissions mean nothing to root, but nobody can write here.
    for path in ["/proc/layerlab.json", "/no/such/folder/report.json"] {
        assert_fails(
            &score(&["--output", path]),
            1,
            &["cannot write to the folder"],
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let (model, text) = (demo(""), demo("text.txt"));
    let mut command = layerlab(&[
        "score", "--model", &model, "--text", &text, "--device", "cpu",
    ]);
    let output = command
        .args(["--resamples", "0"])
        .stdout(full)
        .output()
        .unwrap();
    assert_fails(
        &output,
        1,
        &["cannot write to the standard output", "No space left"],
    );
}

#[test]
fn models_and_texts_that_cannot_be_used_are_told() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, contents: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, contents).unwrap();
        path.display().to_string()
    };
    let with_text = |text: &str| {
        run(&[
            "score",
            "--model",
            &demo(""),
            "--text",
            text,
            "--device",
            "cpu",
        ])
    };
    assert_fails(
        &with_text("no/such/text"),
        3,
        &["no/such/text", "No such file"],
    );
    assert_fails(&with_text(&file("empty", b" \n")), 3, &["is empty"]);
    assert_fails(&with_text(&file("latin1", b"caf\xe9")), 3, &["not UTF-8"]);

    let with_model = |model: &str| run(&["score", "--model", model, "--text", &demo("text.txt")]);
    let empty = folder.path().display().to_string();
    assert_fails(&with_model(&empty), 3, &["no config.json"]);
    assert_fails(&with_model("nowhere"), 3, &["nowhere", "owner/name"]);
    let info = run(&["info", "--model", &empty]);
    assert_fails(&info, 3, &["no config.json"]);
    let prompt = ["generate", "--model", &empty, "--prompt", "a"];
    assert_fails(&run(&prompt), 3, &["no config.json"]);
}

#[test]
fn a_hub_that_cannot_be_reached_is_the_machines_failure() {
    let cache = TempDir::new().unwrap();
    let output = layerlab(&["info", "--model", "owner/name"])
        .env("HF_ENDPOINT", "http://127.0.0.1:9")
        .env("HF_HOME", cache.path())
        .output()
        .unwrap();
    assert_fails(&output, 1, &["cannot reach the Hub", "because: "]);
}

#[test]
fn command_lines_that_cannot_be_used_are_told() {
    for epsilon in ["0", "-1", "rel:0", "tiny"] {
        let option = format!("--epsilon={epsilon}");
        assert_fails(&score(&[&option]), 2, &[epsilon, "above 0"]);
    }
    assert_fails(&score(&["--json", "--csv"]), 2, &["cannot be used with"]);
    assert_fails(&score(&["--device", "abacus"]), 2, &["auto, gpu or cpu"]);
    assert_fails(&score(&["--tap", "nose"]), 2, &["neurons"]);
    assert_fails(&score(&["--span", "99"]), 3, &["span of 99"]);
}

#[test]
fn a_model_without_a_text_is_scored_on_the_general_one_and_judged_on_other_pieces() {
    let few = ["--max-sequences", "8", "--resamples", "20", "--json"];
    let json = |command: &[&str]| -> Value {
        let model = demo("");
        let given = [command, &["--model", &model], &few].concat();
        serde_json::from_str(&stdout(&run(&given))).unwrap()
    };
    let scored = json(&["score"]);
    assert_eq!(scored["scoring"]["data"]["name"], "layerlab/general.txt");
    let work = tempfile::TempDir::new().unwrap();
    let work = work.path().display().to_string();
    let basic = ["run", "--method", "block_influence", "--work", &work];
    let judged = json(&[&basic[..], &["--remove", "1", "--heal", "none"]].concat());
    assert_eq!(judged["scoring"]["data"]["name"], "layerlab/general.txt");
    let held_out = &judged["evaluation"][0];
    assert_eq!(held_out["dataset"], "layerlab/general_held_out.txt");
    let warnings = judged["warnings"].to_string();
    assert!(!warnings.contains("flatters"), "{warnings}");
}

#[test]
fn info_tells_what_the_model_is_made_of() {
    let text = stdout(&run(&["info", "--model", &demo("")]));
    assert!(
        text.contains("llama (LlamaForCausalLM)") && text.contains("BOS"),
        "{text}"
    );
    let json: Value =
        serde_json::from_str(&stdout(&run(&["info", "--model", &demo(""), "--json"]))).unwrap();
    let config: Value = serde_json::from_slice(&fs::read(demo("config.json")).unwrap()).unwrap();
    assert_eq!(json["model"]["layers"], config["num_hidden_layers"]);
    assert_eq!(json["model"]["vocab_size"], config["vocab_size"]);
}

#[test]
fn info_tells_what_the_model_takes() {
    let info = run(&["info", "--model", &demo(""), "--json"]);
    let json: Value = serde_json::from_str(&stdout(&info)).unwrap();
    let needs = &json["needs"];
    let read = [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    let files = read.map(|name| fs::metadata(demo(name)).unwrap().len());
    assert_eq!(needs["files"], files.iter().sum::<u64>());
    let parameters = json["model"]["parameters"].as_u64().unwrap();
    assert_eq!(needs["f32"]["weights"], 4 * parameters);
    assert_eq!(needs["f32"]["largest_tensor"], "model.embed_tokens.weight");
    let text = stdout(&run(&["info", "--model", &demo("")]));
    for line in [
        "files ",
        "memory (CPU) ",
        "memory (f32) ",
        "largest tensor ",
    ] {
        assert!(
            text.lines().any(|found| found.starts_with(line)),
            "{line}: {text}"
        );
    }
}

#[test]
fn generation_streams_the_text_that_json_reports() {
    let model = demo("");
    let basic = [
        "generate",
        "--model",
        &model,
        "--prompt",
        "The harbour",
        "--max-new-tokens",
        "12",
    ];
    let basic = [&basic[..], &["--device", "cpu"]].concat();
    let spoken = stdout(&run(&basic));
    let json = stdout(&run(&[&basic[..], &["--json"]].concat()));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        spoken,
        format!("The harbour{}\n", json["text"].as_str().unwrap())
    );
    // More than the demo model's context of 128 is read, and told.
    let long = "The harbour ".repeat(100);
    let [short, long] = ["The harbour", &long].map(|prompt| {
        let output = run(&[
            "generate",
            "--model",
            &model,
            "--prompt",
            prompt,
            "--max-new-tokens",
            "1",
        ]);
        String::from_utf8(output.stderr).unwrap()
    });
    assert!(
        long.contains("the model was trained on 128 at most"),
        "{long}"
    );
    assert!(!short.contains("trained on"), "{short}");
    let drawn = |seed: &str| {
        let sampled = ["--temperature", "1.5", "--top-k", "50", "--seed", seed];
        stdout(&run(&[&basic[..], &sampled].concat()))
    };
    assert_eq!(drawn("1"), drawn("1"));
    assert_ne!(drawn("1"), drawn("2"));
    let mut bad = basic.clone();
    bad.extend(["--temperature", "0"]);
    let output = run(&bad);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("temperature"));
}

#[test]
fn every_command_has_an_example() {
    for command in [
        "run", "score", "prune", "eval", "compare", "generate", "info",
    ] {
        let help = stdout(&run(&[command, "--help"]));
        assert!(help.contains(&format!("\n  layerlab {command} ")), "{help}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| -> PathBuf { folder.path().join(name) };
    let sample = fs::read_to_string(demo("text.txt")).unwrap();
    fs::write(file("text"), sample.repeat(2000)).unwrap();
    let (model, text, output) = (demo(""), file("text"), file("report.json"));
    let mut child = layerlab(&["score", "--model", &model, "--text", text.to_str().unwrap()])
        .args([
            "--max-sequences",
            "100000",
            "--batch",
            "1",
            "--device",
            "cpu",
        ])
        .args(["--output", output.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_secs(2));
    assert!(
        child.try_wait().unwrap().is_none(),
        "the run was over before it was interrupted"
    );
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let finished = child.wait_with_output().unwrap();
    assert_fails(&finished, 130, &["interrupted"]);
    assert_eq!(names(folder.path()), ["text"]);
}
