//! What a user says about the fields of a file.

use std::str::FromStr;

use thiserror::Error;

use super::role::Role;

/// What a user says about fields, instead of the form that a file is published in: `question=q,answer=a+b`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(pub(super) Vec<(Role, Vec<String>)>);

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
