//! The world is consistent, the classes are what they claim, and no split leaks into another.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use layerlab_atlas::{
    Exposure, Fact, World,
    corpus::{
        self, PROSE_OF_RARE, PROSE_OF_WELL_KNOWN, QUESTIONS_OF_RARE, QUESTIONS_OF_WELL_KNOWN,
        Split, narrative, reviews,
    },
    task_files,
    world::{AnswerKind, Kind, PHRASINGS, QUESTIONS, RELATIONS},
};
use layerlab_eval::{Dataset, Items};

const SEED: u64 = 1;

fn world() -> World {
    World::generate(SEED)
}

#[test]
fn equal_seeds_give_equal_worlds_and_texts() {
    assert_eq!(world(), world());
    assert_ne!(world(), World::generate(2));
    assert_eq!(corpus::training(&world(), 3), corpus::training(&world(), 3));
    assert_eq!(task_files(&world(), 3), task_files(&world(), 3));
}

#[test]
fn names_are_unique_and_none_begins_another() {
    let world = world();
    let names = Kind::ALL.iter().flat_map(|(kind, _)| world.entities(*kind));
    let names: Vec<&String> = names.collect();
    for (index, name) in names.iter().enumerate() {
        for other in &names[index + 1..] {
            assert!(
                !name.starts_with(*other) && !other.starts_with(*name),
                "{name}, {other}"
            );
        }
    }
}

#[test]
fn the_encyclopedia_is_consistent() {
    let world = world();
    let facts = world.facts();
    assert!(facts.len() >= 1500, "{}", facts.len());
    let mut answers: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for fact in facts {
        let known = answers.insert((fact.relation().id, &fact.subject), &fact.answer);
        assert!(known.is_none(), "{fact:?} is told twice");
        if let AnswerKind::Entity(kind) = fact.relation().answer {
            assert!(world.entities(kind).contains(&fact.answer));
        }
        assert!(
            world
                .entities(fact.relation().subject)
                .contains(&fact.subject)
        );
    }
    // A capital lies in its country, and is one country's only.
    let capitals: Vec<&Fact> = facts
        .iter()
        .filter(|fact| fact.relation().id == "capital")
        .collect();
    let cities: BTreeSet<&str> = capitals.iter().map(|fact| fact.answer.as_str()).collect();
    assert_eq!(cities.len(), capitals.len());
    for capital in capitals {
        assert_eq!(
            answers[&("country", capital.answer.as_str())],
            capital.subject
        );
    }
}

#[test]
fn classes_have_their_shares_in_every_relation() {
    let world = world();
    for (index, relation) in RELATIONS.iter().enumerate() {
        let share = |exposure| {
            let of_relation = world.facts().iter().filter(|fact| fact.relation == index);
            let (of_class, all): (Vec<&Fact>, Vec<&Fact>) =
                of_relation.partition(|fact| fact.exposure == exposure);
            of_class.len() as f64 / (of_class.len() + all.len()) as f64
        };
        assert!(
            (share(Exposure::WellKnown) - 0.6).abs() < 0.06,
            "{}",
            relation.id
        );
        assert!(
            (share(Exposure::Rare) - 0.2).abs() < 0.06,
            "{}",
            relation.id
        );
    }
}

/// Every statement and question of every fact, in every phrasing.
fn wordings(fact: &Fact) -> impl Iterator<Item = String> {
    let statements = (0..PHRASINGS).map(|phrasing| fact.statement(phrasing));
    let questions = (0..QUESTIONS)
        .map(|phrasing| format!("Q: {}\nA: {}\n", fact.question(phrasing), fact.answer));
    statements.chain(questions)
}

#[test]
fn every_fact_is_told_as_often_as_its_class_says() {
    let world = world();
    let text = corpus::training(&world, SEED);
    // Statements end in a full stop, questions with their answers in a line break.
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for text in &text {
        for line in text.split_inclusive('\n') {
            for sentence in line.split_inclusive(". ") {
                *told.entry(sentence.trim().to_owned()).or_default() += 1;
            }
        }
        let pairs = text.split("Q: ").filter(|pair| pair.contains("\nA: "));
        for pair in pairs {
            *told.entry(format!("Q: {pair}")).or_default() += 1;
        }
    }
    let count = |wording: &String| told.get(wording).copied().unwrap_or(0);
    for fact in world.facts() {
        let wordings: Vec<String> = wordings(fact).collect();
        let (statements, questions) = wordings.split_at(PHRASINGS);
        let in_prose: usize = statements.iter().map(&count).sum();
        let asked: usize = questions.iter().map(&count).sum();
        let (prose, times) = match fact.exposure {
            Exposure::WellKnown => (PROSE_OF_WELL_KNOWN, QUESTIONS_OF_WELL_KNOWN),
            Exposure::Rare => (PROSE_OF_RARE, QUESTIONS_OF_RARE),
            Exposure::NeverTold => (0, 0),
        };
        assert_eq!(in_prose, prose, "{fact:?}");
        assert_eq!(asked, if fact.asked { times } else { 0 }, "{fact:?}");
        // Wordings of validation and test are never trained on.
        assert!(
            statements[PHRASINGS - 2..]
                .iter()
                .all(|wording| count(wording) == 0)
        );
        assert!(
            questions[QUESTIONS - 2..]
                .iter()
                .all(|wording| count(wording) == 0)
        );
    }
}

