//! From a record's fields to an item.

use serde_json::{Map, Value};

use super::{Answer, BadLine, Choice, ChoiceSet, Label};

/// What a record is, by its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Choices,
    Answers,
    Labels,
}

/// What a record says.
pub(super) enum Item {
    Choice(Choice),
    Answer(Answer),
    Label(Label),
}

/// One record of a file.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub line: usize,
    pub fields: Map<String, Value>,
}

const KNOWN: &str = "mc1_targets and mc2_targets; question, right_answer, hallucinated_answer; \
                     question, choices, label or answer; question, answer; text, label";

impl Record {
    /// What the record is.
    pub fn kind(&self) -> Result<Kind, BadLine> {
        let has = |field: &&str| self.value(field).is_some();
        let choices = ["mc1_targets", "mc2_targets", "choices", "right_answer"];
        match () {
            () if choices.iter().any(has) => Ok(Kind::Choices),
            () if has(&"question") => Ok(Kind::Answers),
            () if has(&"text") || has(&"label") => Ok(Kind::Labels),
            () => {
                let found: Vec<&str> = self.fields.keys().map(String::as_str).collect();
                Err(BadLine {
                    line: self.line,
                    field: None,
                    problem: format!(
                        "a record with the fields {} is of no known kind; known are {KNOWN}",
                        found.join(", ")
                    ),
                })
            }
        }
    }

    /// Reads the record as one of `kind`.
    pub fn item(&self, kind: Kind) -> Result<Item, BadLine> {
        Ok(match kind {
            Kind::Choices => Item::Choice(self.choice()?),
            Kind::Answers => Item::Answer(Answer {
                line: self.line,
                group: self.group()?,
                question: self.text("question")?,
                answers: self.answers()?,
            }),
            Kind::Labels => Item::Label(Label {
                line: self.line,
                text: self.text("text")?,
                label: self.label()?,
            }),
        })
    }

