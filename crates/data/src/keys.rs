//! Which of the choices a key names. Published datasets write labels, letters, numbers from 0 or from 1, or the text itself,
//! and what one line leaves open the others decide.

use serde_json::Value;

use super::{BadLine, Choice, ChoiceSet, DatasetError, literal::literal, role::Role};

/// A question with choices whose key is not yet looked up.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    pub line: usize,
    pub group: String,
    pub question: String,
    pub choices: Vec<String>,
    /// What the choices are called, if they have names.
    pub labels: Option<Labels>,
    pub key: Key,
}

/// What choices are called.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    pub names: Vec<String>,
    /// Whether the record gives them, rather than the names of its columns.
    pub are_given: bool,
}

/// What says which choice is right.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The field, by the file's name for it.
    pub field: String,
    pub text: String,
    /// Whether it can be one of the choices by its text: a number cannot, unless they are numbers too.
    pub may_be_text: bool,
}

/// A way to read a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Label,
    Text,
    Letter,
    Index,
    Number,
}

impl Reading {
    /// Those that need not be said, the first that fits first.
    const USUAL: [Self; 4] = [Self::Label, Self::Text, Self::Letter, Self::Index];

    fn role(self) -> Role {
        match self {
            Self::Label => Role::Key,
            Self::Text => Role::KeyText,
            Self::Letter => Role::KeyLetter,
            Self::Index => Role::KeyIndex,
            Self::Number => Role::KeyNumber,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Label => "the label of one choice",
            Self::Text => "the text of one choice",
            Self::Letter => "the letter of one",
            Self::Index => "the index of one, from 0",
            Self::Number => "the number of one, from 1",
        }
    }

    /// The choice that a key names so.
    fn of(self, item: &Keyed) -> Option<usize> {
        let key = item.key.text.trim();
        match self {
            Self::Label => same(item.labels.as_ref()?.names.iter(), key),
            Self::Text if !item.key.may_be_text => None,
            Self::Text => same(item.choices.iter(), key),
            Self::Letter => letter(key),
            Self::Index => whole(key),
            Self::Number => whole(key)?.checked_sub(1),
        }
        .filter(|choice| *choice < item.choices.len())
    }
}

/// The one text that is the wanted one, or else the only one that differs from it in case alone.
fn same<'a>(texts: impl Iterator<Item = &'a String> + Clone, wanted: &str) -> Option<usize> {
    let exact = texts.clone().position(|text| text.trim() == wanted);
    exact.or_else(|| {
        let wanted = wanted.to_lowercase();
        let mut alike = texts
            .enumerate()
            .filter(|(_, text)| text.trim().to_lowercase() == wanted);
        let (place, _) = alike.next()?;
        alike.next().is_none().then_some(place)
    })
}

/// The place of a letter in the alphabet, as in `B`, `b.` or `(B)`.
fn letter(key: &str) -> Option<usize> {
    let key = key.trim_matches(['(', ')', '[', ']', '.', ':']);
    let letter = key.bytes().next().filter(|_| key.len() == 1)?;
    letter
        .is_ascii_alphabetic()
        .then(|| usize::from(letter.to_ascii_uppercase() - b'A'))
}

/// A whole number, as tables write it after it was a fraction as well.
fn whole(key: &str) -> Option<usize> {
    let key = key.strip_suffix(".0").unwrap_or(key);
    key.parse().ok()
}

/// Whether an answer looks like the key to choices that a field holds: their letter, or their number where they are no
/// numbers.
pub(super) fn may_name(answer: &str, field: Option<&Value>) -> bool {
    let written = match field {
        Some(Value::String(text)) => literal(text),
        _ => None,
    };
    let count = match written.as_ref().or(field) {
        Some(Value::Array(list))
            if list
                .iter()
                .all(|entry| matches!(entry, Value::String(text) if whole(text).is_none())) =>
        {
            list.len()
        }
        Some(Value::Object(fields)) if fields.values().all(Value::is_string) => fields.len(),
        _ => return false,
    };
    let place = letter(answer.trim()).or_else(|| whole(answer.trim()));
    count > 1 && place.is_some_and(|place| place < count)
}

/// The questions with the choices that their keys name, those whose key names none, and how keys are written.
///
/// # Errors
/// When keys seem to count from 1, or all can be read in several ways.
pub(super) fn resolved(
    name: &str,
    items: Vec<Keyed>,
    role: Role,
) -> Result<(Vec<Choice>, Vec<BadLine>, Role), DatasetError> {
    let said = [
        Reading::Text,
        Reading::Letter,
        Reading::Index,
        Reading::Number,
    ];
    let said = said.into_iter().find(|reading| reading.role() == role);
    let (readings, role) = match said {
        Some(reading) => (vec![reading], role),
        None => found(name, &items)?,
    };
    let (mut questions, mut bad) = (Vec::new(), Vec::new());
    for item in items {
        match choice(&item, &readings, said.is_some()) {
            Ok(right) => questions.push(item.with(right)),
            Err(problem) => bad.push(BadLine {
                line: item.line,
                field: Some(item.key.field.clone()),
                problem,
            }),
        }
    }
    Ok((questions, bad, role))
}

