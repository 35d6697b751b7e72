//! From a record to an item, by the layout of its file.

use serde_json::Value;

use super::{
    Answer, BadLine, Choice, ChoiceSet, Label,
    candidates::Candidate,
    forms::Lists,
    keys::{Key, Keyed, Labels},
    layout::{Layout, Shape},
    record::Record,
    role::Role,
};

/// What a record says.
pub(super) enum Item {
    Choice(Choice),
    Answer(Answer),
    Label(Label),
    Candidate(Candidate),
    Keyed(Keyed),
}

/// Choices, their labels, and whether they are numbers.
type Choices = (Vec<String>, Option<Labels>, bool);

/// Reads a record.
pub(super) fn item(record: &Record, layout: &Layout) -> Result<Item, BadLine> {
    let reader = Reader { record, layout };
    Ok(match layout.shape {
        Shape::Sides => reader.sides()?,
        Shape::Targets => reader.targets()?,
        Shape::Listed => Item::Keyed(reader.listed()?),
        Shape::Candidate => Item::Candidate(reader.candidate()?),
        Shape::Answers => Item::Answer(Answer {
            line: record.line,
            group: reader.group()?,
            question: reader.question()?,
            answers: reader.answers()?,
        }),
        Shape::Labels => Item::Label(Label {
            line: record.line,
            text: reader.text(Role::Text)?,
            label: record.scalar(reader.field(Role::Label))?,
        }),
    })
}

struct Reader<'a> {
    record: &'a Record,
    layout: &'a Layout,
}

