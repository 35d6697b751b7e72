//! What a session finds out about its model's hallucinations, and what it does about them.

use std::rc::Rc;

use layerlab_atlas::bundled;
use layerlab_lab::{
    Dataset, LabError, LocateRequest, LocatedPairs, NoStages, Objective, RepairMaterial,
    RepairRequest, answer_changes, export_repaired, files::ModelFiles, locate_pairs, repair_layers,
    write_adapters,
};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    Session,
    border::{from_page, refused, report_to_page, thrown, to_page, trusted},
    call::{Call, PageCall},
    experiments::read,
    export::{ExportSink, PageTarget},
    opened::Repair,
    session::{named, now},
    types::{
        BundledPairs, Examination, FailureKind, RepairTexts, TokensRequest,
        page::{
            JsAnswerChanges, JsBundledPairs, JsExamination, JsLocateRequest, JsPairTokens,
            JsRepairRequest, JsRepairTexts, JsReport, JsTokensRequest,
        },
    },
};

#[wasm_bindgen]
impl Session {
    /// Pairs, questions and neutral texts that come with the bundled model.
    #[wasm_bindgen(js_name = bundledPairs)]
    pub fn bundled_pairs() -> Result<JsBundledPairs, JsValue> {
        let [neutral, judged] = bundled::neutral();
        to_page(&BundledPairs {
            pairs: bundled::pairs().into_iter().map(named).collect(),
            repair: RepairTexts {
                datasets: bundled::repaired_on().into_iter().map(named).collect(),
                items: None,
                neutral: named(neutral),
                judged: Some(named(judged)),
            },
            locate_request: LocateRequest::default(),
            repair_request: RepairRequest::default(),
            objectives: Objective::ALL.to_vec(),
        })
    }

    /// Contrasts factual and hallucinated answers at every layer.
    pub async fn locate(
        &self,
        examination: JsExamination,
        request: JsLocateRequest,
        call: PageCall,
    ) -> Result<JsReport, JsValue> {
        let opened = self.opened()?;
        let model = &opened.model;
        let datasets = read(from_page(examination)?)?;
        let request: LocateRequest = from_page(request)?;
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let located = locate_pairs(model, &datasets, &request, now(), &mut run).await;
        let located = trusted(located.map_err(refused)?)?;
        opened.located.replace(Rc::new(located.pairs));
        report_to_page(&located.report)
    }

    /// A pair that the last `locate` measured, token by token.
    pub async fn tokens(&self, request: JsTokensRequest) -> Result<JsPairTokens, JsValue> {
        let opened = self.opened()?;
        let model = &opened.model;
        let TokensRequest { dataset, pair, tap } = from_page(request)?;
        let located: Rc<Vec<LocatedPairs>> = opened.located.borrow().clone();
        let of_dataset = located.iter().find(|one| one.dataset() == dataset);
        let of_dataset = of_dataset.ok_or_else(|| {
            let message = format!("no pairs of {dataset} have been measured yet");
            thrown(FailureKind::Input, message)
        })?;
        let tokens = of_dataset.tokens(model, pair, tap).await;
        to_page(&trusted(tokens.map_err(refused)?)?)
    }

    /// Trains adapters on chosen layers and judges the model before and after on held-out questions.
    pub async fn repair(
        &self,
        texts: JsRepairTexts,
        request: JsRepairRequest,
        call: PageCall,
    ) -> Result<JsReport, JsValue> {
        let opened = self.opened()?;
        let model = &opened.model;
        let material = material(from_page(texts)?)?;
        let request: RepairRequest = from_page(request)?;
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let (mut stages, created) = (NoStages, now());
        let repaired = repair_layers(model, &material, &request, created, &mut stages, &mut run);
        let repaired = trusted(repaired.await.map_err(refused)?)?;
        opened
            .repaired
            .replace(repaired.best().map(|(_, adapters)| {
                Rc::new(Repair {
                    adapters: adapters.clone(),
                    material,
                    request,
                })
            }));
        report_to_page(&repaired.report)
    }

    /// Asks the training of a call to end with the best that it has come to, which is then judged.
    #[wasm_bindgen(js_name = endTraining)]
    pub fn end_training(&self, call: u32) {
        self.calls.end_training(call);
    }

    /// What the model says to held-out questions before and after the last repair, `count` of each dataset.
    #[wasm_bindgen(js_name = answerChanges)]
    pub async fn answer_changes(
        &self,
        count: usize,
        call: PageCall,
    ) -> Result<JsAnswerChanges, JsValue> {
        let opened = self.opened()?;
        let (model, repair) = (&opened.model, opened.repair()?);
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let Repair {
            adapters,
            material,
            request,
        } = &*repair;
        let changes = answer_changes(model, adapters, material, request, count, &mut run).await;
        to_page(&trusted(changes.map_err(refused)?)?)
    }

    /// Writes the adapters of the last repair in the layout of PEFT.
    #[wasm_bindgen(js_name = exportAdapters)]
    pub async fn export_adapters(&self, sink: ExportSink) -> Result<(), JsValue> {
        let opened = self.opened()?;
        let (model, repair) = (&opened.model, opened.repair()?);
        let base = model.checkpoint.files().describe();
        let (spec, mut target) = (model.decoder.spec(), PageTarget(sink));
        let written = write_adapters(&repair.adapters, spec, &base, &mut target).await;
        trusted(written.map_err(|error| refused(LabError::from(error)))?)
    }

    /// Writes the model with the adapters of the last repair merged into its weights.
    #[wasm_bindgen(js_name = exportRepaired)]
    pub async fn export_repaired(&self, sink: ExportSink, call: PageCall) -> Result<(), JsValue> {
        let opened = self.opened()?;
        let (model, repair) = (&opened.model, opened.repair()?);
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let mut target = PageTarget(sink);
        let written = export_repaired(model, &repair.adapters, &mut target, &mut run).await;
        trusted(written.map_err(refused)?)
    }
}

fn material(texts: RepairTexts) -> Result<RepairMaterial, JsValue> {
    let RepairTexts {
        datasets,
        items,
        neutral,
        judged,
    } = texts;
    let datasets = read(Examination { datasets, items })?;
    Ok(match judged {
        Some(judged) => RepairMaterial {
            datasets,
            neutral: neutral.contents,
            texts: vec![Dataset::of_text(judged.name, judged.contents)],
        },
        None => RepairMaterial::with_neutral(datasets, &neutral.name, neutral.contents),
    })
}
