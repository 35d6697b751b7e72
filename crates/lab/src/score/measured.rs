//! What passing a text through a model found.

use std::collections::BTreeSet;

use layerlab_model::{DecoderSpec, ModelFiles};
use layerlab_score::{LayerLosses, Plan, ScoreError, ScoreOptions, score};
use layerlab_stats::ModelStatistics;
use serde::{Deserialize, Serialize};
use web_time::Instant;

use crate::{
    LabError, OpenModel, PlanRequest, Progress, Run, Text,
    calibration::{Calibration, PassRequest, PassResult, Passages, TaskAnswers, leave_out_seconds},
    prune::BlockPasses,
    report::{
        AnswersReport, DataReport, Experiment, OptionsReport, Report, ScoringReport, layer_reports,
    },
};

use super::{ScoreRequest, Scored};

/// What passing a text through a model found: scores by any estimator, tap and threshold follow from it
/// without another pass.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    data: DataReport,
    spans: BTreeSet<usize>,
    batch: usize,
    statistics: ModelStatistics,
    /// What the losses are of, where not of the text.
    answers: Option<AnswersReport>,
    losses: Option<LayerLosses>,
    block_passes: Vec<BlockPasses>,
    measure_seconds: f64,
    leave_out_seconds: Option<f64>,
}

impl Measured {
    /// Passes the text through the model, and on the way without each layer where losses are wanted.
    ///
    /// # Errors
    /// When an option is out of range, the model cannot read the text, the device fails, or the caller asks
    /// to stop.
    pub async fn of<F>(
        model: &OpenModel<F>,
        text: &Text,
        request: &ScoreRequest,
        run: &mut Run<'_>,
    ) -> Result<Self, LabError> {
        let options = request.measure_options();
        let layers = model.decoder.spec().layers();
        // Losses of answers take another pass.
        let with_losses = request.loss_change && request.answers.is_none();
        let wanted = PassRequest {
            removed: BTreeSet::new(),
            without: (0..layers).filter(|_| with_losses).collect(),
            whole: with_losses,
            statistics: Some(options.clone()),
        };
        let passages = Passages::of(&text.sequences);
        let calibration = Calibration::of(&passages, request.batch);
        let found = calibration.pass(&model.decoder, &wanted, run).await?;
        let passes = BlockPasses::of("leaving out each layer", found.passes);
        let mut measured = Self {
            data: DataReport::of(text),
            spans: options.spans,
            batch: options.batch,
            statistics: ModelStatistics {
                layers: found.layers,
            },
            answers: None,
            losses: with_losses.then_some(found.losses),
            block_passes: with_losses.then_some(passes).into_iter().collect(),
            measure_seconds: found.pass_seconds,
            leave_out_seconds: with_losses.then_some(found.loss_seconds),
        };
        if request.loss_change && !with_losses {
            measured.leave_out(model, text, request, run).await?;
        }
        Ok(measured)
    }

    /// About how many seconds leaving out each layer of the model would take.
    pub fn leave_out_estimate(&self, spec: &DecoderSpec) -> f64 {
        leave_out_seconds(self.measure_seconds, spec)
    }

    /// Measures the loss without each layer too, on the text that was measured or the request's answers.
    ///
    /// # Errors
    /// When the model cannot read the text, the device fails, or the caller asks to stop.
    pub async fn leave_out<F>(
        &mut self,
        model: &OpenModel<F>,
        text: &Text,
        request: &ScoreRequest,
        run: &mut Run<'_>,
    ) -> Result<(), LabError> {
        let wanted = PassRequest {
            without: (0..model.decoder.spec().layers()).collect(),
            whole: true,
            ..PassRequest::default()
        };
        let answers = request.answers.as_ref();
        let passages = match answers {
            Some(answers) => answers.passages(),
            None => Passages::of(&text.sequences),
        };
        let calibration = Calibration::of(&passages, request.batch);
        let found = calibration.pass(&model.decoder, &wanted, run).await?;
        self.answers = answers.map(AnswersReport::of);
        self.losses = None;
        self.block_passes.clear();
        self.leave_out_seconds = None;
        self.take_losses(found);
        Ok(())
    }

    /// Measures the loss without each layer on `sequences` more of the text that was measured, or on as many as are left: what is
    /// known gets surer call by call. Losses of answers are given up for those of the text.
    ///
    /// # Errors
    /// When the text is another than was measured, the model cannot read it, the device fails, or the caller asks to stop; what
    /// was known before is kept then.
    pub async fn leave_out_more<F>(
        &mut self,
        model: &OpenModel<F>,
        text: &Text,
        sequences: usize,
        run: &mut Run<'_>,
    ) -> Result<(), LabError> {
        if DataReport::of(text) != self.data {
            return Err(LabError::OtherText);
        }
        let known = self.loss_sequences().unwrap_or(0);
        let rest = &text.sequences[known..];
        let some = &rest[..sequences.min(rest.len())];
        if some.is_empty() {
            return Ok(());
        }
        let wanted = PassRequest {
            without: (0..model.decoder.spec().layers()).collect(),
            whole: true,
            ..PassRequest::default()
        };
        let passages = Passages::of(some);
        // Peers share even a few.
        let batch = self.batch.min(some.len().div_ceil(2));
        let calibration = Calibration::of(&passages, batch);
        let found = calibration.pass(&model.decoder, &wanted, run).await?;
        if self.answers.take().is_some() {
            self.losses = None;
            self.block_passes.clear();
            self.leave_out_seconds = None;
        }
        self.take_losses(found);
        Ok(())
    }

