//! The tasks, as ordinary dataset files.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::{
    Exposure, Fact, World,
    corpus::{Split, narrative, reviews},
    world::QUESTIONS,
};

/// A dataset by its file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFile {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub contents: String,
}

/// Stories of each neutral text, and reviews of each set.
const STORIES: usize = 60;
const REVIEWS: usize = 200;
/// What to answer when one was never told.
const UNKNOWN: &str = "unknown";
/// Wrong answers beside the right one.
const WRONG: usize = 3;

/// All datasets of the splits that a model is judged on, and the text that layers are scored on.
pub fn task_files(world: &World, seed: u64) -> Vec<TaskFile> {
    let mut files = vec![TaskFile {
        name: "calibration.txt".into(),
        contents: calibration(world, seed),
    }];
    for (split, name) in [(Split::Validation, "validation"), (Split::Test, "test")] {
        let mut add = |kind: &str, extension: &str, contents: String| {
            files.push(TaskFile {
                name: format!("{kind}_{name}.{extension}"),
                contents,
            });
        };
        add("neutral", "txt", narrative(split, seed, STORIES).concat());
        for exposure in Exposure::ALL {
            let questions = Questions {
                world,
                phrasing: match split {
                    Split::Test => QUESTIONS - 1,
                    _ => QUESTIONS - 2,
                },
                seed,
                exposure,
            };
            let id = exposure.id();
            add(&format!("answers_{id}"), "jsonl", questions.answers());
            add(&format!("choices_{id}"), "jsonl", questions.choices());
            add(&format!("pairs_{id}"), "jsonl", questions.pairs());
            add(&format!("truthful_{id}"), "jsonl", questions.truthful());
        }
        let reviews = reviews(split, seed, REVIEWS).into_iter();
        let reviews = reviews.map(|review| json!({ "text": review.text, "label": review.label }));
        add("sentiment", "jsonl", lines(reviews));
    }
    files
}

/// Prose of told facts in a phrasing that training does not have, and neutral stories, by turns.
fn calibration(world: &World, seed: u64) -> String {
    let told = world
        .facts()
        .iter()
        .filter(|fact| fact.exposure == Exposure::WellKnown);
    let mut told: Vec<&Fact> = told.collect();
    told.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let stories = narrative(Split::Calibration, seed, STORIES);
    let paragraphs = told.chunks(4).zip(&stories).map(|(facts, story)| {
        let phrasing = crate::world::PHRASINGS - 2;
        let sentences: Vec<String> = facts.iter().map(|fact| fact.statement(phrasing)).collect();
        format!("{}\n{story}", sentences.join(" "))
    });
    paragraphs.collect()
}

/// Questions of one class in one phrasing.
struct Questions<'a> {
    world: &'a World,
    phrasing: usize,
    seed: u64,
    exposure: Exposure,
}

impl Questions<'_> {
    fn facts(&self) -> impl Iterator<Item = (&Fact, String)> {
        let facts = self.world.of_class(self.exposure);
        facts.map(|fact| (fact, fact.question(self.phrasing)))
    }

    /// The same wrong answers in every file.
    fn random(&self) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(self.phrasing as u64);
        random
    }

    fn answers(&self) -> String {
        lines(self.facts().map(|(fact, question)| {
            json!({
                "question": question,
                "answer": fact.answer,
                // Who was never told may guess right by luck, but should say so.
                "aliases": match fact.exposure {
                    Exposure::NeverTold => vec![UNKNOWN],
                    Exposure::WellKnown | Exposure::Rare => Vec::new(),
                },
                "relation": fact.relation().id,
                "exposure": self.exposure,
                "asked": fact.asked,
                "group": self.world.group(fact),
            })
        }))
    }

    fn choices(&self) -> String {
        let mut random = self.random();
        lines(self.facts().map(|(fact, question)| {
            let mut choices = self.world.wrong_answers(fact, WRONG, &mut random);
            choices.push(fact.answer.clone());
            choices.shuffle(&mut random);
            let label = choices.iter().position(|choice| *choice == fact.answer);
            json!({
                "question": question,
                "choices": choices,
                "label": label,
                "relation": fact.relation().id,
                "exposure": self.exposure,
            })
        }))
    }

    /// TruthfulQA's form, with "unknown" among the answers: right for what was never told, wrong for the rest. The
    /// truth is no choice where nobody told it.
    fn truthful(&self) -> String {
        let mut random = self.random();
        lines(self.facts().map(|(fact, question)| {
            let wrong = self.world.wrong_answers(fact, WRONG, &mut random);
            let mut targets: Vec<(String, u8)> =
                wrong.into_iter().map(|wrong| (wrong, 0)).collect();
            let is_told = fact.exposure != Exposure::NeverTold;
            targets.push((UNKNOWN.to_owned(), u8::from(!is_told)));
            if is_told {
                targets.push((fact.answer.clone(), 1));
            }
            targets.shuffle(&mut random);
            let targets: serde_json::Map<String, serde_json::Value> = targets
                .into_iter()
                .map(|(answer, label)| (answer, label.into()))
                .collect();
            json!({
                "question": question,
                "mc1_targets": targets,
                "mc2_targets": targets,
                "relation": fact.relation().id,
                "exposure": self.exposure,
                "group": self.world.group(fact),
            })
        }))
    }

    fn pairs(&self) -> String {
        let mut random = self.random();
        lines(self.facts().map(|(fact, question)| {
            let wrong = self.world.wrong_answers(fact, 1, &mut random);
            json!({
                "question": question,
                "right_answer": fact.answer,
                "hallucinated_answer": wrong.first(),
                "relation": fact.relation().id,
                "exposure": self.exposure,
                "group": self.world.group(fact),
            })
        }))
    }
}

fn lines(records: impl Iterator<Item = serde_json::Value>) -> String {
    records.map(|record| format!("{record}\n")).collect()
}
