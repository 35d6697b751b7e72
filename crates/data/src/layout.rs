//! Which field of a file is for what: as its published form has it, or as the user says.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    BadLine,
    forms::{FORMS, Form, Lists, Role, known},
    record::Record,
};

/// What a user says about fields, instead of the form that a file is published in: `question=q,answer=a+b`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(Role, Vec<String>)>);

/// Fields that are not said as they must be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FieldsError {
    /// Not `role=field`.
    #[error("`{0}` is not of the form ROLE=FIELD, such as question=q or wrong=bad1+bad2")]
    Form(String),
    /// No such role.
    #[error("`{0}` is no role; roles are {roles}", roles = Role::ALL.map(Role::name).join(", "))]
    Role(String),
    /// A role twice.
    #[error("`{0}` is given twice; several fields of one role are joined by +")]
    Twice(Role),
}

impl Fields {
    /// All that are named, of whatever role.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let fields = self.0.iter().flat_map(|(_, fields)| fields);
        fields.map(String::as_str)
    }
}

impl FromStr for Fields {
    type Err = FieldsError;

    fn from_str(text: &str) -> Result<Self, FieldsError> {
        let mut fields: Vec<(Role, Vec<String>)> = Vec::new();
        for said in text.split(',').filter(|said| !said.trim().is_empty()) {
            let malformed = || FieldsError::Form(said.trim().to_owned());
            let (role, names) = said.split_once('=').ok_or_else(malformed)?;
            let names: Vec<String> = names
                .split('+')
                .map(|name| name.trim().to_owned())
                .collect();
            if names.iter().any(String::is_empty) {
                return Err(malformed());
            }
            let role = role.trim();
            let known = Role::ALL.into_iter().find(|known| known.name() == role);
            let role = known.ok_or_else(|| FieldsError::Role(role.to_owned()))?;
            if fields.iter().any(|(given, _)| *given == role) {
                return Err(FieldsError::Twice(role));
            }
            fields.push((role, names));
        }
        Ok(Self(fields))
    }
}

/// What a record becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A question with answers and wrong answers.
    Sides,
    /// A question with TruthfulQA's targets.
    Targets,
    /// A question with choices and the key to them.
    Listed,
    /// One candidate of a question.
    Candidate,
    /// A question with answers.
    Answers,
    /// A text with its class.
    Labels,
}

/// Fields of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Used {
    role: Role,
    fields: Vec<Field>,
    lists: Lists,
}

/// A field, and what it is called in the file, once a record has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    path: String,
    name: Option<String>,
}

impl Field {
    fn of(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            name: None,
        }
    }
}

/// What every record of a file is read by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    form: String,
    used: Vec<Used>,
    pub shape: Shape,
}

impl Layout {
    /// By what the user says where that is all that is needed, else by the form of the record with what the user says
    /// in its place.
    pub fn of(record: &Record, said: &Fields) -> Result<Self, BadLine> {
        let bad = |problem| BadLine {
            line: record.line,
            field: None,
            problem,
        };
        let names = || record.names().join(", ");
        let mut fields = said.fields();
        if let Some(field) = fields.find(|field| record.name(field).is_none()) {
            return Err(BadLine {
                field: Some(field.to_owned()),
                ..bad(format!("is not there; the record has {}", names()))
            });
        }
        let own: Vec<Used> = said.0.iter().map(given).collect();
        if let Some(shape) = shape(&own) {
            return Ok(Self {
                form: "fields as given".into(),
                used: own,
                shape,
            });
        }
        let is_of = |form: &&Form| {
            let mut marks = form.marks.iter();
            marks.any(|fields| fields.iter().all(|field| record.has(field)))
        };
        let unknown = || {
            bad(format!(
                "a record with the fields {} is of no known kind; known are {}; for another, say which field is what by \
                 --fields, as in question=q,answer=right,wrong=bad1+bad2",
                names(),
                known()
            ))
        };
        let form = FORMS.iter().find(is_of).ok_or_else(unknown)?;
        let suffix = if own.is_empty() {
            ""
        } else {
            ", some fields as given"
        };
        let used = replaced(published(form), own);
        Ok(Self {
            form: format!("{}{suffix}", form.name),
            shape: shape(&used).ok_or_else(unknown)?,
            used,
        })
    }

