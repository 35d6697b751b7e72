//! A share of the work as bytes, and how it is done.

use std::{borrow::Cow, collections::BTreeSet};

use layerlab_eval::{Dataset, EvalOptions};
use layerlab_model::{Decoder, Tokenizer};
use serde::{Deserialize, Serialize};

use super::GarbledShare;
use crate::{
    LabError, OpenModel, Run,
    calibration::{Calibration, PassRequest, PassResult, Passages},
    evaluate::{Exam, ModelTurn},
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

/// A model to ask; the answer is JSON, since results have forms that only such a language can tell apart.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ExamShare<'a> {
    /// Layers that the model is to do without.
    pub removed: Cow<'a, BTreeSet<usize>>,
    pub datasets: Cow<'a, [Dataset]>,
    pub options: Cow<'a, EvalOptions>,
}

impl PassShare<'_> {
    pub async fn perform(
        &self,
        decoder: &Decoder,
        run: &mut Run<'_>,
    ) -> Result<PassResult, LabError> {
        let calibration = Calibration {
            passages: &self.passages,
            batch: self.batch,
        };
        calibration.pass_locally(decoder, &self.wanted, run).await
    }
}

impl ExamShare<'_> {
    pub async fn perform(
        &self,
        decoder: &Decoder,
        tokenizer: &Tokenizer,
        run: &mut Run<'_>,
    ) -> Result<String, LabError> {
        let exam = Exam {
            tokenizer,
            datasets: &self.datasets,
            options: &self.options,
        };
        let view = decoder.without(&self.removed)?;
        let results = exam
            .take(&view, ModelTurn { models: 0, of: 1 }, run)
            .await?;
        Ok(serde_json::to_string(&results).map_err(GarbledShare::from)?)
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
        Share::Exam(share) => postcard::to_stdvec(&share.perform(decoder, tokenizer, run).await?),
    };
    Ok(written.map_err(GarbledShare::from)?)
}