impl Reader<'_> {
    fn field(&self, role: Role) -> &str {
        self.layout.field(self.record, role)
    }

    /// The text of the one field of a role.
    fn text(&self, role: Role) -> Result<String, BadLine> {
        self.record.text(self.field(role))
    }

    fn bad(&self, role: Role, problem: impl Into<String>) -> BadLine {
        self.record.bad(self.field(role), problem)
    }

    fn question(&self) -> Result<String, BadLine> {
        self.text(Role::Question)
    }

    /// What the record shares with others that must not be parted from it.
    fn group(&self) -> Result<String, BadLine> {
        match self.record.has(self.field(Role::Group)) {
            true => self.text(Role::Group),
            false => self.question(),
        }
    }

    /// The texts of a field, none of them twice.
    fn add(&self, field: &str, lists: Lists, texts: &mut Vec<String>) -> Result<(), BadLine> {
        for text in self.record.one_or_more(field, lists)? {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        Ok(())
    }

    /// What counts as right, of those fields that are there: aliases need not be.
    fn answers(&self) -> Result<Vec<String>, BadLine> {
        let mut answers = Vec::new();
        let mut is_there = false;
        for (field, lists) in self.layout.fields(Role::Answer) {
            if self.record.has(field) {
                is_there = true;
                self.add(field, lists, &mut answers)?;
            }
        }
        match (answers.is_empty(), is_there) {
            (false, _) => Ok(answers),
            (true, true) => Err(self.bad(Role::Answer, "is empty")),
            (true, false) => {
                let mut fields = self.layout.fields(Role::Answer);
                let field = fields.next().map_or("answer", |(field, _)| field);
                Err(self.record.missing(field))
            }
        }
    }

    /// What is wrong, of all fields: a question is not asked with fewer choices than it has.
    fn wrong(&self) -> Result<Vec<String>, BadLine> {
        let mut wrong = Vec::new();
        for (field, lists) in self.layout.fields(Role::Wrong) {
            if self.record.one_or_more(field, lists)?.is_empty() {
                return Err(self.record.bad(field, "is empty"));
            }
            self.add(field, lists, &mut wrong)?;
        }
        Ok(wrong)
    }

    fn choice(
        &self,
        single: Option<ChoiceSet>,
        multiple: Option<ChoiceSet>,
        truthful: bool,
    ) -> Result<Item, BadLine> {
        Ok(Item::Choice(Choice {
            line: self.record.line,
            group: self.group()?,
            question: self.question()?,
            single,
            multiple,
            truthful,
        }))
    }

    /// Right answers and wrong ones. Where there is a best one, it is what MC1 asks for, and MC2 asks for all.
    fn sides(&self) -> Result<Item, BadLine> {
        let (right, wrong) = (self.answers()?, self.wrong()?);
        let mut fields = self.layout.fields(Role::Best);
        let best = match fields.next() {
            Some((field, _)) => Some(self.record.scalar(field)?),
            None => None,
        };
        let is_right = |answer: &&String| {
            let mut right = right.iter().chain(&best);
            right.any(|right| right.trim() == answer.trim())
        };
        if let Some(same) = wrong.iter().find(is_right) {
            return Err(self.bad(Role::Wrong, format!("has a right answer too: {same:?}")));
        }
        let set = |right: &[String]| ChoiceSet {
            choices: right.iter().chain(&wrong).cloned().collect(),
            right: (0..right.len() + wrong.len())
                .map(|index| index < right.len())
                .collect(),
        };
        let truthful = best.is_some();
        let multiple = (truthful || right.len() > 1).then(|| set(&right));
        let single = match best {
            Some(best) => set(&[best]),
            None => set(&right[..1]),
        };
        self.choice(Some(single), multiple, truthful)
    }

    /// TruthfulQA's sets for MC1 and MC2; either may be missing.
    fn targets(&self) -> Result<Item, BadLine> {
        let set = |role| {
            let field = self.field(role);
            match self.record.value(field) {
                Some(targets) => self.target_set(field, targets).map(Some),
                None => Ok(None),
            }
        };
        let (single, multiple) = (set(Role::Mc1)?, set(Role::Mc2)?);
        if single.is_none() && multiple.is_none() {
            return Err(self.record.missing(self.field(Role::Mc1)));
        }
        self.choice(single, multiple, true)
    }

    /// An object from answer to 0 or 1, or the Hub's lists of both.
    fn target_set(&self, field: &str, targets: &Value) -> Result<ChoiceSet, BadLine> {
        let bad = |problem: &str| self.record.bad(field, problem);
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
            set.right
                .push(binary(label).ok_or_else(|| bad("has a label that is neither 0 nor 1"))?);
        }
        self.checked(field, set)
    }

    /// Choices, with what says which is right.
    fn listed(&self) -> Result<Keyed, BadLine> {
        let fields: Vec<(&str, Lists)> = self.layout.fields(Role::Choices).collect();
        let (choices, labels, are_numbers) = match &fields[..] {
            [(field, lists)] => self.choices_in(field, *lists)?,
            _ => self.choices_of(&fields)?,
        };
        let field = self.field(self.layout.key());
        if choices.len() < 2 {
            let problem = match choices.is_empty() {
                true => "is empty",
                false => "has no wrong answer",
            };
            return Err(self.bad(Role::Choices, problem));
        }
        let key = self.record.required(field)?;
        Ok(Keyed {
            line: self.record.line,
            group: self.group()?,
            question: self.question()?,
            choices,
            labels,
            key: Key {
                field: self.record.name(field).unwrap_or_else(|| field.to_owned()),
                may_be_text: key.is_string() || are_numbers,
                text: self.record.scalar(field)?,
            },
        })
    }

    /// Choices of one field: a list of texts, or of objects with text and label; two lists of these; an object from label to
    /// text; or one of them written as a text. With their labels, and whether they are numbers.
    fn choices_in(&self, field: &str, lists: Lists) -> Result<Choices, BadLine> {
        let value = self.record.required(field)?;
        let entries = |list: &[Value]| self.record.entries(field, list);
        let given = |names: Vec<String>| {
            Some(Labels {
                names,
                are_given: true,
            })
        };
        let bad = |problem: &str| self.record.bad(field, problem);
        match value {
            Value::Object(object) => match (object.get("text"), object.get("label")) {
                (Some(Value::Array(texts)), None) => Ok((entries(texts)?, None, false)),
                (Some(Value::Array(texts)), Some(Value::Array(labels))) => {
                    if texts.len() != labels.len() {
                        return Err(bad("has lists of texts and labels of different lengths"));
                    }
                    Ok((entries(texts)?, given(entries(labels)?), false))
                }
                _ => {
                    let texts: Vec<Value> = object.values().cloned().collect();
                    let labels = object.keys().cloned().collect();
                    Ok((entries(&texts)?, given(labels), false))
                }
            },
            Value::Array(list) if list.iter().any(Value::is_object) => {
                let part = |name: &str| -> Option<Vec<Value>> {
                    list.iter().map(|entry| entry.get(name).cloned()).collect()
                };
                let texts = part("text").ok_or_else(|| bad("has an entry without `text`"))?;
                let labels = part("label").map(|labels| entries(&labels)).transpose()?;
                Ok((entries(&texts)?, labels.and_then(given), false))
            }
            Value::Array(list) => {
                let are_numbers = list.iter().all(Value::is_number);
                Ok((entries(list)?, None, are_numbers))
            }
            Value::String(text)
                if self.record.is_row
                    || self.record.list_in_text(field, text, lists)?.is_some() =>
            {
                Ok((self.record.one_or_more(field, lists)?, None, false))
            }
            _ => Err(bad("is not a list of texts")),
        }
    }

    /// Choices of several fields. The last may be empty, where questions have different numbers of them; what tells their
    /// names apart are their labels.
    fn choices_of(&self, fields: &[(&str, Lists)]) -> Result<Choices, BadLine> {
        let are_said = |(field, _): &&(&str, Lists)| self.record.has(field);
        let count = fields
            .iter()
            .rposition(|field| are_said(&field))
            .map_or(0, |last| last + 1);
        let (mut choices, mut is_one_each) = (Vec::new(), true);
        let mut are_numbers = true;
        for (field, lists) in &fields[..count] {
            let value = self.record.required(field)?;
            are_numbers &= value.is_number();
            is_one_each &= !value.is_array();
            match value {
                Value::Array(_) => choices.extend(self.record.one_or_more(field, *lists)?),
                _ => choices.push(self.record.scalar(field)?),
            }
        }
        let names = fields[..count]
            .iter()
            .map(|(field, _)| ending(field))
            .collect();
        let labels = is_one_each.then_some(Labels {
            names,
            are_given: false,
        });
        Ok((choices, labels, are_numbers))
    }

    fn candidate(&self) -> Result<Candidate, BadLine> {
        let label = self.record.required(self.field(Role::Label))?;
        let is_right = binary(label);
        let question = self.question()?;
        Ok(Candidate {
            line: self.record.line,
            id: match self.record.value(self.field(Role::Id)) {
                None => question.clone(),
                Some(Value::String(id)) => id.clone(),
                Some(other) => other.to_string(),
            },
            group: self.group()?,
            question,
            answer: self.record.scalar(self.field(Role::Candidate))?,
            is_right: is_right
                .ok_or_else(|| self.bad(Role::Label, format!("{label} is neither 0 nor 1")))?,
        })
    }

    /// Something right and something wrong to choose from.
    fn checked(&self, field: &str, set: ChoiceSet) -> Result<ChoiceSet, BadLine> {
        match (set.right.contains(&true), set.right.contains(&false)) {
            (true, true) => Ok(set),
            (false, _) => Err(self.record.bad(field, "has no right answer")),
            (_, false) => Err(self.record.bad(field, "has no wrong answer")),
        }
    }
}

/// What a field's name ends with, which tells it from the fields beside it: `C` of `choice_c`, `2` of `option2`.
fn ending(field: &str) -> String {
    let digits = field.chars().rev().take_while(char::is_ascii_digit).count();
    let count = field.chars().count() - digits.max(1);
    field.chars().skip(count).collect::<String>().to_uppercase()
}

/// 0 or 1, as JSON and tables have them.
fn binary(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.trim() == "0" => Some(false),
        Value::String(text) if text.trim() == "1" => Some(true),
        _ => match value.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
    }
}