    fn value(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn bad(&self, field: &str, problem: impl Into<String>) -> BadLine {
        BadLine {
            line: self.line,
            field: Some(field.to_owned()),
            problem: problem.into(),
        }
    }

    fn required(&self, field: &str) -> Result<&Value, BadLine> {
        self.value(field)
            .ok_or_else(|| self.bad(field, "is missing"))
    }

    /// A text that says something.
    fn text(&self, field: &str) -> Result<String, BadLine> {
        match self.required(field)?.as_str() {
            Some(text) if text.trim().is_empty() => Err(self.bad(field, "is empty")),
            Some(text) => Ok(text.to_owned()),
            None => Err(self.bad(field, "is not a text")),
        }
    }

    /// What the record shares with others that must not be parted from it.
    fn group(&self) -> Result<String, BadLine> {
        match self.value("group") {
            Some(_) => self.text("group"),
            None => self.text("question"),
        }
    }

    /// A list of texts that say something.
    fn texts(&self, field: &str) -> Result<Vec<String>, BadLine> {
        let list = self.required(field)?.as_array();
        let list = list.ok_or_else(|| self.bad(field, "is not a list of texts"))?;
        let text = |entry: &Value| match entry.as_str() {
            Some(text) if text.trim().is_empty() => Err(self.bad(field, "has an empty entry")),
            Some(text) => Ok(text.to_owned()),
            None => Err(self.bad(field, format!("has an entry that is not a text: {entry}"))),
        };
        list.iter().map(text).collect()
    }

    /// `answer` or `answers`, each a text or a list, and `aliases`.
    fn answers(&self) -> Result<Vec<String>, BadLine> {
        let mut answers = Vec::new();
        for field in ["answer", "answers", "aliases"] {
            match self.value(field) {
                None => {}
                Some(Value::String(_)) => answers.push(self.text(field)?),
                Some(_) => answers.extend(self.texts(field)?),
            }
        }
        match answers.is_empty() {
            true => Err(self.bad("answer", "is missing")),
            false => Ok(answers),
        }
    }

    /// A class, by its name or number.
    fn label(&self) -> Result<String, BadLine> {
        match self.required("label")? {
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(value) => Ok(value.to_string()),
            _ => self.text("label"),
        }
    }

    fn choice(&self) -> Result<Choice, BadLine> {
        let truthful = self.value("mc1_targets").is_some() || self.value("mc2_targets").is_some();
        let (single, multiple) = if truthful {
            let set = |field| match self.value(field) {
                Some(targets) => self.targets(field, targets).map(Some),
                None => Ok(None),
            };
            (set("mc1_targets")?, set("mc2_targets")?)
        } else if self.value("right_answer").is_some() {
            let choices = vec![
                self.text("right_answer")?,
                self.text("hallucinated_answer")?,
            ];
            let right = vec![true, false];
            (Some(ChoiceSet { choices, right }), None)
        } else {
            (Some(self.listed()?), None)
        };
        Ok(Choice {
            line: self.line,
            group: self.group()?,
            question: self.text("question")?,
            single,
            multiple,
            truthful,
        })
    }

    /// TruthfulQA's targets: an object from answer to 0 or 1, or the Hub's lists of both.
    fn targets(&self, field: &str, targets: &Value) -> Result<ChoiceSet, BadLine> {
        let bad = |problem: &str| self.bad(field, problem);
        let targets = targets
            .as_object()
            .ok_or_else(|| bad("is not an object from answer to 0 or 1"))?;
        let lists = targets
            .get("choices")
            .and_then(Value::as_array)
            .zip(targets.get("labels").and_then(Value::as_array));
        let pairs: Vec<(Option<&str>, &Value)> = match lists {
            Some((choices, labels)) if choices.len() == labels.len() => {
                let choices = choices.iter().map(Value::as_str);
                choices.zip(labels).collect()
            }
            Some(_) => return Err(bad("has lists of choices and labels of different lengths")),
            None => {
                let pairs = targets.iter();
                pairs
                    .map(|(answer, label)| (Some(answer.as_str()), label))
                    .collect()
            }
        };
        let mut set = ChoiceSet {
            choices: Vec::new(),
            right: Vec::new(),
        };
        for (answer, label) in pairs {
            let answer = answer.filter(|answer| !answer.trim().is_empty());
            set.choices
                .push(answer.ok_or_else(|| bad("has an empty answer"))?.to_owned());
            set.right.push(match label.as_i64() {
                Some(0) => false,
                Some(1) => true,
                _ => return Err(bad("has a label that is neither 0 nor 1")),
            });
        }
        self.checked(field, set)
    }

    /// `choices`, with `label` or `answer` as the index, the letter or the text of the right one.
    fn listed(&self) -> Result<ChoiceSet, BadLine> {
        let choices = self.texts("choices")?;
        let field = match self.value("label") {
            Some(_) => "label",
            None => "answer",
        };
        let key = self.required(field)?;
        let by_text = |text: &str| {
            let letter = text
                .trim()
                .bytes()
                .next()
                .filter(|_| text.trim().len() == 1);
            let by_letter = letter
                .filter(u8::is_ascii_alphabetic)
                .map(|letter| usize::from(letter.to_ascii_uppercase() - b'A'));
            let same = choices.iter().position(|choice| choice == text);
            same.or_else(|| text.trim().parse().ok()).or(by_letter)
        };
        let index = match key {
            Value::Number(number) => number.as_u64().map(|index| index as usize),
            Value::String(text) => by_text(text),
            _ => None,
        };
        let index = index.filter(|index| *index < choices.len());
        let index = index.ok_or_else(|| {
            let count = choices.len();
            self.bad(field, format!("{key} names none of the {count} choices"))
        })?;
        let right = (0..choices.len()).map(|choice| choice == index).collect();
        self.checked("choices", ChoiceSet { choices, right })
    }

    /// Something right and something wrong to choose from.
    fn checked(&self, field: &str, set: ChoiceSet) -> Result<ChoiceSet, BadLine> {
        match (set.right.contains(&true), set.right.contains(&false)) {
            (true, true) => Ok(set),
            (false, _) => Err(self.bad(field, "has no right answer")),
            (_, false) => Err(self.bad(field, "has no wrong answer")),
        }
    }
}
