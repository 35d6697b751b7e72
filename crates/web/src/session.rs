//! A device, a model, and what was found out about it.

use std::{cell::RefCell, collections::BTreeSet, ops::ControlFlow, rc::Rc};

use js_sys::{Date, Function};
use layerlab_atlas::bundled;
use layerlab_lab::{
    Cancel, Dataset, DeviceKind, GenerateOptions, LabError, Measured, NoStages, OpenDevice,
    OpenModel, Progress, Report, Run, Sampling, Speech, Text, TextOptions, generate, open_device,
    prune_and_judge,
    report::{DeviceReport, ModelReport},
};
use wasm_bindgen::{
    JsCast,
    prelude::{JsValue, wasm_bindgen},
};
use web_time::Instant;

use crate::{
    border::{
        JsBundled, JsDeviceChoice, JsDeviceReport, JsExperimentRequest, JsGenerateRequest,
        JsGenerated, JsModelReport, JsNamedText, JsNamedTexts, JsReport, JsReportFormat,
        JsScoreOptions, JsScoreRequest, JsScoringReport, OnProgress, OnText, from_page, refused,
        thrown, to_page, trusted,
    },
    faults,
    files::{FileSource, PageFiles},
    types::{Bundled, FailureKind, GenerateRequest, Generated, NamedText, ReportFormat},
};

/// A device and at most one model. Calls may wait for each other; `cancel` may come at any time.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Session {
    device: OpenDevice,
    model: RefCell<Option<Rc<OpenModel<PageFiles>>>>,
    measured: RefCell<Option<Rc<Measured>>>,
    /// Ends what is running; each call has its own.
    cancel: RefCell<Cancel>,
}

#[wasm_bindgen]
impl Session {
    /// Opens a device and lets it compute something that is known. Throws a `Failure`, as everything here does.
    pub async fn open(device: JsDeviceChoice) -> Result<Session, JsValue> {
        console_error_panic_hook::set_once();
        faults::listen();
        let device = open_device(from_page(device)?).await;
        let device = device.map_err(|error| refused(error.into()))?;
        if device.kind != DeviceKind::Cpu {
            device
                .check()
                .await
                .map_err(|error| refused(error.into()))?;
        }
        trusted(Self {
            device,
            model: RefCell::default(),
            measured: RefCell::default(),
            cancel: RefCell::default(),
        })
    }

    /// The device.
    pub fn device(&self) -> Result<JsDeviceReport, JsValue> {
        to_page(&DeviceReport::of(&self.device))
    }

    /// Asks what is running to stop at its next step.
    pub fn cancel(&self) {
        self.cancel.borrow().cancel();
    }

    /// Loads a model in place of the one before, whose memory is freed first.
    pub async fn load(
        &self,
        files: FileSource,
        on_progress: OnProgress,
    ) -> Result<JsModelReport, JsValue> {
        self.measured.take();
        self.model.take();
        let (mut show, cancel) = (shown(on_progress), self.begin());
        let mut run = Run::new(&mut show, &cancel);
        let model = OpenModel::load(PageFiles(files), self.device.clone(), &mut run).await;
        let model = model.map_err(refused)?;
        let report = ModelReport::of_files(&model.checkpoint).await;
        let report = report.map_err(|error| refused(error.into()))?;
        self.model.replace(Some(Rc::new(model)));
        trusted(to_page(&report)?)
    }

    /// Scores every layer of the model by every method on a text.
    pub async fn score(
        &self,
        text: JsNamedText,
        request: JsScoreRequest,
        on_progress: OnProgress,
    ) -> Result<JsReport, JsValue> {
        let model = self.model()?;
        let text = cut(&model, from_page(text)?)?;
        let request: layerlab_lab::ScoreRequest = from_page(request)?;
        let (mut show, cancel) = (shown(on_progress), self.begin());
        let mut run = Run::new(&mut show, &cancel);
        let measured = Measured::of(&model, &text, &request, &mut run).await;
        let measured = measured.map_err(refused)?;
        let report = measured
            .report(&model, &request.score, now(), &mut run)
            .await;
        let report = trusted(report.map_err(refused)?)?;
        self.measured.replace(Some(Rc::new(measured)));
        to_page(&report)
    }

    /// Scores anew from what the last `score` measured, without another pass.
    pub fn rescore(&self, options: JsScoreOptions) -> Result<JsScoringReport, JsValue> {
        let measured = self.measured.borrow().clone();
        let measured = measured
            .ok_or_else(|| thrown(FailureKind::Input, "nothing has been scored yet".into()))?;
        let scoring = measured.score(&from_page(options)?);
        to_page(&scoring.map_err(|error| refused(error.into()))?)
    }

