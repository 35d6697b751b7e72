//! Values and failures on their way through the border.

use std::error::Error;

use layerlab_lab::{LabError, ModelError, Report};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast, prelude::JsValue};

use crate::{
    faults,
    types::{Failure, FailureKind},
};

/// A value as the page's type `J` of the same name.
pub(crate) fn to_page<T: Serialize, J: JsCast>(value: &T) -> Result<J, JsValue> {
    let value = value.serialize(&Serializer::json_compatible());
    Ok(value.map_err(JsValue::from)?.unchecked_into())
}

/// A value of the page's; refused as bad input where it is not what its type says.
pub(crate) fn from_page<T: DeserializeOwned>(value: impl Into<JsValue>) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value.into())
        .map_err(|error| thrown(FailureKind::Input, error.to_string()))
}

/// A report as the page's. By way of a JSON value, which reports become and are made of for escaping as well: what takes a type
/// this large apart, and puts it together, is downloaded once for each form.
pub(crate) fn report_to_page<J: JsCast>(report: &Report) -> Result<J, JsValue> {
    let value = serde_json::to_value(report);
    to_page(&value.map_err(|error| thrown(FailureKind::Input, error.to_string()))?)
}

/// A report of the page's.
pub(crate) fn report_from_page(report: impl Into<JsValue>) -> Result<Report, JsValue> {
    let value: Value = from_page(report)?;
    serde_json::from_value(value).map_err(|error| thrown(FailureKind::Input, error.to_string()))
}

/// What the page catches.
pub(crate) fn thrown(kind: FailureKind, message: String) -> JsValue {
    let failure = Failure { kind, message };
    // A failure to tell of a failure is told as such.
    to_page(&failure).unwrap_or_else(|error| error)
}

/// An error of the lab, with everything that led to it.
pub(crate) fn refused(error: LabError) -> JsValue {
    let kind = match &error {
        LabError::Cancelled => FailureKind::Cancelled,
        LabError::Device(_) | LabError::Kernel(_) | LabError::Model(ModelError::Device(_)) => {
            FailureKind::Device
        }
        _ if faults::first().is_some() => FailureKind::Device,
        _ => FailureKind::Input,
    };
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        // Transparent errors repeat what they hold.
        let said = inner.to_string();
        if !message.ends_with(&said) {
            message.push_str(": ");
            message.push_str(&said);
        }
        cause = inner.source();
    }
    thrown(kind, message)
}

/// Refuses what was computed on a device that has reported an error.
pub(crate) fn trusted<T>(value: T) -> Result<T, JsValue> {
    match faults::first() {
        None => Ok(value),
        Some(fault) => Err(thrown(
            FailureKind::Device,
            format!(
                "the GPU reported an error, so nothing that it computed can be trusted: {fault}"
            ),
        )),
    }
}
