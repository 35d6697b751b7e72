//! A device, a model, and what was found out about it.

use std::{cell::RefCell, rc::Rc};

use js_sys::Date;
use layerlab_atlas::{TaskFile, bundled};
use layerlab_lab::{
    Cancel, DeviceKind, ExperimentRequest, LocatedPairs, Measured, MemoryStages, OpenDevice,
    OpenModel, Report, open_device,
    report::{DeviceReport, ModelReport},
};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    border::{
        JsBundled, JsDeviceChoice, JsDeviceReport, JsModelReport, JsReport, JsReportFormat,
        OnProgress, from_page, refused, thrown, to_page, trusted,
    },
    call::Call,
    faults,
    files::{FileSource, PageFiles},
    hallucination::Repair,
    helpers::Helpers,
    types::{Bundled, FailureKind, NamedText, ReportFormat},
};

/// A device and at most one model. Calls may wait for each other; `cancel` may come at any time.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Session {
    device: OpenDevice,
    model: RefCell<Option<Rc<OpenModel<PageFiles>>>>,
    pub(crate) measured: RefCell<Option<Rc<Measured>>>,
    /// What models without some layers were found to be worth, so that no set is asked twice.
    pub(crate) finished: RefCell<MemoryStages>,
    /// Pairs that can be looked at token by token.
    pub(crate) located: RefCell<Rc<Vec<LocatedPairs>>>,
    /// Who helps with this model.
    pub(crate) helpers: RefCell<Option<Rc<Helpers>>>,
    pub(crate) repaired: RefCell<Option<Rc<Repair>>>,
    /// Ends what is running; each call has its own, and calls may overlap.
    pub(crate) cancel: RefCell<Vec<Cancel>>,
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
            model: RefCell::default(),
            measured: RefCell::default(),
            finished: RefCell::default(),
            located: RefCell::default(),
            helpers: RefCell::default(),
            repaired: RefCell::default(),
            cancel: RefCell::default(),
        })
    }

    /// The device, with the threads of those who help with the model.
    pub fn device(&self) -> Result<JsDeviceReport, JsValue> {
        to_page(&DeviceReport::of(&self.shared_device()))
    }

    /// Asks all that is running to stop at its next step.
    pub fn cancel(&self) {
        for running in self.cancel.borrow().iter() {
            running.cancel();
        }
    }

    /// Loads a model in place of the one before, whose memory is freed first. Helpers need not hold it before they are
    /// asked.
    pub async fn load(
        &self,
        files: FileSource,
        helpers: Option<Helpers>,
        on_progress: OnProgress,
    ) -> Result<JsModelReport, JsValue> {
        self.measured.take();
        self.finished.take();
        self.located.take();
        self.repaired.take();
        self.model.take();
        self.helpers.replace(helpers.map(Rc::new));
        let mut call = Call::new(self, on_progress);
        let mut run = call.run();
        let model = OpenModel::load(PageFiles(files), self.shared_device(), &mut run).await;
        let model = model.map_err(refused)?;
        let report = ModelReport::of_files(&model.checkpoint).await;
        let report = report.map_err(|error| refused(error.into()))?;
        self.model.replace(Some(Rc::new(model)));
        trusted(to_page(&report)?)
    }

    /// What comes with the bundled model.
    pub fn bundled() -> Result<JsBundled, JsValue> {
        to_page(&Bundled {
            calibration: named(bundled::calibration()),
            judged_on: bundled::judged_on().into_iter().map(named).collect(),
            request: ExperimentRequest::default(),
        })
    }

    /// A report in another form.
    pub fn write(report: JsReport, format: JsReportFormat) -> Result<String, JsValue> {
        let report: Report = from_page(report)?;
        let refuse = |error: String| thrown(FailureKind::Input, error);
        match from_page(format)? {
            ReportFormat::Json => report.to_json().map_err(|error| refuse(error.to_string())),
            ReportFormat::Csv => report.to_csv().map_err(|error| refuse(error.to_string())),
            ReportFormat::Html => Ok(report.to_html()),
            ReportFormat::Markdown => Ok(report.to_markdown()),
        }
    }

    fn shared_device(&self) -> OpenDevice {
        let device = self.device.clone();
        match &*self.helpers.borrow() {
            Some(helpers) => device.with_threads(helpers.count()),
            None => device,
        }
    }

    pub(crate) fn model(&self) -> Result<Rc<OpenModel<PageFiles>>, JsValue> {
        let model = self.model.borrow().clone();
        model.ok_or_else(|| thrown(FailureKind::Input, "no model is loaded".into()))
    }

    /// A wish to cancel that is not that of an earlier call.
    pub(crate) fn begin(&self) -> Cancel {
        let cancel = Cancel::default();
        let mut running = self.cancel.borrow_mut();
        running.retain(Cancel::is_shared);
        running.push(cancel.clone());
        cancel
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
