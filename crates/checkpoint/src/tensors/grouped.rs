//! Names of tensors for people: those that differ in one number alone become one.

use std::collections::BTreeMap;

/// Groups at most that are told.
const SHOWN: usize = 8;

/// The names, those of several layers as one, such as `model.layers.{0-3}.mlp.up_proj.bias`.
pub(super) fn grouped<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut groups: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    let mut plain = Vec::new();
    for name in names {
        match parted(name) {
            Some((before, number, after)) => {
                groups.entry((before, after)).or_default().push(number);
            }
            None => plain.push(format!("`{name}`")),
        }
    }
    let numbered = groups.into_iter().map(|((before, after), mut numbers)| {
        numbers.sort_unstable();
        match numbers.as_slice() {
            [one] => format!("`{before}{one}{after}`"),
            _ => format!("`{before}{{{}}}{after}`", runs(&numbers)),
        }
    });
    let all: Vec<String> = plain.into_iter().chain(numbered).collect();
    let more = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more like these"),
    };
    let shown: Vec<String> = all.into_iter().take(SHOWN).collect();
    shown.join(", ") + &more
}

/// The first part of a name that is a number, with what is before and after it.
pub(super) fn parted(name: &str) -> Option<(&str, u64, &str)> {
    let mut start = 0;
    for part in name.split('.') {
        let end = start + part.len();
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && let Ok(number) = part.parse() {
            return Some((name.get(..start)?, number, name.get(end..)?));
        }
        start = end + 1;
    }
    None
}

/// Ascending numbers, those that follow each other as `first-last`.
fn runs(numbers: &[u64]) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let runs = runs.into_iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    runs.collect::<Vec<_>>().join(", ")
}
