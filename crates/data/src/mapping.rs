//! What is told of how a file was read.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::role::Role;

/// Which field of a file is read as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mapping {
    /// The form that was recognised.
    pub form: String,
    /// The fields of each role that the file has.
    pub fields: Vec<RoleFields>,
    /// Fields of the file that nothing is made of.
    #[serde(default)]
    pub unused: Vec<String>,
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
        if !self.unused.is_empty() {
            write!(f, "; not used: {}", self.unused.join(", "))?;
        }
        Ok(())
    }
}