/// Labels that the record gives come before everything else.
fn by_given_label(item: &Keyed) -> Option<usize> {
    let are_given = item.labels.as_ref().is_some_and(|labels| labels.are_given);
    are_given.then(|| Reading::Label.of(item)).flatten()
}

/// The choice of one question; it must be the same by all readings that have any.
fn choice(item: &Keyed, readings: &[Reading], is_said: bool) -> Result<usize, String> {
    if let Some(right) = by_given_label(item).filter(|_| !is_said) {
        return Ok(right);
    }
    let mut named = readings
        .iter()
        .filter_map(|reading| Some((reading, reading.of(item)?)));
    let (key, count) = (&item.key.text, item.choices.len());
    let Some((first, right)) = named.next() else {
        return Err(format!("{key:?} names none of the {count} choices"));
    };
    match named.find(|(_, other)| *other != right) {
        None => Ok(right),
        Some((other, _)) => {
            let readings = format!("{} and {}", first.name(), other.name());
            Err(format!(
                "{key:?} is {readings}, which are different choices"
            ))
        }
    }
}

/// How the keys of a file are written: by what fits all of them, or else by whatever fits each.
fn found(name: &str, items: &[Keyed]) -> Result<(Vec<Reading>, Role), DatasetError> {
    let open: Vec<&Keyed> = items
        .iter()
        .filter(|item| by_given_label(item).is_none())
        .collect();
    if open.is_empty() {
        return Ok((vec![Reading::Label], Role::Key));
    }
    count_from_zero(name, &open)?;
    let is_named = |item: &&&Keyed| {
        Reading::USUAL
            .iter()
            .any(|reading| reading.of(item).is_some())
    };
    let named: Vec<&Keyed> = open.iter().filter(is_named).copied().collect();
    let fits = |reading: &Reading| named.iter().all(|item| reading.of(item).is_some());
    let fitting: Vec<Reading> = Reading::USUAL.into_iter().filter(fits).collect();
    let Some(&first) = fitting.first() else {
        return Ok((Reading::USUAL.to_vec(), Role::Key));
    };
    // Names of columns are meant for this.
    if first == Reading::Label {
        return Ok((vec![first], Role::Key));
    }
    for item in named {
        let mut others = fitting
            .iter()
            .filter(|reading| reading.of(item) != first.of(item));
        if let Some(other) = others.next() {
            let problem = format!(
                "{:?} is {} and {}, which are different choices, and no line decides; say which is meant by one of the roles \
                 {} and {}",
                item.key.text,
                first.name(),
                other.name(),
                first.role(),
                other.role()
            );
            return Err(item.unsettled(name, problem));
        }
    }
    Ok((vec![first], first.role()))
}

/// Refuses numbers of which one is as large as there are choices, and none is 0.
fn count_from_zero(name: &str, items: &[&Keyed]) -> Result<(), DatasetError> {
    for reading in [Reading::Label, Reading::Text] {
        if items.iter().all(|item| reading.of(item).is_some()) {
            return Ok(());
        }
    }
    let numbers = items
        .iter()
        .filter_map(|item| Some((item, whole(item.key.text.trim())?)));
    if numbers.clone().any(|(_, number)| number == 0) {
        return Ok(());
    }
    let mut numbers = numbers;
    match numbers.find(|(item, number)| *number == item.choices.len()) {
        None => Ok(()),
        Some((item, number)) => {
            let problem = format!(
                "{number} names none of {} choices counted from 0, and no line has 0: they seem to count from 1; if so, say that \
                 the field is a {}",
                item.choices.len(),
                Role::KeyNumber
            );
            Err(item.unsettled(name, problem))
        }
    }
}

impl Keyed {
    fn unsettled(&self, name: &str, problem: String) -> DatasetError {
        DatasetError::Keys {
            name: name.to_owned(),
            bad: BadLine {
                line: self.line,
                field: Some(self.key.field.clone()),
                problem,
            },
        }
    }

    fn with(self, right: usize) -> Choice {
        let right = (0..self.choices.len())
            .map(|choice| choice == right)
            .collect();
        Choice {
            line: self.line,
            group: self.group,
            question: self.question,
            single: Some(ChoiceSet {
                choices: self.choices,
                right,
            }),
            multiple: None,
            truthful: false,
        }
    }
}
