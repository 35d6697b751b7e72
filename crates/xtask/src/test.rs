//! Everything that must hold before a change lands.

use std::process::Command;

use crate::{
    command::{built, cargo, command, step},
    fuzz, package, setup, web,
};

/// Minutes of each fuzz target among all tests.
const FUZZING: u64 = 2;

/// Tests that are ignored unless they are asked for, since they need PyTorch and `transformers`, a model from elsewhere or
/// `../shared`. All that are ignored are run; these must be among them.
const DEMANDED: [&str; 15] = [
    "transformers_loads_pruned_folders_and_gives_the_same_logits",
    "peft_loads_adapters_and_gives_the_same_logits",
    "stories260k_equals_its_reference",
    "gpt_by_hand_equals_its_reference",
    "stories260k_reads_text_and_tells_a_story",
    "published_datasets_are_read_whole",
    "perplexity_of_the_whole_model_is_that_of_transformers",
    "folders_without_eight_layers_have_the_perplexity_that_transformers_finds",
    "a_refit_makes_good_part_of_the_cut_and_transformers_finds_the_same",
    "values_of_real_gguf_files_are_those_of_the_package",
    "tokenizers_of_real_gguf_files_give_the_ids_of_hugging_face",
    "perplexities_of_real_files_are_those_of_transformers",
    "losses_without_each_layer_of_real_files_are_those_of_transformers",
    "real_files_continue_a_prompt_as_transformers_does",
    "real_chat_models_answer_as_in_transformers",
];

/// Everything that [`run`] runs, then what is too dear for every change.
///
/// # Errors
/// At the first that fails.
pub fn all() -> Result<(), String> {
    run()?;
    // Advisories come from a server that not every machine reaches; what is asked of licences and sources lies here.
    setup::cargo_program("cargo-deny")?;
    let deny = ["deny", "check", "bans", "licenses", "sources"];
    step("licences and sources", cargo(&deny))?;
    let python = setup::python()?;
    let real = setup::real_model(&python)?;
    let real_gguf = setup::real_gguf(&python)?;
    let ignored = |options: &[&str]| {
        let mut tests = rust_tests(&[&["--", "--ignored"], options].concat());
        tests.env("LAYERLAB_PYTHON", &python);
        tests.env("LAYERLAB_REAL", &real);
        tests.env("LAYERLAB_REAL_GGUF", &real_gguf);
        tests
    };
    let listed = ignored(&["--list"]).output();
    let listed = listed.map_err(|error| format!("the list of ignored tests: {error}"))?;
    let listed = String::from_utf8_lossy(&listed.stdout);
    let names: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .collect();
    if let Some(gone) = DEMANDED.iter().find(|name| !names.contains(name)) {
        return Err(format!(
            "{gone} is demanded, and is not among the ignored tests"
        ));
    }
    step("ignored tests", ignored(&[]))?;
    package::test(&python)?;
    fuzz::all(FUZZING)
}

/// The tests of the workspace.
fn rust_tests(options: &[&str]) -> Command {
    // Every suite runs, so that one look shows all that fails.
    let every = ["test", "--workspace", "--all-targets", "--no-fail-fast"];
    let mut tests = cargo(&[&every[..], options].concat());
    // Mesa complains on every start without one.
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        tests.env("XDG_RUNTIME_DIR", std::env::temp_dir());
    }
    tests
}

/// Sets up, then runs all checks, cheapest first.
///
/// # Errors
/// At the first that fails.
pub fn run() -> Result<(), String> {
    step("formatting", cargo(&["fmt", "--all", "--check"]))?;
    // What is missing is said now, and not after a long build.
    setup::wasm_target()?;
    setup::vulkan_driver()?;
    setup::node()?;
    setup::chromium()?;
    setup::firefox()?;
    evidence()?;
    let lints = ["--", "--deny", "warnings"];
    let everything = ["clippy", "--workspace", "--all-targets"];
    step("lints", cargo(&[&everything[..], &lints].concat()))?;
    let wasm = [
        "clippy",
        "--package=layerlab-web",
        "--target=wasm32-unknown-unknown",
    ];
    step("lints of WebAssembly", cargo(&[&wasm[..], &lints].concat()))?;
    step("tests", rust_tests(&[]))?;
    let bindgen = ["test", "--manifest-path=web/bindgen/Cargo.toml", "--locked"];
    step("tests of bindgen", cargo(&bindgen))?;
    // Last, since it builds the lab once more, as WebAssembly.
    web::build()?;
    web::lint()?;
    for (what, folder) in [
        ("tests of the page", "tests/page/"),
        ("tests of the page in Firefox", "tests/firefox/"),
    ] {
        let mut page = command("node", &["--test", "--test-concurrency=1", folder]);
        page.env("LAYERLAB", built("layerlab"));
        step(what, page)?;
    }
    Ok(())
}

/// What the figures of the evidence are made by, and that they are those of the stored reports.
fn evidence() -> Result<(), String> {
    let tests = command("node", &["--test", "docs/evidence/test/"]);
    step("tests of the evidence", tests)?;
    let check = command("node", &["docs/evidence/figures.mjs", "--check"]);
    step("figures of the evidence", check)
}
