//! Sentences from patterns with slots.

use rand::{Rng, RngExt};

/// Words that may stand in a slot.
pub(super) struct Slot {
    pub name: &'static str,
    pub words: &'static [&'static str],
}

/// Fills every `{slot}` of a pattern with a word drawn for it.
pub(super) fn filled<R: Rng>(pattern: &str, slots: &[Slot], random: &mut R) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        if let Some(slot) = slots.iter().find(|slot| slot.name == name) {
            text.push_str(slot.words[random.random_range(0..slot.words.len())]);
        }
        rest = after;
    }
    text.push_str(rest);
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
