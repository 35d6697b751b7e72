//! Numbers for people.

/// Four significant digits; powers of ten where plain digits would be long; a dash for nothing.
pub(super) fn significant(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "–".into();
    };
    let magnitude = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e5).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let decimals = 3 - magnitude.log10().floor() as i32;
    format!("{value:.*}", usize::try_from(decimals).unwrap_or(0))
}

/// An interval in brackets; one that is too narrow, being of few items, is marked.
pub(super) fn interval(ends: [String; 2], rough: bool) -> String {
    let [low, high] = ends;
    format!("{}[{low}, {high}]", if rough { "~" } else { "" })
}

/// A share in percent, with one decimal; a dash for nothing.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{:.1} %", 100.0 * share))
}

/// A whole number with its thousands apart.
pub fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size in the largest decimal unit that leaves a whole digit.
pub fn bytes(value: u64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let size = value as f64;
    match units.iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) => format!("{} {name}", significant(Some(size / unit))),
        None => format!("{value} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_tell_enough() {
        let written = |value| significant(Some(value));
        assert_eq!(written(0.0), "0");
        assert_eq!(written(0.123_456), "0.1235");
        assert_eq!(written(-12.345_6), "-12.35");
        assert_eq!(written(99_999.4), "99999");
        assert_eq!(written(123_456.0), "1.235e5");
        assert_eq!(written(0.000_123_4), "1.234e-4");
        assert_eq!(significant(None), "–");
        assert_eq!(percent(Some(0.1234)), "12.3 %");
        assert_eq!(percent(None), "–");
        let ends = || ["1".to_owned(), "2".to_owned()];
        assert_eq!(interval(ends(), false), "[1, 2]");
        assert_eq!(interval(ends(), true), "~[1, 2]");
    }

    #[test]
    fn counts_and_sizes_are_readable() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_044_992), "1.045 MB");
    }
}