    /// Scores the model, removes layers by every method, and asks the whole and every pruned model the datasets.
    pub async fn run(
        &self,
        text: JsNamedText,
        datasets: JsNamedTexts,
        request: JsExperimentRequest,
        on_progress: OnProgress,
    ) -> Result<JsReport, JsValue> {
        let model = self.model()?;
        let text = cut(&model, from_page(text)?)?;
        let datasets: Vec<NamedText> = from_page(datasets)?;
        let datasets: Result<Vec<Dataset>, _> = datasets
            .into_iter()
            .map(|file| Dataset::read(file.name, &file.contents, false))
            .collect();
        let datasets = datasets.map_err(|error| refused(error.into()))?;
        let request = from_page(request)?;
        let (mut show, cancel) = (shown(on_progress), self.begin());
        let mut run = Run::new(&mut show, &cancel);
        let report = prune_and_judge(
            &model,
            &text,
            &datasets,
            &request,
            now(),
            &mut NoStages,
            &mut run,
        )
        .await;
        to_page(&trusted(report.map_err(refused)?)?)
    }

    /// Continues a text, saying each piece as it comes.
    pub async fn generate(
        &self,
        request: JsGenerateRequest,
        on_text: OnText,
    ) -> Result<JsGenerated, JsValue> {
        let model = self.model()?;
        let request: GenerateRequest = from_page(request)?;
        let cancel = self.begin();
        let generated = speak(&model, &request, &cancel, &on_text).await;
        to_page(&trusted(generated.map_err(refused)?)?)
    }

    /// What comes with the bundled model.
    pub fn bundled() -> Result<JsBundled, JsValue> {
        let named = |file: layerlab_atlas::TaskFile| NamedText {
            name: format!("{}/{}", bundled::NAME, file.name),
            contents: file.contents,
        };
        to_page(&Bundled {
            calibration: named(bundled::calibration()),
            judged_on: bundled::judged_on().into_iter().map(named).collect(),
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

    fn model(&self) -> Result<Rc<OpenModel<PageFiles>>, JsValue> {
        let model = self.model.borrow().clone();
        model.ok_or_else(|| thrown(FailureKind::Input, "no model is loaded".into()))
    }

    /// A wish to cancel that is not that of an earlier call.
    fn begin(&self) -> Cancel {
        let cancel = Cancel::default();
        self.cancel.replace(cancel.clone());
        cancel
    }
}

/// Progress goes to the page's function. What that throws is the page's own affair.
fn shown(on_progress: OnProgress) -> impl FnMut(Progress) {
    let function: Function = on_progress.unchecked_into();
    move |progress| {
        if let Ok(progress) = to_page::<_, JsValue>(&progress) {
            let _ = function.call1(&JsValue::NULL, &progress);
        }
    }
}

fn now() -> String {
    String::from(Date::new_0().to_iso_string())
}

fn cut(model: &OpenModel<PageFiles>, text: NamedText) -> Result<Text, JsValue> {
    let context = model.decoder.spec().context;
    Text::new(
        text.name,
        &text.contents,
        &model.tokenizer,
        context,
        TextOptions::default(),
    )
    .map_err(|error| refused(error.into()))
}

async fn speak(
    model: &OpenModel<PageFiles>,
    request: &GenerateRequest,
    cancel: &Cancel,
    on_text: &OnText,
) -> Result<Generated, LabError> {
    let removed: BTreeSet<usize> = request.removed.iter().copied().collect();
    let decoder = model.decoder.without(&removed)?;
    let prompt = model.tokenizer.encode(&request.prompt, true)?;
    let options = GenerateOptions {
        max_new_tokens: request.max_new_tokens,
        sampling: match request.temperature {
            None => Sampling::Greedy,
            Some(temperature) => Sampling::Sample {
                temperature,
                top_k: None,
                top_p: None,
                seed: request.seed,
            },
        },
        stop: model.tokenizer.stops().to_vec(),
    };
    let mut speech = Speech::after(&model.tokenizer, &prompt)?;
    let function: &Function = on_text.unchecked_ref();
    let start = Instant::now();
    let (mut text, mut failed) = (String::new(), None);
    let tokens = generate(&decoder, &prompt, &options, &mut |id| {
        match speech.push(id) {
            Ok(new) => {
                // What the page's function throws is its own affair.
                let _ = function.call1(&JsValue::NULL, &JsValue::from_str(&new));
                text.push_str(&new);
            }
            Err(error) => failed = Some(error),
        }
        match failed.is_some() || cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })
    .await?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Generated {
            text,
            tokens: tokens.len(),
            seconds: start.elapsed().as_secs_f64(),
        }),
    }
}
