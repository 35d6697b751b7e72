//! Measurements as text: exact to the last bit, numbers that are none too, which JSON has no words for.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{LabError, peers::GarbledShare};

/// A value in postcard's form, in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Packed(String);

impl Packed {
    pub fn of(value: &impl Serialize) -> Result<Self, LabError> {
        let bytes = postcard::to_stdvec(value).map_err(GarbledShare::from)?;
        Ok(Self(STANDARD.encode(bytes)))
    }

    /// What was packed; none where it is something else.
    pub fn open<T: DeserializeOwned>(&self) -> Option<T> {
        let bytes = STANDARD.decode(&self.0).ok()?;
        postcard::from_bytes(&bytes).ok()
    }
}
