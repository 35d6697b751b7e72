//! Which field of a file is for what: as its published form has it, or as the user says.

use super::{
    BadLine, Fields, Mapping, RoleFields,
    forms::{FORMS, Form, Lists, Published, known},
    keys,
    names::is_same,
    record::Record,
    role::Role,
};

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

impl Shape {
    /// Whether a role is of any use to it.
    fn uses(self, role: Role) -> bool {
        use Role::*;
        match self {
            Self::Sides => matches!(role, Question | Answer | Wrong | Best | Group),
            Self::Targets => matches!(role, Question | Mc1 | Mc2 | Group),
            Self::Listed => matches!(role, Question | Choices | Group) || role.is_key(),
            Self::Candidate => matches!(role, Question | Candidate | Label | Id | Group),
            Self::Answers => matches!(role, Question | Answer | Group),
            Self::Labels => matches!(role, Text | Label),
        }
    }
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

    /// The name at the top of its record.
    fn head(&self) -> &str {
        self.path.split('.').next().unwrap_or(&self.path)
    }
}

/// What every record of a file is read by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    name: String,
    /// Place of the form among all; none where everything is as the user says.
    form: Option<usize>,
    used: Vec<Used>,
    pub shape: Shape,
    /// Names of all fields that records have, whether of use or not.
    names: Vec<String>,
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
        let roles: Vec<Role> = own.iter().map(|used| used.role).collect();
        if let Some(layout) = Self::with("fields as given".into(), None, own.clone()) {
            return layout.using(&roles).map_err(bad);
        }
        let unknown = || {
            bad(format!(
                "a record with the fields {} is of no known kind; known are {}",
                names(),
                known()
            ))
        };
        let place = form_of(record, &own).ok_or_else(unknown)?;
        let form = &FORMS[place];
        let suffix = if own.is_empty() {
            ""
        } else {
            ", some fields as given"
        };
        let used = replaced(published(form, record), own);
        let layout = Self::with(format!("{}{suffix}", form.name), Some(place), used);
        let layout = layout.ok_or_else(unknown)?.using(&roles).map_err(bad)?;
        match layout.hidden_choices(record) {
            Some(field) if roles.is_empty() => Err(bad(format!(
                "its field `{field}` seems to hold choices, of which `{}` names one; if so, say choices={field},key={0}; if \
                 the question is to be answered freely, question={},answer={0}",
                layout.field(record, Role::Answer),
                layout.field(record, Role::Question),
            ))),
            _ => Ok(layout),
        }
    }

    /// Fields that are enough for some shape, without those that it does not use.
    fn with(name: String, form: Option<usize>, mut used: Vec<Used>) -> Option<Self> {
        let shape = shape(&used)?;
        let has_key = used.iter().any(|used| used.role.is_key());
        for used in &mut used {
            // An answer among choices is the key to them.
            if shape == Shape::Listed && !has_key && used.role == Role::Answer {
                used.role = Role::Key;
            }
        }
        Some(Self {
            name,
            form,
            shape,
            used,
            names: Vec::new(),
        })
    }

    /// The same, if it has a use for all that the user says.
    fn using(mut self, said: &[Role]) -> Result<Self, String> {
        let is_used = |role: Role| self.shape.uses(role);
        let answers_by_key = self.used.iter().any(|used| used.role == Role::Key);
        let idle = said.iter().find(|role| {
            let is_key = **role == Role::Answer && self.shape == Shape::Listed && answers_by_key;
            !is_used(**role) && !is_key
        });
        if let Some(idle) = idle {
            let used: Vec<&str> = self.used.iter().map(|used| used.role.name()).collect();
            return Err(format!(
                "the role {idle} has no use beside the others, which are {}",
                used.join(", ")
            ));
        }
        if self.used.iter().filter(|used| used.role.is_key()).count() > 1 {
            return Err("only one role can say which choice is right".into());
        }
        let shape = self.shape;
        self.used.retain(|used| shape.uses(used.role));
        Ok(self)
    }

    /// A field without a role that holds what may be choices of a question which would be asked without them.
    fn hidden_choices(&self, record: &Record) -> Option<String> {
        if self.shape != Shape::Answers {
            return None;
        }
        let answer = record.scalar(self.field(record, Role::Answer)).ok()?;
        let is_hidden = |name: &&&str| {
            let is_used = self.used.iter().flat_map(|used| &used.fields);
            let mut is_used = is_used.filter(|field| is_same(field.head(), name));
            is_used.next().is_none() && keys::may_name(&answer, record.value(name))
        };
        record
            .names()
            .iter()
            .find(is_hidden)
            .map(|name| (*name).to_owned())
    }

    /// What another record is, if there is more to tell it by than this form has: what this form has no use for would be
    /// lost.
    pub fn other_form(&self, record: &Record) -> Option<&'static str> {
        let form = self.form?;
        let own: Vec<Used> = self.used.clone();
        let other = form_of(record, &own).filter(|other| *other < form)?;
        (FORMS[other].name != FORMS[form].name).then_some(FORMS[other].name)
    }

    /// The form's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The role of the key to choices.
    pub fn key(&self) -> Role {
        let mut keys = self.used.iter().map(|used| used.role);
        keys.find(|role| role.is_key()).unwrap_or(Role::Key)
    }

    /// Says how the keys to choices were found to be written.
    pub fn with_key(mut self, key: Role) -> Self {
        let keys = self.used.iter_mut().filter(|used| used.role.is_key());
        keys.for_each(|used| used.role = key);
        self
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

    /// The first field of a role that the record has, else its last one.
    pub fn field(&self, record: &Record, role: Role) -> &str {
        let mut last = role.name();
        for (field, _) in self.fields(role) {
            last = field;
            if record.has(field) {
                break;
            }
        }
        last
    }

    /// Learns what the fields are called in the file.
    pub fn see(&mut self, record: &Record) {
        let fields = self.used.iter_mut().flat_map(|used| &mut used.fields);
        for field in fields.filter(|field| field.name.is_none()) {
            field.name = record.name(&field.path);
        }
        for name in record.names() {
            if !name.is_empty() && !self.names.iter().any(|known| known == name) {
                self.names.push(name.to_owned());
            }
        }
    }

    /// What is told of it: the fields that were seen.
    pub fn mapping(self) -> Mapping {
        let used = self.used.iter().flat_map(|used| &used.fields);
        let used: Vec<String> = used
            .flat_map(|field| [field.head().to_owned(), field.path.clone()])
            .collect();
        let is_used = |name: &String| used.iter().any(|used| is_same(used, name));
        let unused = self
            .names
            .into_iter()
            .filter(|name| !is_used(name))
            .collect();
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
            form: self.name,
            fields,
            unused,
        }
    }
}

