//! The trained model, with what it is scored on and asked where the user names nothing else.

use crate::{TaskFile, World, task_files};

/// The model's name.
pub const NAME: &str = "atlas";
/// The seed of the world that the model was trained on, and of its texts and tasks.
pub const SEED: u64 = 1;
/// The text that layers are scored on.
const CALIBRATION: &str = "calibration.txt";
/// Neutral text of the test split.
const NEUTRAL_TEST: &str = "neutral_test.txt";
/// What whole and pruned models are judged on: language modelling, question answering, sentiment.
const JUDGED_ON: [&str; 3] = [
    NEUTRAL_TEST,
    "choices_well_known_test.jsonl",
    "sentiment_test.jsonl",
];

/// The model's files by name, in Hugging Face layout.
pub fn model_files() -> [(&'static str, &'static [u8]); 4] {
    [
        ("config.json", include_bytes!("../model/config.json")),
        (
            "model.safetensors",
            include_bytes!("../model/model.safetensors"),
        ),
        ("tokenizer.json", include_bytes!("../model/tokenizer.json")),
        (
            "tokenizer_config.json",
            include_bytes!("../model/tokenizer_config.json"),
        ),
    ]
}

/// The text that layers are scored on.
pub fn calibration() -> TaskFile {
    let mut files = files();
    let place = files.iter().position(|file| file.name == CALIBRATION);
    files.swap_remove(place.unwrap_or_default())
}

/// What whole and pruned models are judged on: a text, questions with choices, and reviews.
pub fn judged_on() -> Vec<TaskFile> {
    let mut files = files();
    files.retain(|file| JUDGED_ON.contains(&file.name.as_str()));
    files
}

/// Pairs of a factual and a hallucinated answer, by exposure class.
pub fn pairs() -> Vec<TaskFile> {
    let mut files = tests();
    files.retain(|file| file.name.starts_with("pairs_"));
    files
}

/// What a repair is trained and judged on, each fact on one side only: questions with choices and questions to answer
/// freely, by exposure class.
pub fn repaired_on() -> Vec<TaskFile> {
    let mut files = tests();
    files.retain(|file| file.name.starts_with("truthful_") || file.name.starts_with("answers_"));
    files
}

/// Neutral text that a repair may read, and other neutral text that it is judged on.
pub fn neutral() -> [TaskFile; 2] {
    ["neutral_validation.txt", NEUTRAL_TEST].map(|name| {
        let mut files = files();
        let place = files.iter().position(|file| file.name == name);
        files.swap_remove(place.unwrap_or_default())
    })
}

/// Every task of the test split, by exposure class.
pub fn tests() -> Vec<TaskFile> {
    let mut files = files();
    files.retain(|file| file.name.contains("_test."));
    files
}

fn files() -> Vec<TaskFile> {
    task_files(&World::generate(SEED), SEED)
}
