//! Values and failures on their way through the border.

use std::error::Error;

use layerlab_lab::{LabError, ModelError};
use serde::{Serialize, de::DeserializeOwned};
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{
    JsCast,
    prelude::{JsValue, wasm_bindgen},
};

use crate::{
    faults,
    types::{Failure, FailureKind},
};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
import type { AnswerChange, Bundled, BundledPairs, Calibration, DeviceChoice, DeviceReport, Examination, ExperimentRequest, GenerateRequest, Generated, JudgeRequest, Judged, LocateRequest, ModelReport, PairTokens, Plan, PlanningRequest, Progress, RepairRequest, RepairTexts, Report, ReportFormat, ScoreOptions, ScoreRequest, ScoringReport, TokensRequest } from "./types";
"#;

// The page's types, by the names that its generated types have.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "AnswerChange[]")]
    pub type JsAnswerChanges;
    #[wasm_bindgen(typescript_type = "BundledPairs")]
    pub type JsBundledPairs;
    #[wasm_bindgen(typescript_type = "LocateRequest")]
    pub type JsLocateRequest;
    #[wasm_bindgen(typescript_type = "PairTokens")]
    pub type JsPairTokens;
    #[wasm_bindgen(typescript_type = "RepairRequest")]
    pub type JsRepairRequest;
    #[wasm_bindgen(typescript_type = "RepairTexts")]
    pub type JsRepairTexts;
    #[wasm_bindgen(typescript_type = "TokensRequest")]
    pub type JsTokensRequest;
    #[wasm_bindgen(typescript_type = "Bundled")]
    pub type JsBundled;
    #[wasm_bindgen(typescript_type = "Calibration")]
    pub type JsCalibration;
    #[wasm_bindgen(typescript_type = "DeviceChoice")]
    pub type JsDeviceChoice;
    #[wasm_bindgen(typescript_type = "DeviceReport")]
    pub type JsDeviceReport;
    #[wasm_bindgen(typescript_type = "Examination")]
    pub type JsExamination;
    #[wasm_bindgen(typescript_type = "ExperimentRequest")]
    pub type JsExperimentRequest;
    #[wasm_bindgen(typescript_type = "GenerateRequest")]
    pub type JsGenerateRequest;
    #[wasm_bindgen(typescript_type = "Generated")]
    pub type JsGenerated;
    #[wasm_bindgen(typescript_type = "JudgeRequest")]
    pub type JsJudgeRequest;
    #[wasm_bindgen(typescript_type = "Judged")]
    pub type JsJudged;
    #[wasm_bindgen(typescript_type = "ModelReport")]
    pub type JsModelReport;
    #[wasm_bindgen(typescript_type = "Plan")]
    pub type JsPlan;
    #[wasm_bindgen(typescript_type = "PlanningRequest")]
    pub type JsPlanningRequest;
    #[wasm_bindgen(typescript_type = "Report")]
    pub type JsReport;
    #[wasm_bindgen(typescript_type = "ReportFormat")]
    pub type JsReportFormat;
    #[wasm_bindgen(typescript_type = "ScoreOptions")]
    pub type JsScoreOptions;
    #[wasm_bindgen(typescript_type = "ScoreRequest")]
    pub type JsScoreRequest;
    #[wasm_bindgen(typescript_type = "ScoringReport")]
    pub type JsScoringReport;
    #[wasm_bindgen(typescript_type = "Plan[]")]
    pub type JsPlans;
    #[wasm_bindgen(typescript_type = "(progress: Progress) => void")]
    pub type OnProgress;
    #[wasm_bindgen(typescript_type = "(text: string) => void")]
    pub type OnText;
}

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
