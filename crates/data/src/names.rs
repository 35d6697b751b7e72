//! Names of fields, which people write in more ways than one.

/// Whether two names differ in case, spaces and underscores at most.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    let letters = name.chars().filter(|letter| !matches!(letter, ' ' | '_'));
    letters.flat_map(char::to_lowercase)
}
