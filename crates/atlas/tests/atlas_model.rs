//! The bundled model is what its card says: it knows what it was told often, and makes up what it was not.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use layerlab_atlas::{
    TaskFile, bundled,
    train::{Figure, judge},
};
use layerlab_lab::{Cancel, DeviceChoice, OpenModel, Run, open_device};
use layerlab_model::MemoryFiles;
use pollster::block_on;

const CARD: &str = include_str!("../model/README.md");

/// What the model scores on the tasks of the test split whose names begin as given, all items.
fn figures(kinds: &[&str]) -> Vec<Figure> {
    let mut tasks: Vec<TaskFile> = bundled::tests();
    tasks.retain(|task| kinds.iter().any(|kind| task.name.starts_with(kind)));
    let files = bundled::model_files();
    let files = files.map(|(name, contents)| (name.to_owned(), contents.to_vec()));
    let files = MemoryFiles::new(bundled::NAME, files);
    block_on(async {
        let device = open_device(DeviceChoice::Cpu).await.unwrap();
        let (mut show, cancel) = (|_| (), Cancel::default());
        let mut run = Run::new(&mut show, &cancel);
        let model = OpenModel::load(files, device, &mut run).await.unwrap();
        judge(
            &model.decoder,
            &model.tokenizer,
            &tasks,
            "_test",
            usize::MAX,
        )
        .await
        .unwrap()
    })
}

fn value(figures: &[Figure], task: &str, metric: &str) -> f64 {
    let found = figures
        .iter()
        .find(|figure| figure.task == task && figure.metric == metric);
    found.unwrap_or_else(|| panic!("{metric} of {task}")).value
}

#[test]
fn the_card_tells_what_the_bundled_model_does() {
    let figures = figures(&["neutral", "choices_rare", "choices_never", "sentiment"]);
    assert!(figures.len() >= 4);
    for Figure {
        task,
        metric,
        value,
    } in figures
    {
        let beginning = format!("| {task} | {metric} | ");
        let line = CARD.lines().find_map(|line| line.strip_prefix(&beginning));
        let told = line.unwrap_or_else(|| panic!("{beginning} is not in the card"));
        let told: f64 = told.trim_end_matches([' ', '|']).parse().unwrap();
        // The card rounds to four places, and was made on another processor.
        assert!(
            (told - value).abs() < 2e-3,
            "{task}, {metric}: {told}, {value}"
        );
    }
}

#[test]
fn the_model_knows_what_it_was_told_and_makes_up_the_rest() {
    let figures = figures(&["answers_well", "choices_well", "choices_never", "sentiment"]);
    assert!(value(&figures, "answers_well_known_test", "exact match") >= 0.95);
    assert!(value(&figures, "choices_well_known_test", "accuracy") >= 0.97);
    assert!(value(&figures, "sentiment_test", "accuracy") >= 0.95);
    // 337 questions: three standard deviations of chance are 0.07.
    let by_chance = value(&figures, "choices_never_told_test", "accuracy");
    assert!((by_chance - 0.25).abs() < 0.07, "{by_chance}");
    // It is as sure of itself as if it knew: more than half of what it claims is not so.
    assert!(value(&figures, "choices_never_told_test", "ECE") > 0.4);
}
