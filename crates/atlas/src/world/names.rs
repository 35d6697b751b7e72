//! Pronounceable names that nobody has.

use std::collections::BTreeSet;

use rand::{Rng, RngExt};

use super::Kind;

const ONSETS: [&str; 22] = [
    "b", "br", "d", "dr", "f", "g", "gl", "h", "k", "kr", "l", "m", "n", "p", "r", "s", "sk", "t",
    "th", "v", "z", "vr",
];
const VOWELS: [&str; 9] = ["a", "e", "i", "o", "u", "ai", "ea", "ou", "y"];
const CODAS: [&str; 12] = ["", "", "", "l", "n", "r", "s", "m", "th", "nd", "rk", "sh"];

/// How names of a kind end.
fn endings(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Country => &["oria", "unda", "esh", "avar", "imor"],
        Kind::City => &["ford", "mar", "ath", "ilo", "grad", "esk", "holm"],
        Kind::Person => &["a", "o", "en", "is", "ul", "ir"],
        Kind::Book => &["ane", "ium", "ode", "ara"],
        Kind::Creature => &["ok", "ibu", "elle", "ump", "ax"],
        Kind::Mountain => &["tor", "une", "agg", "orn"],
    }
}

fn stem<R: Rng>(random: &mut R, syllables: usize) -> String {
    let mut name = String::new();
    for syllable in 0..syllables {
        name.push_str(ONSETS[random.random_range(0..ONSETS.len())]);
        name.push_str(VOWELS[random.random_range(0..VOWELS.len())]);
        if syllable + 1 == syllables {
            name.push_str(CODAS[random.random_range(0..CODAS.len())]);
        }
    }
    name
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// `count` names of a kind. None of them occurs in `taken`, to which they are added, and none is the
/// beginning of another.
pub fn names<R: Rng>(
    random: &mut R,
    kind: Kind,
    count: usize,
    taken: &mut BTreeSet<String>,
) -> Vec<String> {
    let mut names = Vec::with_capacity(count);
    while names.len() < count {
        let ending = endings(kind)[random.random_range(0..endings(kind).len())];
        let name = match kind {
            Kind::Person => {
                let family = stem(random, 2);
                let given = stem(random, 1);
                format!(
                    "{} {}",
                    capitalised(&(given + ending)),
                    capitalised(&family)
                )
            }
            Kind::Book => format!(
                "The {} of {}",
                title(random),
                capitalised(&(stem(random, 1) + ending))
            ),
            Kind::Creature => stem(random, 1) + ending,
            Kind::Country | Kind::City | Kind::Mountain => capitalised(&(stem(random, 1) + ending)),
        };
        let clashes = |other: &String| other.starts_with(&name) || name.starts_with(other.as_str());
        if !taken.iter().any(clashes) {
            taken.insert(name.clone());
            names.push(name);
        }
    }
    names
}

fn title<R: Rng>(random: &mut R) -> &'static str {
    const TITLES: [&str; 12] = [
        "Song", "Book", "Winter", "Garden", "Lamp", "Letters", "Silence", "Bridge", "Mirror",
        "Harvest", "Night", "Clock",
    ];
    TITLES[random.random_range(0..TITLES.len())]
}
