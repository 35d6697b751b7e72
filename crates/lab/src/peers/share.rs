//! A share of the work as bytes, and how it is done.

use std::{borrow::Cow, collections::BTreeSet, ops::ControlFlow};

use layerlab_eval::{CutResults, Dataset, EvalOptions, evaluate_cuts};
use layerlab_model::{Cuts, Decoder, Tokenizer};
use serde::{Deserialize, Serialize};

use super::GarbledShare;
use crate::{
    LabError, OpenModel, Progress, Run,
    calibration::{Calibration, PassRequest, PassResult, Passages},
};

/// A piece of work that needs nothing but the model.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Share<'a> {
    Pass(PassShare<'a>),
    Exam(ExamShare<'a>),
}

/// Sequences to pass; the answer is [`PassResult`].
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PassShare<'a> {
    pub passages: Passages<'a>,
    pub batch: usize,
    pub wanted: Cow<'a, PassRequest>,
}

/// Models to ask; the answer is JSON, since results have forms that only such a language can tell apart.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ExamShare<'a> {
    /// Layers that each is to do without.
    pub removed: Vec<BTreeSet<usize>>,
    pub dataset: Cow<'a, Dataset>,
    pub options: Cow<'a, EvalOptions>,
}

/// Where models that are asked several datasets stand.
#[derive(Clone, Copy)]
pub(crate) struct ExamTurn {
    /// Pairs of a model and a dataset done, and in all.
    pub done: usize,
    pub of: usize,
    /// How many models there are.
    pub models: usize,
}

impl ExamTurn {
    /// How many models that many more pairs make.
    pub fn models(&self, more: usize) -> usize {
        (self.done + more) * self.models / self.of.max(1)
    }
}

impl PassShare<'_> {
    pub async fn perform(
        &self,
        decoder: &Decoder,
        run: &mut Run<'_>,
    ) -> Result<PassResult, LabError> {
        let calibration = Calibration::of(&self.passages, self.batch);
        calibration.pass_locally(decoder, &self.wanted, run).await
    }
}

impl ExamShare<'_> {
    pub async fn perform(
        &self,
        decoder: &Decoder,
        tokenizer: &Tokenizer,
        turn: ExamTurn,
        run: &mut Run<'_>,
    ) -> Result<CutResults, LabError> {
        let cuts = Cuts::new(decoder.spec().layers(), &self.removed)?;
        let models = self.removed.len().max(1);
        let mut progress = |done: usize, total: usize| {
            // They are asked side by side; this tells it as if it were one after the other.
            let each = (total / models).max(1);
            let place = (done / each).min(models - 1);
            let step = Progress::Evaluating {
                models: turn.models(place),
                of: turn.models,
                done: done - place * each,
                total: each,
            };
            match run.report(step) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        let (dataset, options) = (&self.dataset, &self.options);
        let found = evaluate_cuts(decoder, &cuts, tokenizer, dataset, options, &mut progress);
        Ok(found.await?)
    }

    /// As it goes from one session to the other.
    pub async fn answer(
        &self,
        decoder: &Decoder,
        tokenizer: &Tokenizer,
        run: &mut Run<'_>,
    ) -> Result<String, LabError> {
        let alone = ExamTurn {
            done: 0,
            of: 1,
            models: 1,
        };
        let found = self.perform(decoder, tokenizer, alone, run).await?;
        Ok(serde_json::to_string(&found).map_err(GarbledShare::from)?)
    }
}

/// Does a share that another session asks for; both hold the same model.
///
/// # Errors
/// When the share is none, the device fails, or the caller asks to stop.
pub async fn perform_share<F>(
    model: &OpenModel<F>,
    share: &[u8],
    run: &mut Run<'_>,
) -> Result<Vec<u8>, LabError> {
    let (decoder, tokenizer) = (&model.decoder, &model.tokenizer);
    let written = match postcard::from_bytes(share).map_err(GarbledShare::from)? {
        Share::Pass(share) => postcard::to_stdvec(&share.perform(decoder, run).await?),
        Share::Exam(share) => postcard::to_stdvec(&share.answer(decoder, tokenizer, run).await?),
    };
    Ok(written.map_err(GarbledShare::from)?)
}
