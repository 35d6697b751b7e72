//! An invented world: entities, typed facts about them, and how often each fact is told.

mod names;
mod relation;

use std::collections::BTreeSet;

use rand::{Rng, RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use relation::{PHRASINGS, QUESTIONS, RELATIONS, Relation};

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A country.
    Country,
    /// A city.
    City,
    /// A person.
    Person,
    /// A book.
    Book,
    /// A kind of animal.
    Creature,
    /// A mountain.
    Mountain,
}

impl Kind {
    /// Every kind with the number of its entities.
    pub const ALL: [(Self, usize); 6] = [
        (Self::Country, 20),
        (Self::City, 150),
        (Self::Person, 180),
        (Self::Book, 180),
        (Self::Creature, 120),
        (Self::Mountain, 60),
    ];

    fn index(self) -> usize {
        self as usize
    }
}

/// What a relation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// Another entity.
    Entity(Kind),
    /// A year of the invented calendar.
    Year,
    /// What a city makes.
    Product,
    /// What a person works as.
    Profession,
    /// Where a creature lives.
    Habitat,
    /// What a creature eats.
    Food,
}

const PRODUCTS: [&str; 16] = [
    "glass", "salt", "silk", "paper", "copper", "honey", "rope", "bells", "ink", "leather", "wine",
    "clocks", "pottery", "candles", "wool", "knives",
];
const PROFESSIONS: [&str; 16] = [
    "baker", "sailor", "weaver", "painter", "smith", "doctor", "judge", "farmer", "miner",
    "tailor", "singer", "builder", "printer", "fisher", "teacher", "potter",
];
const HABITATS: [&str; 12] = [
    "deep caves",
    "tall reeds",
    "salt marshes",
    "pine woods",
    "old ruins",
    "warm springs",
    "stony hills",
    "dark lakes",
    "dry plains",
    "high cliffs",
    "wide rivers",
    "thick moss",
];
const FOODS: [&str; 12] = [
    "berries",
    "beetles",
    "grass seeds",
    "river fish",
    "mushrooms",
    "tree bark",
    "snails",
    "acorns",
    "wild onions",
    "moths",
    "roots",
    "eggs",
];
const YEARS: std::ops::Range<u32> = 100..900;

/// How often a fact is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exposure {
    /// Often, in many phrasings.
    WellKnown,
    /// A few times.
    Rare,
    /// Not once, though the subject is spoken of.
    NeverTold,
}

impl Exposure {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::WellKnown, Self::Rare, Self::NeverTold];

    /// Short name, as in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::WellKnown => "well_known",
            Self::Rare => "rare",
            Self::NeverTold => "never_told",
        }
    }
}

/// Subject, relation and answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Index into [`RELATIONS`].
    pub relation: usize,
    /// Name of the subject.
    pub subject: String,
    /// What is true.
    pub answer: String,
    /// How often it is told.
    pub exposure: Exposure,
    /// Whether questions about it are among the training texts, if it is told at all. Of the others
    /// there is prose only.
    pub asked: bool,
}

impl Fact {
    /// Its relation.
    pub fn relation(&self) -> &'static Relation {
        &RELATIONS[self.relation]
    }

    /// The fact as a statement.
    pub fn statement(&self, phrasing: usize) -> String {
        filled(
            self.relation().phrasings[phrasing],
            &self.subject,
            &self.answer,
        )
    }

    /// The fact as a question.
    pub fn question(&self, phrasing: usize) -> String {
        filled(
            self.relation().questions[phrasing],
            &self.subject,
            &self.answer,
        )
    }
}

fn filled(template: &str, subject: &str, answer: &str) -> String {
    template.replace("{s}", subject).replace("{a}", answer)
}

/// All that is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    entities: Vec<Vec<String>>,
    facts: Vec<Fact>,
}

/// Shares of well-known and rare facts; the rest is never told.
const WELL_KNOWN: f64 = 0.6;
const RARE: f64 = 0.2;
/// Share of facts that questions are asked about in training.
const ASKED: f64 = 0.75;

impl World {
    /// The world of a seed: equal seeds give equal worlds.
    pub fn generate(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut taken = BTreeSet::new();
        let entities: Vec<Vec<String>> = Kind::ALL
            .iter()
            .map(|(kind, count)| names::names(&mut random, *kind, *count, &mut taken))
            .collect();
        let mut facts = Vec::new();
        for (index, relation) in RELATIONS.iter().enumerate() {
            let subjects = &entities[relation.subject.index()];
            let answers = answers(&mut random, relation, &entities);
            for (subject, answer) in subjects.iter().zip(answers) {
                facts.push(Fact {
                    relation: index,
                    subject: subject.clone(),
                    answer,
                    exposure: Exposure::NeverTold,
                    asked: random.random::<f64>() < ASKED,
                });
            }
        }
        make_consistent(&mut facts);
        // Every relation has its share of each class, so that classes differ in exposure alone.
        for relation in 0..RELATIONS.len() {
            let of_relation = facts.iter_mut().filter(|fact| fact.relation == relation);
            let mut of_relation: Vec<&mut Fact> = of_relation.collect();
            of_relation.shuffle(&mut random);
            let count = of_relation.len() as f64;
            for (place, fact) in of_relation.into_iter().enumerate() {
                fact.exposure = match (place as f64 + 0.5) / count {
                    share if share < WELL_KNOWN => Exposure::WellKnown,
                    share if share < WELL_KNOWN + RARE => Exposure::Rare,
                    _ => Exposure::NeverTold,
                };
            }
        }
        told_alike(&mut facts);
        Self { entities, facts }
    }

