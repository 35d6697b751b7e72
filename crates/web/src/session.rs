//! A device, a model, and what was found out about it.

use std::{cell::RefCell, rc::Rc};

use js_sys::Date;
use layerlab_atlas::{TaskFile, bundled};
use layerlab_lab::{
    Checkpoint, DeviceKind, ExperimentRequest, LabError, OpenDevice, OpenModel,
    general::{self, GeneralText},
    memory::ModelNeeds,
    open_device,
    report::{DeviceReport, ModelReport},
};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    border::{from_page, refused, report_from_page, thrown, to_page, trusted},
    call::{Call, Calls, PageCall},
    faults,
    files::{FileSource, PageFiles},
    helpers::Helpers,
    opened::Opened,
    types::{
        Bundled, FailureKind, NamedText, ReportFormat,
        page::{
            JsBundled, JsDeviceChoice, JsDeviceReport, JsModelNeeds, JsModelReport, JsReport,
            JsReportFormat,
        },
    },
};

/// A device and at most one model. Calls may overlap; each can be cancelled at any time.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Session {
    device: OpenDevice,
    opened: RefCell<Option<Rc<Opened>>>,
    pub(crate) calls: Calls,
}

#[wasm_bindgen]
impl Session {
    /// Opens a device and lets it compute something that is known. Throws a `Failure`, as everything here does.
    pub async fn open(device: JsDeviceChoice) -> Result<Session, JsValue> {
        console_error_panic_hook::set_once();
        faults::listen();
        let device = open_device(from_page(device)?).await;
        let device = device.map_err(|error| refused(error.into()))?;
        faults::computes_on_gpu(device.kind != DeviceKind::Cpu);
        if device.kind != DeviceKind::Cpu {
            device.check().await.map_err(refused)?;
        }
        trusted(Self {
            device,
            opened: RefCell::default(),
            calls: Calls::default(),
        })
    }

    /// The device, with the threads of those who help with the model.
    pub fn device(&self) -> Result<JsDeviceReport, JsValue> {
        let opened = self.opened.borrow().clone();
        let helpers = opened.as_ref().and_then(|opened| opened.helpers.as_deref());
        to_page(&DeviceReport::of(&self.shared_device(helpers)))
    }

    /// Asks a call to stop at its next step. One that has ended already does not hear of it.
    pub fn cancel(&self, call: u32) {
        self.calls.cancel(call);
    }

    /// Loads a model in place of the one before, whose memory is freed first. Helpers need not hold it before they are
    /// asked.
    pub async fn load(
        &self,
        files: FileSource,
        helpers: Option<Helpers>,
        call: PageCall,
    ) -> Result<JsModelReport, JsValue> {
        self.opened.take();
        let helpers = helpers.map(Rc::new);
        let device = self.shared_device(helpers.as_deref());
        let mut call = Call::new(&self.calls, call, helpers.as_ref());
        let model = OpenModel::load(PageFiles(files), device, &mut call.run()).await;
        let model = model.map_err(refused)?;
        let report = ModelReport::of_files(&model.checkpoint).await;
        let report = report.map_err(|error| refused(error.into()))?;
        // Another may have been loaded meanwhile, for which this one was cancelled.
        if call.cancel.is_cancelled() {
            return Err(refused(LabError::Cancelled));
        }
        self.opened.replace(Some(Rc::new(Opened {
            model,
            helpers,
            measured: RefCell::default(),
            finished: RefCell::default(),
            located: RefCell::default(),
            repaired: RefCell::default(),
            healed: RefCell::default(),
        })));
        trusted(to_page(&report)?)
    }

    /// Why the model cannot be asked in conversations; nothing where it can.
    #[wasm_bindgen(js_name = chatProblem)]
    pub fn chat_problem(&self) -> Result<Option<String>, JsValue> {
        let opened = self.opened()?;
        let template = opened.model.tokenizer.chat();
        Ok(template.err().map(|error| error.to_string()))
    }

    /// What a model will take, told by the headers of its files: no weight is read.
    pub async fn needs(files: FileSource) -> Result<JsModelNeeds, JsValue> {
        let needs = async {
            let checkpoint = Checkpoint::open(PageFiles(files)).await?;
            ModelNeeds::of(&checkpoint).await
        };
        to_page(&needs.await.map_err(refused)?)
    }

    /// What comes with the bundled model.
    pub fn bundled() -> Result<JsBundled, JsValue> {
        to_page(&Bundled {
            calibration: named(bundled::calibration()),
            judged_on: bundled::judged_on().into_iter().map(named).collect(),
            general: text(general::CALIBRATION),
            general_judged_on: vec![text(general::HELD_OUT)],
            request: ExperimentRequest::default(),
        })
    }

    /// A report in another form.
    pub fn write(report: JsReport, format: JsReportFormat) -> Result<String, JsValue> {
        let report = report_from_page(report)?;
        let refuse = |error: String| thrown(FailureKind::Input, error);
        match from_page(format)? {
            ReportFormat::Json => report.to_json().map_err(|error| refuse(error.to_string())),
            ReportFormat::Csv => report.to_csv().map_err(|error| refuse(error.to_string())),
            ReportFormat::Html => Ok(report.to_html()),
            ReportFormat::Markdown => Ok(report.to_markdown()),
        }
    }

    fn shared_device(&self, helpers: Option<&Helpers>) -> OpenDevice {
        let device = self.device.clone();
        match helpers {
            Some(helpers) => device.with_threads(helpers.count()),
            None => device,
        }
    }

    pub(crate) fn opened(&self) -> Result<Rc<Opened>, JsValue> {
        let opened = self.opened.borrow().clone();
        opened.ok_or_else(|| thrown(FailureKind::Input, "no model is loaded".into()))
    }
}

/// A text for all models.
fn text(GeneralText { name, contents }: GeneralText) -> NamedText {
    NamedText {
        name: name.into(),
        contents: contents.into(),
        fields: None,
        skip_bad: false,
    }
}

/// A text of the bundled model's.
pub(crate) fn named(file: TaskFile) -> NamedText {
    NamedText {
        name: format!("{}/{}", bundled::NAME, file.name),
        contents: file.contents,
        fields: None,
        skip_bad: false,
    }
}

pub(crate) fn now() -> String {
    String::from(Date::new_0().to_iso_string())
}
