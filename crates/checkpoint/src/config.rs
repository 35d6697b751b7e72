//! `config.json`, read field by field with errors that name the field.

use serde_json::{Map, Value};
use thiserror::Error;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Not JSON.
    #[error("config.json is not valid JSON")]
    Json(#[from] serde_json::Error),
    /// JSON, but not an object.
    #[error("config.json is not a JSON object")]
    NotAnObject,
    /// A field that is needed is absent.
    #[error("config.json: `{field}` is missing")]
    Missing {
        /// The field, by its most usual name.
        field: String,
    },
    /// A field holds something else than it should.
    #[error("config.json: `{field}` is {found}; expected {expected}")]
    Type {
        /// The field.
        field: String,
        /// Its value as written, shortened.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The weights are quantised.
    #[error(
        "the weights are quantised ({method}), which cannot be read; \
         read are safetensors of f32, f16 and bf16"
    )]
    Quantised {
        /// `quant_method` as found.
        method: String,
    },
    /// More layers or heads than there can be.
    #[error("config.json: `{field}` is {found}, but the weights have {tensors} tensors at most")]
    TooMany {
        /// The field.
        field: String,
        /// The number as configured.
        found: usize,
        /// Tensors that there can be; each of what the field counts has one or more.
        tensors: usize,
    },
}

/// A size above this is a slip or an attack, and is refused before anything is allocated for it.
const LARGEST_SIZE: u64 = 1 << 31;
/// Layers at most where no file says how many there can be.
const MOST_LAYERS: usize = 10_000;
/// Fields by which other programs say that the weights are quantised.
const QUANTISED: [&str; 3] = ["quantization_config", "compression_config", "quantization"];

/// `config.json`, or a section of it. Getters take the names that a field goes by, most usual first;
/// a null counts as absent.
#[derive(Debug, Clone)]
pub struct Config {
    fields: Map<String, Value>,
    /// Name of the section with a trailing dot; empty for the whole.
    section: String,
    /// Tensors that the weights have: there are not more layers than these.
    tensors: usize,
}

impl Config {
    /// Parses the contents of `config.json`.
    ///
    /// # Errors
    /// When it is not a JSON object, or says that the weights are quantised.
    pub fn parse(contents: &[u8]) -> Result<Self, ConfigError> {
        let Value::Object(fields) = serde_json::from_slice(contents)? else {
            return Err(ConfigError::NotAnObject);
        };
        let config = Self::from_fields(fields);
        match QUANTISED.iter().find_map(|field| config.raw(field)) {
            Some(scheme) => Err(ConfigError::Quantised {
                method: quantisation(scheme),
            }),
            None => Ok(config),
        }
    }

    /// A configuration of fields that no file holds.
    pub(crate) fn from_fields(fields: Map<String, Value>) -> Self {
        Self {
            fields,
            section: String::new(),
            tensors: MOST_LAYERS,
        }
    }

    /// The same for weights of so many tensors: more layers than these are not believed, so that nothing is allocated for
    /// them.
    pub fn with_tensors(self, tensors: usize) -> Self {
        Self { tensors, ..self }
    }

    /// All fields in the order of the file.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The value of a field as it stands.
    pub fn raw(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// The family's name.
    ///
    /// # Errors
    /// When it is absent or not text.
    pub fn model_type(&self) -> Result<&str, ConfigError> {
        self.required(&["model_type"], Self::optional_str)
    }

    /// The first entry of `architectures`, for display.
    pub fn architecture(&self) -> Option<&str> {
        self.raw("architectures")?.get(0)?.as_str()
    }

    /// A size: a whole number from 1 to 2^31.
    ///
    /// # Errors
    /// When it is absent or anything else.
    pub fn usize(&self, names: &[&str]) -> Result<usize, ConfigError> {
        self.required(names, Self::optional_usize)
    }

    /// As [`usize`](Self::usize), with a value for when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn usize_or(&self, names: &[&str], default: usize) -> Result<usize, ConfigError> {
        Ok(self.optional_usize(names)?.unwrap_or(default))
    }