/// The first form that a record is of, where the user's own fields stand for the form's.
fn form_of(record: &Record, own: &[Used]) -> Option<usize> {
    let has = |form: &Form, fields: &[&str]| {
        let mut fields = fields.iter();
        let has_first = fields.next().is_some_and(|field| record.has(field));
        // Of an open form, later fields may be empty in one record.
        has_first
            && fields
                .all(|field| record.has(field) || (form.is_open && record.name(field).is_some()))
    };
    let has_role = |form: &Form, wanted: Role| {
        let is_own =
            |used: &Used| used.role == wanted || (used.role.is_key() && wanted == Role::Key);
        let mut published = form
            .fields
            .iter()
            .filter(|published| published.role == wanted);
        own.iter().any(is_own)
            || published.any(|published| published.fields.iter().any(|field| record.has(field)))
    };
    let is_complete = |form: &Form| {
        let mut roles = form.fields.iter().map(|published| published.role);
        roles.all(|role| role == Role::Group || has_role(form, role))
    };
    FORMS.iter().position(|form| {
        form.marks.iter().any(|fields| has(form, fields)) && (!form.is_open || is_complete(form))
    })
}

/// The fields of a published form; of an open one, those that the record has: all of wrong answers and choices, and else the
/// first.
fn published(form: &Form, record: &Record) -> Vec<Used> {
    let fields = |published: &Published| -> Vec<Field> {
        let fields = published.fields.iter().copied();
        if !form.is_open {
            return fields.map(Field::of).collect();
        }
        let there = fields.filter(|field| record.name(field).is_some());
        match published.role {
            Role::Choices | Role::Wrong => there.map(Field::of).collect(),
            _ => {
                let mut said = there.clone().filter(|field| record.has(field));
                said.next()
                    .or(there.clone().next())
                    .map(Field::of)
                    .into_iter()
                    .collect()
            }
        }
    };
    let used = form.fields.iter().map(|published| Used {
        role: published.role,
        fields: fields(published),
        lists: published.lists,
    });
    used.filter(|used| !used.fields.is_empty()).collect()
}

/// Fields with the user's own in place of those of the same roles.
fn replaced(mut used: Vec<Used>, own: Vec<Used>) -> Vec<Used> {
    for given in own {
        // The form's way of writing lists stays, whatever the field is called.
        let is_same = |before: &Used| {
            before.role == given.role || (before.role.is_key() && given.role.is_key())
        };
        let before = used.iter().find(|before| is_same(before));
        let lists = before.map_or(given.lists, |before| before.lists);
        used.retain(|before| !is_same(before));
        used.push(Used { lists, ..given });
    }
    used
}

/// What becomes of records; nothing where a role is missing that it would need.
fn shape(used: &[Used]) -> Option<Shape> {
    let has = |role| used.iter().any(|used| used.role == role);
    let has_key = used.iter().any(|used| used.role.is_key());
    match () {
        () if has(Role::Text) && has(Role::Label) => Some(Shape::Labels),
        () if !has(Role::Question) => None,
        () if has(Role::Mc1) || has(Role::Mc2) => Some(Shape::Targets),
        () if has(Role::Candidate) && has(Role::Label) => Some(Shape::Candidate),
        () if has(Role::Choices) && (has_key || has(Role::Answer)) => Some(Shape::Listed),
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
