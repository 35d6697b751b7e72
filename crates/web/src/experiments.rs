//! What a session finds out about its model.

use std::rc::Rc;

use layerlab_lab::{
    Dataset, HealTask, Measured, OpenModel, Plan, Provenance, Report, TaskAnswers, Text,
    TextOptions, export_pruned, heal_and_judge, judge_removals, prune_and_judge,
};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    Session,
    border::{from_page, refused, report_to_page, thrown, to_page, trusted},
    call::{Call, PageCall},
    datasets::dataset,
    export::{ExportSink, PageTarget},
    files::PageFiles,
    opened::Cure,
    session::now,
    types::{
        Calibration, Examination, FailureKind, HealingRequest, JudgeRequest, NamedText,
        PlanningRequest, Questions,
        page::{
            JsCalibration, JsExamination, JsExperimentRequest, JsHealedAlone, JsHealingRequest,
            JsJudgeRequest, JsJudged, JsPlan, JsPlanningRequest, JsPlans, JsReport, JsScoreOptions,
            JsScoreRequest, JsScoringReport,
        },
    },
};

/// Seed of the draw of items, as the command's default.
const SEED: u64 = 0;

#[wasm_bindgen]
impl Session {
    /// Scores every layer of the model by every method on a text.
    pub async fn score(
        &self,
        text: JsCalibration,
        request: JsScoreRequest,
        call: PageCall,
    ) -> Result<JsReport, JsValue> {
        let opened = self.opened()?;
        let model = &opened.model;
        let text = cut(model, from_page(text)?)?;
        let request: layerlab_lab::ScoreRequest = from_page(request)?;
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let measured = Measured::of(model, &text, &request, &mut run).await;
        let measured = measured.map_err(refused)?;
        let report = measured
            .report(model, &request.score, now(), &mut run)
            .await;
        let report = trusted(report.map_err(refused)?)?;
        opened.measured.replace(Some(Rc::new(measured)));
        report_to_page(&report)
    }

    /// Measures the loss without each layer on some more sequences of the text that was scored last, and scores anew.
    #[wasm_bindgen(js_name = leaveOut)]
    pub async fn leave_out(
        &self,
        text: JsCalibration,
        options: JsScoreOptions,
        sequences: usize,
        call: PageCall,
    ) -> Result<JsReport, JsValue> {
        let opened = self.opened()?;
        let (model, measured) = (&opened.model, opened.measured()?);
        let text = cut(model, from_page(text)?)?;
        let options = from_page(options)?;
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let mut more = Measured::clone(&measured);
        let left_out = more.leave_out_more(model, &text, sequences, &mut run).await;
        left_out.map_err(refused)?;
        let report = more.report(model, &options, now(), &mut run).await;
        let report = trusted(report.map_err(refused)?)?;
        opened.measured.replace(Some(Rc::new(more)));
        report_to_page(&report)
    }

    /// Scores anew from what the last `score` measured, without another pass.
    pub fn rescore(&self, options: JsScoreOptions) -> Result<JsScoringReport, JsValue> {
        let scoring = self.opened()?.measured()?.score(&from_page(options)?);
        to_page(&scoring.map_err(|error| refused(error.into()))?)
    }

    /// Plans by what the last `score` measured, which must have been of the same text.
    pub async fn plan(
        &self,
        text: JsCalibration,
        request: JsPlanningRequest,
        call: PageCall,
    ) -> Result<JsPlans, JsValue> {
        let opened = self.opened()?;
        let (model, measured) = (&opened.model, opened.measured()?);
        let text = cut(model, from_page(text)?)?;
        let request: PlanningRequest = from_page(request)?;
        let (mut score, plans) = (request.score, &request.plans);
        if let Some(Questions { examination, eval }) = request.on {
            let (datasets, context) = (read(examination)?, model.decoder.spec().context);
            let answers = TaskAnswers::of(&datasets, &model.tokenizer, context, &eval);
            score.answers = Some(answers.map_err(refused)?);
        }
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let plans = async {
            if score.answers.is_none() {
                return measured.plans(model, &text, &score, plans, &mut run).await;
            }
            // What was measured of the text stays as it is.
            let mut of_answers = Measured::clone(&measured);
            of_answers.leave_out(model, &text, &score, &mut run).await?;
            of_answers
                .plans(model, &text, &score, plans, &mut run)
                .await
        };
        let plans = plans.await;
        to_page(&trusted(plans.map_err(refused)?)?)
    }