    /// As [`usize`](Self::usize), none when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn optional_usize(&self, names: &[&str]) -> Result<Option<usize>, ConfigError> {
        self.optional(names, "a whole number from 1 to 2^31", |value| {
            let number = value
                .as_u64()
                .filter(|number| (1..=LARGEST_SIZE).contains(number));
            number.and_then(|number| number.try_into().ok())
        })
    }

    /// A whole number from 0 to 2^31, such as the number of a layer; none when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn optional_index(&self, names: &[&str]) -> Result<Option<usize>, ConfigError> {
        self.optional(names, "a whole number from 0 to 2^31", |value| {
            let number = value.as_u64().filter(|number| *number <= LARGEST_SIZE);
            number.and_then(|number| number.try_into().ok())
        })
    }

    /// The number of layers, which is not larger than that of the weights' tensors.
    ///
    /// # Errors
    /// As [`usize`](Self::usize), and when there cannot be so many.
    pub fn layers(&self, names: &[&str]) -> Result<usize, ConfigError> {
        self.bounded(&names.join("` or `"), self.usize(names)?)
    }

    /// A number that is not larger than that of the weights' tensors, since each of what it counts has one at least.
    ///
    /// # Errors
    /// When it is larger.
    pub fn bounded(&self, field: &str, found: usize) -> Result<usize, ConfigError> {
        match found <= self.tensors {
            true => Ok(found),
            false => Err(ConfigError::TooMany {
                field: field.to_owned(),
                found,
                tensors: self.tensors,
            }),
        }
    }

    /// As [`optional_usize`](Self::optional_usize), with a value for when the field is not there at all. Unlike everywhere
    /// else, a null is not the same: it says that there is none.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn usize_unless_null(
        &self,
        name: &str,
        default: usize,
    ) -> Result<Option<usize>, ConfigError> {
        match self.fields.contains_key(name) {
            true => self.optional_usize(&[name]),
            false => Ok(Some(default)),
        }
    }

    /// A finite number.
    ///
    /// # Errors
    /// When it is absent or anything else.
    pub fn f64(&self, names: &[&str]) -> Result<f64, ConfigError> {
        self.required(names, Self::optional_f64)
    }

    /// As [`f64`](Self::f64), with a value for when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn f64_or(&self, names: &[&str], default: f64) -> Result<f64, ConfigError> {
        Ok(self.optional_f64(names)?.unwrap_or(default))
    }

    /// As [`f64`](Self::f64), none when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn optional_f64(&self, names: &[&str]) -> Result<Option<f64>, ConfigError> {
        self.optional(names, "a number", Value::as_f64)
    }

    /// As [`optional_f64`](Self::optional_f64), with a value for when the field is not there at all; a null says that there is
    /// none.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn f64_unless_null(&self, name: &str, default: f64) -> Result<Option<f64>, ConfigError> {
        match self.fields.contains_key(name) {
            true => self.optional_f64(&[name]),
            false => Ok(Some(default)),
        }
    }

    /// True or false, with a value for when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn bool_or(&self, names: &[&str], default: bool) -> Result<bool, ConfigError> {
        let found = self.optional(names, "true or false", Value::as_bool)?;
        Ok(found.unwrap_or(default))
    }

    /// A text, with a value for when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn str_or<'a>(&'a self, names: &[&str], default: &'a str) -> Result<&'a str, ConfigError> {
        Ok(self.optional_str(names)?.unwrap_or(default))
    }

    /// A list of texts, none when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn strings(&self, name: &str) -> Result<Option<Vec<&str>>, ConfigError> {
        self.optional(&[name], "a list of texts", |value| {
            value.as_array()?.iter().map(Value::as_str).collect()
        })
    }

    /// A list of numbers, none when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, ConfigError> {
        self.optional(&[name], "a list of numbers", |value| {
            value.as_array()?.iter().map(Value::as_f64).collect()
        })
    }

    /// A list of truths, each written as such or as 1 or 0; none when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn flags(&self, name: &str) -> Result<Option<Vec<bool>>, ConfigError> {
        let flag = |value: &Value| match value.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => value.as_bool(),
        };
        self.optional(&[name], "a list of 0 and 1", |value| {
            value.as_array()?.iter().map(flag).collect()
        })
    }

    /// A nested object, none when it is absent.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn section(&self, name: &str) -> Result<Option<Self>, ConfigError> {
        let fields = self.optional(&[name], "an object", Value::as_object)?;
        Ok(fields.map(|fields| Self {
            fields: fields.clone(),
            section: format!("{}{name}.", self.section),
            tensors: self.tensors,
        }))
    }

    fn optional_str(&self, names: &[&str]) -> Result<Option<&str>, ConfigError> {
        self.optional(names, "a text", Value::as_str)
    }

    fn required<'a, T>(
        &'a self,
        names: &[&str],
        read: impl Fn(&'a Self, &[&str]) -> Result<Option<T>, ConfigError>,
    ) -> Result<T, ConfigError> {
        read(self, names)?.ok_or_else(|| ConfigError::Missing {
            field: format!("{}{}", self.section, names.join("` or `")),
        })
    }

    fn optional<'a, T>(
        &'a self,
        names: &[&str],
        expected: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let found = names.iter().find_map(|name| Some((name, self.raw(name)?)));
        let Some((name, value)) = found else {
            return Ok(None);
        };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(ConfigError::Type {
                field: format!("{}{name}", self.section),
                found: value.to_string().chars().take(60).collect(),
                expected,
            }),
        }
    }
}

/// What to call a scheme of quantisation, by what a configuration says of it.
fn quantisation(scheme: &Value) -> String {
    let said = |field| scheme.get(field).and_then(Value::as_str);
    let named = said("quant_method").or_else(|| said("format"));
    match (named, scheme.get("bits").and_then(Value::as_u64)) {
        (Some(name), _) => name.to_owned(),
        (None, Some(bits)) => format!("{bits} bits, by an unnamed method"),
        (None, None) => "unnamed method".to_owned(),
    }
}