    /// On how many sequences of the text, from the first on, the loss without each layer was measured; none where it was not.
    pub fn loss_sequences(&self) -> Option<usize> {
        let losses = self.losses.as_ref()?;
        self.answers.is_none().then_some(losses.tokens.len())
    }

    /// Whether its parts belong together, as they do unless a file was tampered with.
    pub(crate) fn is_sound(&self) -> bool {
        let sequences = self.data.sequences;
        let layers = self.statistics.layers.len();
        let of = match &self.answers {
            Some(answers) => answers.answers,
            None => sequences,
        };
        let losses = self.losses.as_ref().is_none_or(|losses| {
            let mut all = losses.without.iter().chain([&losses.whole]);
            losses.without.len() == layers
                && losses.tokens.len() == of
                && all.all(|losses| losses.len() == of)
        });
        losses && layers > 0 && self.statistics.is_sound(sequences)
    }

    /// Appends what was found of the sequences that follow, for the same.
    pub(crate) fn append(&mut self, next: Self) {
        self.data.append(&next.data);
        self.statistics.merge(next.statistics);
        if let (Some(answers), Some(next)) = (&mut self.answers, next.answers) {
            answers.answers += next.answers;
            answers.tokens += next.tokens;
        }
        if let (Some(losses), Some(next)) = (&mut self.losses, next.losses) {
            losses.append(next);
        }
        for (passes, next) in self.block_passes.iter_mut().zip(next.block_passes) {
            passes.append(&next);
        }
        self.measure_seconds += next.measure_seconds;
        if let (Some(seconds), Some(next)) = (&mut self.leave_out_seconds, next.leave_out_seconds) {
            *seconds += next;
        }
    }

    /// Adds losses to those that are known.
    fn take_losses(&mut self, found: PassResult) {
        let seconds = found.pass_seconds + found.loss_seconds;
        *self.leave_out_seconds.get_or_insert(0.0) += seconds;
        match self.block_passes.as_mut_slice() {
            [known] => known.add(found.passes),
            _ => self.block_passes = vec![BlockPasses::of("leaving out each layer", found.passes)],
        }
        match &mut self.losses {
            Some(losses) => losses.append(found.losses),
            none => *none = Some(found.losses),
        }
    }

    /// Scores every layer by every method. An absolute threshold that was not the request's is counted from
    /// the histogram.
    ///
    /// # Errors
    /// When an option is out of range, or the tap was not measured.
    pub fn score(&self, options: &ScoreOptions) -> Result<ScoringReport, ScoreError> {
        Ok(ScoringReport {
            data: self.data.clone(),
            answers: self.answers.clone(),
            loss_sequences: self.loss_sequences(),
            options: OptionsReport {
                score: options.clone(),
                spans: self.spans.clone(),
                batch: self.batch,
            },
            statistics: layer_reports(&self.statistics, options),
            scores: score(&self.statistics, self.losses.as_ref(), options)?,
        })
    }

    /// The report of [`score_layers`]. `created` is the time as RFC 3339.
    ///
    /// # Errors
    /// As [`score`](Self::score), and when the model's files can no longer be read.
    pub async fn report<F: ModelFiles>(
        &self,
        model: &OpenModel<F>,
        options: &ScoreOptions,
        created: String,
        run: &mut Run<'_>,
    ) -> Result<Report, LabError> {
        let scored = self.scored(options, run).await?;
        run.step(Progress::Hashing).await?;
        let mut report = Report::begin(model, Experiment::Score, created).await?;
        scored.add_to(&mut report);
        Ok(report.concluded())
    }

    /// A plan for each method and schedule that `request` names. What was measured serves for the first choice;
    /// choosing again after each removal passes `text`, which must be the one that was measured.
    ///
    /// # Errors
    /// When a plan cannot be made, the device fails, or the caller asks to stop.
    pub async fn plans<F>(
        &self,
        model: &OpenModel<F>,
        text: &Text,
        scoring: &ScoreRequest,
        request: &PlanRequest,
        run: &mut Run<'_>,
    ) -> Result<Vec<Plan>, LabError> {
        let scores = self.score(&scoring.score)?.scores;
        let passages = Passages::of(&text.sequences);
        let answers = scoring.answers.as_ref().map(TaskAnswers::passages);
        let subject = scoring.subject(&model.decoder, &passages, answers.as_ref());
        Ok(subject.plans(&scores, request, run).await?.plans)
    }

    pub(crate) async fn scored(
        &self,
        options: &ScoreOptions,
        run: &mut Run<'_>,
    ) -> Result<Scored, LabError> {
        run.step(Progress::Scoring).await?;
        let start = Instant::now();
        Ok(Scored {
            scoring: self.score(options)?,
            block_passes: self.block_passes.clone(),
            measure_seconds: self.measure_seconds,
            leave_out_seconds: self.leave_out_seconds,
            score_seconds: start.elapsed().as_secs_f64(),
        })
    }
}