#[test]
fn every_entity_is_spoken_of() {
    let world = world();
    let text = corpus::training(&world, SEED).concat();
    for (kind, _) in Kind::ALL {
        for name in world.entities(kind) {
            assert!(text.contains(name.as_str()), "{name}");
        }
    }
}

#[test]
fn stories_and_reviews_of_one_split_occur_in_no_other() {
    let world = world();
    let names: Vec<&String> = Kind::ALL
        .iter()
        .flat_map(|(kind, _)| world.entities(*kind))
        .collect();
    let mut stories = BTreeSet::new();
    let mut texts = BTreeSet::new();
    for split in Split::ALL {
        for story in narrative(split, SEED, 500) {
            assert!(
                !names.iter().any(|name| story.contains(name.as_str())),
                "{story}"
            );
            assert!(stories.insert(story), "a story in two splits");
        }
        if split != Split::Calibration {
            for review in reviews(split, SEED, 200) {
                assert!(texts.insert(review.text), "a review in two splits");
            }
        }
    }
}

#[test]
fn tasks_are_files_that_the_readers_load() {
    let world = world();
    let files = task_files(&world, SEED);
    assert_eq!(files.len(), 1 + 2 * (2 + 3 * 4));
    for file in &files {
        let dataset = Dataset::read(file.name.as_str(), &file.contents, false)
            .unwrap_or_else(|error| panic!("{error}"));
        let kind = file.name.split('_').next().unwrap();
        match (&dataset.items, kind) {
            (Items::Text(text), "calibration.txt" | "neutral") => assert!(text.len() > 5000),
            (Items::Answers(items), "answers") => assert!(items.len() > 300),
            (Items::Choices(items), "choices") => {
                let sets = items.iter().map(|item| item.single.as_ref().unwrap());
                assert!(sets.into_iter().all(|set| set.choices.len() == 4));
            }
            (Items::Choices(items), "pairs") => assert!(items.len() > 300),
            (Items::Choices(items), "truthful") => {
                // "unknown" is right exactly where nobody told the fact.
                let is_told = !file.name.contains("never_told");
                for item in items {
                    let set = item.single.as_ref().unwrap();
                    let unknown = set.choices.iter().position(|choice| choice == "unknown");
                    assert_eq!(set.right[unknown.unwrap()], !is_told, "{}", item.question);
                    let right = set.right.iter().filter(|right| **right).count();
                    assert_eq!((set.choices.len(), right), (4 + usize::from(is_told), 1));
                }
            }
            (Items::Labels(items), "sentiment") => assert_eq!(items.len(), 200),
            (items, kind) => panic!("{kind} reads as {} items of another kind", items.len()),
        }
    }
}

/// Without the fact, nothing tells the right choice: answers that are often right are as often wrong
/// choices.
#[test]
fn guessing_by_frequency_does_not_help() {
    let world = world();
    let mut frequency: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    for fact in world
        .facts()
        .iter()
        .filter(|fact| fact.exposure != Exposure::NeverTold)
    {
        *frequency.entry((fact.relation, &fact.answer)).or_default() += 1;
    }
    let files = task_files(&world, SEED);
    let file = files
        .iter()
        .find(|file| file.name == "choices_never_told_test.jsonl")
        .unwrap();
    let dataset = Dataset::read("a.jsonl", &file.contents, false).unwrap();
    let Items::Choices(items) = &dataset.items else {
        panic!("not choices")
    };
    let facts: Vec<&Fact> = world.of_class(Exposure::NeverTold).collect();
    let mut right = 0.0;
    for (item, fact) in items.iter().zip(&facts) {
        let set = item.single.as_ref().unwrap();
        let counts = set.choices.iter().map(|choice| {
            let key = (fact.relation, choice.as_str());
            frequency.get(&key).copied().unwrap_or(0)
        });
        let counts: Vec<usize> = counts.collect();
        let most = counts.iter().max().unwrap();
        let ties: Vec<bool> = counts.iter().map(|count| count == most).collect();
        let among = ties.iter().filter(|tie| **tie).count() as f64;
        let hit = set
            .right
            .iter()
            .zip(&ties)
            .any(|(right, tie)| *right && *tie);
        right += if hit { 1.0 / among } else { 0.0 };
    }
    let share = right / facts.len() as f64;
    // Four standard errors of a share near 1/4 among some 330.
    assert!((share - 0.25).abs() < 0.095, "{share}");
}