    /// The fields of a role, with how lists lie in them.
    pub fn fields(&self, role: Role) -> impl Iterator<Item = (&str, Lists)> {
        let used = self.used.iter().filter(move |used| used.role == role);
        used.flat_map(|used| {
            used.fields
                .iter()
                .map(|field| (field.path.as_str(), used.lists))
        })
    }

    /// Learns what the fields are called in the file.
    pub fn see(&mut self, record: &Record) {
        let fields = self.used.iter_mut().flat_map(|used| &mut used.fields);
        for field in fields.filter(|field| field.name.is_none()) {
            field.name = record.name(&field.path);
        }
    }

    /// What is told of it: the fields that were seen.
    pub fn mapping(self) -> Mapping {
        let mut fields: Vec<RoleFields> = Vec::new();
        for Used {
            role, fields: used, ..
        } in self.used
        {
            let names: Vec<String> = used.into_iter().filter_map(|field| field.name).collect();
            match fields.iter_mut().find(|known| known.role == role) {
                _ if names.is_empty() => {}
                Some(known) => known.fields.extend(names),
                None => fields.push(RoleFields {
                    role,
                    fields: names,
                }),
            }
        }
        Mapping {
            form: self.form,
            fields,
        }
    }
}

/// The fields of a published form.
fn published(form: &Form) -> Vec<Used> {
    let used = form.fields.iter().map(|published| Used {
        role: published.role,
        fields: published
            .fields
            .iter()
            .map(|field| Field::of(field))
            .collect(),
        lists: published.lists,
    });
    used.collect()
}

/// Fields with the user's own in place of those of the same roles.
fn replaced(mut used: Vec<Used>, own: Vec<Used>) -> Vec<Used> {
    for given in own {
        // The form's way of writing lists stays, whatever the field is called.
        let before = used.iter().find(|before| before.role == given.role);
        let lists = before.map_or(given.lists, |before| before.lists);
        used.retain(|before| before.role != given.role);
        used.push(Used { lists, ..given });
    }
    used
}

/// What becomes of records; nothing where a role is missing that it would need.
fn shape(used: &[Used]) -> Option<Shape> {
    let has = |role| used.iter().any(|used| used.role == role);
    match () {
        () if has(Role::Text) && has(Role::Label) => Some(Shape::Labels),
        () if !has(Role::Question) => None,
        () if has(Role::Mc1) || has(Role::Mc2) => Some(Shape::Targets),
        () if has(Role::Candidate) && has(Role::Label) => Some(Shape::Candidate),
        () if has(Role::Choices) && has(Role::Key) => Some(Shape::Listed),
        () if has(Role::Answer) && has(Role::Wrong) => Some(Shape::Sides),
        () if has(Role::Answer) => Some(Shape::Answers),
        () => None,
    }
}

fn given((role, fields): &(Role, Vec<String>)) -> Used {
    Used {
        role: *role,
        fields: fields.iter().map(|field| Field::of(field)).collect(),
        lists: match role {
            Role::Answer | Role::Wrong | Role::Choices => Lists::Cells,
            _ => Lists::No,
        },
    }
}

/// Which field of a file is read as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mapping {
    /// The form that was recognised.
    pub form: String,
    /// The fields of each role that the file has.
    pub fields: Vec<RoleFields>,
}

/// The fields that are read as one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleFields {
    /// What they are read as.
    pub role: Role,
    /// Their names in the file.
    pub fields: Vec<String>,
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.form)?;
        for (index, RoleFields { role, fields }) in self.fields.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{role} <- {}", fields.join(" + "))?;
        }
        Ok(())
    }
}