    /// Asks the model, whole and without each set of layers.
    pub async fn judge(
        &self,
        examination: JsExamination,
        request: JsJudgeRequest,
        call: PageCall,
    ) -> Result<JsJudged, JsValue> {
        let opened = self.opened()?;
        let model = &opened.model;
        let datasets = read(from_page(examination)?)?;
        let JudgeRequest { removals, eval } = from_page(request)?;
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        // Taken out while this call runs: another may come, and finds none.
        let mut stages = opened.finished.take();
        let judged =
            judge_removals(model, &datasets, &removals, &eval, &mut stages, &mut run).await;
        opened.finished.replace(stages);
        to_page(&trusted(judged.map_err(refused)?)?)
    }

    /// Heals the model without some layers, and asks it what the whole model and the one as cut are asked.
    pub async fn heal(
        &self,
        text: JsCalibration,
        examination: JsExamination,
        request: JsHealingRequest,
        call: PageCall,
    ) -> Result<JsHealedAlone, JsValue> {
        let opened = self.opened()?;
        let model = &opened.model;
        let text = cut(model, from_page(text)?)?;
        let datasets = read(from_page(examination)?)?;
        let HealingRequest {
            removed,
            heal,
            eval,
        } = from_page(request)?;
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let mut stages = opened.finished.take();
        let task = HealTask {
            removed: &removed,
            text: &text,
            request: &heal,
            datasets: &datasets,
            eval: &eval,
        };
        let healed = heal_and_judge(model, task, &mut stages, &mut run).await;
        opened.finished.replace(stages);
        let (model, alone) = trusted(healed.map_err(refused)?)?;
        let cure = Cure {
            model,
            removed,
            text,
        };
        opened.healed.replace(Some(Rc::new(cure)));
        to_page(&alone)
    }

    /// Scores the model, removes layers by every method, and asks the whole and every pruned model.
    pub async fn run(
        &self,
        text: JsCalibration,
        examination: JsExamination,
        request: JsExperimentRequest,
        call: PageCall,
    ) -> Result<JsReport, JsValue> {
        let opened = self.opened()?;
        let model = &opened.model;
        let text = cut(model, from_page(text)?)?;
        let datasets = read(from_page(examination)?)?;
        let request = from_page(request)?;
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let (mut stages, created) = (opened.finished.take(), now());
        let report = prune_and_judge(
            model,
            &text,
            &datasets,
            &request,
            created,
            &mut stages,
            &mut run,
        );
        let report = report.await;
        opened.finished.replace(stages);
        let report: Report = trusted(report.map_err(refused)?)?;
        report_to_page(&report)
    }

    /// Writes the model without a plan's layers as the files of a Hugging Face folder, as it was healed last where that is asked for.
    pub async fn export(
        &self,
        plan: JsPlan,
        healed: bool,
        sink: ExportSink,
        call: PageCall,
    ) -> Result<(), JsValue> {
        let opened = self.opened()?;
        let model = &opened.model;
        let mut call = Call::new(&self.calls, call, opened.helpers.as_ref());
        let mut run = call.run();
        let plan: Plan = from_page(plan)?;
        let cure = match healed {
            true => Some(opened.cure()?),
            false => None,
        };
        if let Some(cure) = &cure
            && cure.removed != plan.set()
        {
            let message = "what was healed is without other layers".into();
            return Err(thrown(FailureKind::Input, message));
        }
        let provenance = Provenance::of(&model.checkpoint, plan, now()).await;
        let mut provenance = provenance.map_err(refused)?;
        if let Some(cure) = &cure {
            provenance = provenance.healed(&cure.model.record, &cure.text);
        }
        let decoder = cure.as_ref().map(|cure| &cure.model.decoder);
        let mut target = PageTarget(sink);
        let written = export_pruned(
            &model.checkpoint,
            &provenance,
            decoder,
            &mut target,
            &mut run,
        )
        .await;
        written.map_err(refused)
    }
}

fn cut(model: &OpenModel<PageFiles>, given: Calibration) -> Result<Text, JsValue> {
    let context = model.decoder.spec().context;
    let options = TextOptions {
        sequence_length: given.sequence_length,
        max_sequences: given.max_sequences,
    };
    let NamedText { name, contents, .. } = given.text;
    Text::new(name, &contents, &model.tokenizer, context, options)
        .map_err(|error| refused(error.into()))
}

/// Datasets of the page's, and of each as many items as it wants.
pub(crate) fn read(given: Examination) -> Result<Vec<Dataset>, JsValue> {
    let some = |dataset: Dataset| match given.items {
        Some(limit) => dataset.sample(limit, SEED),
        None => dataset,
    };
    let datasets = given.datasets.into_iter();
    datasets.map(|text| Ok(some(dataset(text)?))).collect()
}