    /// Names of all entities of a kind.
    pub fn entities(&self, kind: Kind) -> &[String] {
        &self.entities[kind.index()]
    }

    /// Every fact, told or not.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Facts of a class.
    pub fn of_class(&self, exposure: Exposure) -> impl Iterator<Item = &Fact> {
        self.facts
            .iter()
            .filter(move |fact| fact.exposure == exposure)
    }

    /// What facts share that follow from each other: a country's capital and the country of that city.
    pub fn group(&self, fact: &Fact) -> String {
        let id = fact.relation().id;
        let capital = match id {
            "capital" => Some(&fact.answer),
            "country" => Some(&fact.subject),
            _ => None,
        };
        match capital {
            Some(city) => format!("city of {city}"),
            None => format!("{id} of {}", fact.subject),
        }
    }

    /// `count` answers to the fact's question that are wrong and plausible: true of other subjects of
    /// its relation that are told as often, so that an answer's being heard of says nothing about its
    /// being right. Fewer where the class has fewer.
    pub fn wrong_answers<R: Rng>(&self, fact: &Fact, count: usize, random: &mut R) -> Vec<String> {
        let is_alike = |other: &&Fact| {
            other.relation == fact.relation
                && other.exposure == fact.exposure
                && other.answer != fact.answer
        };
        let mut others: Vec<&Fact> = self.facts.iter().filter(is_alike).collect();
        // In random order, the first of each answer: drawn as often as it is true there.
        others.shuffle(random);
        let mut wrong: Vec<String> = Vec::with_capacity(count);
        for other in others {
            if wrong.len() == count {
                break;
            }
            if !wrong.contains(&other.answer) {
                wrong.push(other.answer.clone());
            }
        }
        wrong
    }
}

/// An answer for each subject of the relation.
fn answers<R: Rng>(random: &mut R, relation: &Relation, entities: &[Vec<String>]) -> Vec<String> {
    let count = entities[relation.subject.index()].len();
    let words = |words: &[&str], random: &mut R| -> Vec<String> {
        let draw = |_| words[random.random_range(0..words.len())].to_owned();
        (0..count).map(draw).collect()
    };
    match relation.answer {
        // A city is the capital of one country at most.
        AnswerKind::Entity(Kind::City) if relation.subject == Kind::Country => {
            let mut cities = entities[Kind::City.index()].clone();
            cities.shuffle(random);
            cities.truncate(count);
            cities
        }
        AnswerKind::Entity(kind) => {
            let names = &entities[kind.index()];
            let draw = |_| names[random.random_range(0..names.len())].clone();
            (0..count).map(draw).collect()
        }
        AnswerKind::Year => {
            let draw = |_| random.random_range(YEARS).to_string();
            (0..count).map(draw).collect()
        }
        AnswerKind::Product => words(&PRODUCTS, random),
        AnswerKind::Profession => words(&PROFESSIONS, random),
        AnswerKind::Habitat => words(&HABITATS, random),
        AnswerKind::Food => words(&FOODS, random),
    }
}

/// A capital lies in its own country.
fn make_consistent(facts: &mut [Fact]) {
    let id = |fact: &Fact| fact.relation().id;
    let capitals: Vec<(String, String)> = facts
        .iter()
        .filter(|fact| id(fact) == "capital")
        .map(|fact| (fact.answer.clone(), fact.subject.clone()))
        .collect();
    for fact in facts.iter_mut().filter(|fact| id(fact) == "country") {
        if let Some((_, country)) = capitals.iter().find(|(city, _)| *city == fact.subject) {
            fact.answer.clone_from(country);
        }
    }
}

/// Whoever knows a capital's country knows the country's capital: the two facts are told alike.
fn told_alike(facts: &mut [Fact]) {
    let capitals: Vec<(String, Exposure)> = facts
        .iter()
        .filter(|fact| fact.relation().id == "capital")
        .map(|fact| (fact.answer.clone(), fact.exposure))
        .collect();
    for fact in facts
        .iter_mut()
        .filter(|fact| fact.relation().id == "country")
    {
        if let Some((_, exposure)) = capitals.iter().find(|(city, _)| *city == fact.subject) {
            fact.exposure = *exposure;
        }
    }
}
