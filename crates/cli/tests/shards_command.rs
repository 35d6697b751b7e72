//! Experiments in shards, as engines start them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{fs, path::Path};

use serde_json::Value;
use support::{assert_fails, demo, layerlab, run, stdout};
use tempfile::TempDir;

fn score<'a>(model: &'a str, text: &'a str) -> [&'a str; 12] {
    [
        "score",
        "--model",
        model,
        "--text",
        text,
        "--device",
        "cpu",
        "--loss-change",
        "never",
        "--resamples",
        "20",
        "--max-sequences=6",
    ]
}

fn in_folder(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

fn read(path: &str) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The plan's lines, done as an engine does them; one is done twice.
#[test]
fn the_jobs_of_a_plan_make_the_report() {
    let folder = TempDir::new().unwrap();
    let (model, text, shards) = (demo(""), demo("text.txt"), in_folder(&folder, ""));
    let experiment = score(&model, &text);
    let plan = ["plan", "--shards", "3", "--folder", &shards, "--"];
    let lines = stdout(&run(&[&plan[..], &experiment].concat()));
    let jobs: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(jobs.len(), 4);
    for job in jobs[..3].iter().chain(&jobs) {
        let words: Vec<&str> = job["command"].as_array().unwrap()[1..]
            .iter()
            .map(|word| word.as_str().unwrap())
            .collect();
        let output = job["output"].as_str().unwrap();
        let was_there = fs::metadata(output).map(|known| known.modified().unwrap());
        let done = run(&words);
        assert_eq!(stdout(&done), "");
        if let Ok(before) = was_there {
            let said = String::from_utf8(done.stderr).unwrap();
            assert!(said.contains("nothing was computed"), "{said}");
            let after = fs::metadata(output).unwrap().modified().unwrap();
            assert_eq!(before, after);
        }
    }
    let whole = in_folder(&folder, "whole.json");
    let alone = [&experiment[..], &["--json", "--output", &whole]].concat();
    stdout(&run(&alone));
    let [merged, whole] = [in_folder(&folder, "report.json"), whole].map(|path| read(&path));
    assert_eq!(merged["scoring"], whole["scoring"]);
    // Another view of the same report.
    let (report, page) = (
        in_folder(&folder, "report.json"),
        in_folder(&folder, "page.html"),
    );
    let shown = stdout(&run(&["show", &report, "--markdown", "--html", &page]));
    assert!(shown.starts_with("# "), "{shown}");
    assert!(fs::read_to_string(page).unwrap().ends_with("</html>"));
}

#[test]
fn engines_say_which_part_is_meant() {
    let folder = TempDir::new().unwrap();
    let (model, text) = (demo(""), demo("text.txt"));
    let part = |variables: &[(&str, &str)], file: &str| {
        let output = in_folder(&folder, file);
        let shard = ["--shard", "auto/2", "--output", &output];
        let mut command = layerlab(&[&score(&model, &text)[..], &shard].concat());
        for name in [
            "SLURM_ARRAY_TASK_ID",
            "SLURM_ARRAY_TASK_MIN",
            "JOB_COMPLETION_INDEX",
        ] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied()).output().unwrap()
    };
    let slurm = [("SLURM_ARRAY_TASK_ID", "8"), ("SLURM_ARRAY_TASK_MIN", "7")];
    stdout(&part(&slurm, "slurm"));
    assert_eq!(
        read(&in_folder(&folder, "slurm"))["shard"],
        serde_json::json!([2, 2])
    );
    stdout(&part(&[("JOB_COMPLETION_INDEX", "0")], "kubernetes"));
    let [first, second] = ["kubernetes", "slurm"].map(|file| in_folder(&folder, file));
    assert!(!stdout(&run(&["merge", &first, &second])).is_empty());
    let none = part(&[], "none");
    assert_fails(
        &none,
        2,
        &["neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX"],
    );
    assert!(!Path::new(&in_folder(&folder, "none")).exists());
}

#[test]
fn what_cannot_be_done_in_shards_is_refused() {
    let folder = TempDir::new().unwrap();
    let (model, text) = (demo(""), demo("text.txt"));
    let file = in_folder(&folder, "part");
    let with = |more: &[&str]| run(&[&score(&model, &text)[..], more].concat());
    assert_fails(&with(&["--shard", "1/2"]), 2, &["--output"]);
    assert_fails(
        &with(&["--shard", "3/2", "--output", &file]),
        2,
        &["1/4 to 4/4"],
    );
    let json = with(&["--shard", "1/2", "--output", &file, "--json"]);
    assert_fails(&json, 2, &["--json"]);
    let auto = ["score", "--shard", "1/2", "--output", &file];
    assert_fails(&run(&auto), 2, &["always or never"]);
    let page = ["run", "--shard", "1/2", "--output", &file, "--html", "x"];
    assert_fails(&run(&page), 2, &["layerlab merge"]);
    let prune = ["plan", "--shards", "2", "--", "prune", "--layers", "1"];
    assert_fails(&run(&prune), 2, &["cannot be done in shards"]);

    stdout(&with(&["--shard", "1/2", "--output", &file]));
    assert_fails(&run(&["merge", &file]), 3, &["1 is missing: 2"]);
    assert_fails(
        &with(&["--shard", "2/2", "--output", &file]),
        3,
        &["it is shard 1/2"],
    );
    fs::write(&file, "").unwrap();
    assert_fails(
        &with(&["--shard", "1/2", "--output", &file]),
        3,
        &["is empty"],
    );
    fs::write(&file, "a letter").unwrap();
    let letter = with(&["--shard", "1/2", "--output", &file]);
    assert_fails(&letter, 3, &["holds no shard"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "a letter");
    assert_fails(&run(&["show", &file]), 3, &["holds no report"]);
}

/// A line for each step, for programs to show.
#[test]
fn programs_are_told_how_far_it_is() {
    let (model, text) = (demo(""), demo("text.txt"));
    let done = run(&[&score(&model, &text)[..], &["--progress", "json"]].concat());
    let said = String::from_utf8(done.stderr).unwrap();
    let steps: Vec<Value> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let is = |stage: &str| steps.iter().any(|step| step["stage"] == stage);
    assert!(is("loading") && is("measuring") && is("scoring"), "{said}");
    let last = steps
        .iter()
        .rfind(|step| step["stage"] == "measuring")
        .unwrap();
    assert_eq!(last["sequences"], last["total"]);
}
