//! Layers and shares as people write them.

use std::str::FromStr;

use anyhow::{Context, anyhow};

/// Layers, such as `3`, or a range with both its ends, such as `12-14`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers(pub Vec<usize>);

impl FromStr for Layers {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let layer = |text: &str| -> anyhow::Result<usize> {
            let expected = || {
                format!(
                    "`{text}` is no layer: expected a number from 0 on, or a range such as 12-14"
                )
            };
            text.trim().parse().with_context(expected)
        };
        let Some((first, last)) = text.split_once('-') else {
            return Ok(Self(vec![layer(text)?]));
        };
        let (first, last) = (layer(first)?, layer(last)?);
        // More than any model has is a slip of the finger.
        match first <= last && last - first < 10_000 {
            true => Ok(Self((first..=last).collect())),
            false => Err(anyhow!("`{text}` is no range of layers")),
        }
    }
}

/// All layers of several of these.
pub fn all(layers: &[Layers]) -> Vec<usize> {
    layers
        .iter()
        .flat_map(|Layers(layers)| layers.iter().copied())
        .collect()
}

/// A share, such as `0.25` or `25%`.
///
/// # Errors
/// When it is no number.
pub fn parse_share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text.trim(), 1.0),
    };
    match number.parse::<f64>() {
        Ok(share) => Ok(share / unit),
        Err(_) => Err(format!(
            "`{text}` is no share: expected a number such as 0.25, or 25%"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_numbers_and_ranges() {
        let read = |text: &str| text.parse::<Layers>().map(|layers| layers.0).ok();
        assert_eq!(read("3"), Some(vec![3]));
        assert_eq!(read("12-14"), Some(vec![12, 13, 14]));
        assert_eq!(read(" 2 - 2 "), Some(vec![2]));
        for wrong in ["", "-1", "3-", "5-3", "a", "1.5", "0-99999999999", "1-2-3"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(all(&[Layers(vec![1, 2]), Layers(vec![5])]), [1, 2, 5]);
    }

    #[test]
    fn shares_are_numbers_and_percentages() {
        assert_eq!(parse_share("0.25"), Ok(0.25));
        assert_eq!(parse_share("25%"), Ok(0.25));
        assert_eq!(parse_share("12.5 %"), Ok(0.125));
        for wrong in ["", "%", "a quarter", "25%%"] {
            assert!(parse_share(wrong).is_err(), "{wrong}");
        }
    }
}
