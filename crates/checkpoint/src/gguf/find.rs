//! Which GGUF file is the model: the only one, or all parts of the only one that is split.

use super::GgufError;
use crate::ModelFiles;

/// The files of a model, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub files: Vec<String>,
}

/// A name such as `model-00002-of-00003.gguf`.
#[derive(Debug, PartialEq, Eq)]
struct PartName<'a> {
    /// What all parts' names begin with.
    stem: &'a str,
    /// From 1 on.
    number: usize,
    count: usize,
}

const END: &str = ".gguf";
/// More parts than this are a slip.
const MOST: usize = 1_000;

/// The GGUF files of a place; none where there is none.
///
/// # Errors
/// When there are several that do not belong together, or parts are missing.
pub(crate) fn find<F: ModelFiles>(files: &F) -> Result<Option<Parts>, GgufError> {
    let names = files.names();
    // What lies in folders within is another model's.
    let names = names.iter().map(String::as_str);
    let names: Vec<&str> = names
        .filter(|name| is_gguf(name) && !name.contains(['/', '\\']))
        .collect();
    let several = || GgufError::Several {
        place: files.describe(),
        names: names.join(", "),
    };
    let Some(first) = names.first() else {
        return Ok(None);
    };
    let Some(part) = part_name(first) else {
        return match names.len() {
            1 => Ok(Some(Parts {
                files: vec![(*first).to_owned()],
            })),
            _ => Err(several()),
        };
    };
    let parts: Vec<String> = siblings(first).unwrap_or_default();
    if names
        .iter()
        .any(|name| !parts.iter().any(|part| part == name))
    {
        return Err(several());
    }
    match parts.iter().find(|part| !names.contains(&part.as_str())) {
        None => Ok(Some(Parts { files: parts })),
        Some(missing) => Err(GgufError::MissingPart {
            missing: missing.clone(),
            count: part.count,
        }),
    }
}

/// Whether a file's name ends as those of GGUF files do.
pub(crate) fn is_gguf(name: &str) -> bool {
    let end = name.len().checked_sub(END.len());
    let end = end.and_then(|start| name.get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(END))
}

/// The names of all parts of a split model, by the name of one of them; none of a file that is no part.
pub(crate) fn siblings(name: &str) -> Option<Vec<String>> {
    let PartName { stem, count, .. } = part_name(name)?;
    let end = &name[name.len() - END.len()..];
    let names = (1..=count).map(|number| format!("{stem}-{number:05}-of-{count:05}{end}"));
    Some(names.collect())
}

fn part_name(name: &str) -> Option<PartName<'_>> {
    let name = name.get(..name.len().checked_sub(END.len())?)?;
    let (before, count) = name.rsplit_once("-of-")?;
    let (stem, number) = before.rsplit_once('-')?;
    let digits = |text: &str| {
        let all = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| text.parse().ok()).flatten()
    };
    let (number, count) = (digits(number)?, digits(count)?);
    let sound = (1..=count).contains(&number) && count <= MOST;
    sound.then_some(PartName {
        stem,
        number,
        count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_their_names() {
        let part = part_name("a-b-00002-of-00003.gguf");
        let expected = PartName {
            stem: "a-b",
            number: 2,
            count: 3,
        };
        assert_eq!(part, Some(expected));
        for other in [
            "a.gguf",
            "a-00004-of-00003.gguf",
            "a-2-of-3.gguf",
            "a-00000-of-00003.gguf",
            "-of-.gguf",
            ".gguf",
            "ü",
        ] {
            assert_eq!(part_name(other), None, "{other}");
        }
        let names = siblings("m-00001-of-00002.GGUF");
        assert_eq!(
            names.unwrap_or_default(),
            ["m-00001-of-00002.GGUF", "m-00002-of-00002.GGUF"]
        );
    }
}
