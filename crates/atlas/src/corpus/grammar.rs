//! Sentences from patterns with slots.

use rand::{Rng, RngExt};

/// Words that may stand in a slot.
pub(super) struct Slot {
    pub name: &'static str,
    pub words: &'static [&'static str],
}

/// Fills every `{slot}` of a pattern with a word drawn for it; `a` becomes `an` before a vowel.
pub(super) fn filled<R: Rng>(pattern: &str, slots: &[Slot], random: &mut R) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        if let Some(slot) = slots.iter().find(|slot| slot.name == name) {
            let word = slot.words[random.random_range(0..slot.words.len())];
            let article = text.ends_with(" a ") || text.eq_ignore_ascii_case("a ");
            if article && word.starts_with(['a', 'e', 'i', 'o', 'u']) {
                text.insert(text.len() - 1, 'n');
            }
            text.push_str(word);
        }
        rest = after;
    }
    text.push_str(rest);
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
