//! `layerlab score`.

use std::path::PathBuf;

use clap::Args;
use layerlab_lab::{
    Cancel, Dataset, EvalOptions, Measured, Report, Run, ScoreOptions, ScoreRequest, Tap,
    score_shard,
};

use super::{next_steps, now};
use crate::{
    Failure,
    arguments::{
        CutArguments, DeviceArguments, FormatArguments, Found, ModelArguments, OutputArguments,
        ScoringArguments, ShardArguments, WORTH_SECONDS, Wanted, WantedShard, answers,
    },
    input::{NamedText, calibration},
    model,
    output::warn,
    progress::{Bars, on_interrupt},
};

/// Score every layer by every method
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab score --model path/to/model --text notes.txt
  layerlab score --model owner/name --text notes.txt --device gpu --json --output report.json
  layerlab score --model path/to/model --text notes.txt --recipe authors --resamples 0")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Calibration text, UTF-8; - reads the standard input; a general one of the lab's if not given; atlas has its own
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    scoring: ScoringArguments,
    #[command(flatten)]
    more: MoreArguments,
    #[command(flatten)]
    cut: CutArguments,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    shard: ShardArguments,
}

/// What else is scored
#[derive(Args)]
#[command(next_help_heading = "More scores")]
struct MoreArguments {
    /// Whether to measure the loss without each layer (SLEB), which takes about half as many forward passes as there are
    /// layers: auto does where it takes under a minute
    #[arg(long, value_enum, default_value_t, default_missing_value = "always", num_args = 0..=1)]
    loss_change: Wanted,
    /// Further taps whose statistics go into the report
    #[arg(long, value_name = "TAP,…", value_delimiter = ',')]
    extra_taps: Vec<Tap>,
    /// Also compare hidden states N blocks apart (angular distance of N); may be repeated
    #[arg(long = "span", value_name = "N", value_delimiter = ',')]
    spans: Vec<usize>,
    /// How many layers count as the lowest; a quarter, rounded to the nearest, if not given
    #[arg(long, value_name = "K")]
    lowest: Option<usize>,
}

/// Where the rest of a scoring is.
const NEXT: &str = "Everything: --full; for programs: --json or --csv";

/// Runs it.
///
/// # Errors
/// When the model or the text cannot be used, the device fails, the output cannot be written, or the
/// user interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let destination = arguments.output.destination();
    let wanted = arguments.shard.wanted(&arguments.output)?;
    match wanted {
        None => destination.check()?,
        Some(_) => arguments.more.loss_change.refuse_auto("--loss-change")?,
    }
    let on = &arguments.scoring.on;
    on.check(arguments.more.loss_change != Wanted::Never)?;
    let on = on.datasets(&[], arguments.scoring.confidence.confidence().seed)?;
    let text = calibration(arguments.text.as_deref(), &arguments.model.model)?;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let found = pollster::block_on(arguments.score(text, &on, wanted, &mut bars, &cancel));
    bars.clear();
    found?.write(|report| arguments.write(report))
}

impl Arguments {
    fn write(&self, report: &Report) -> Result<(), Failure> {
        let destination = self.output.destination();
        let format = self.format.format(&destination);
        let mut written = format.write(report)?;
        if format.is_brief() {
            let (model, text) = (&self.model.model, self.text.as_deref());
            written += &next_steps(report, model, text, NEXT);
        }
        destination.write(&written)
    }

    async fn score(
        &self,
        text: NamedText,
        on: &[Dataset],
        wanted: Option<WantedShard>,
        bars: &mut Bars,
        cancel: &Cancel,
    ) -> Result<Found, Failure> {
        let model = model::load(&self.model.model, self.device, bars, cancel).await?;
        let text = self.cut.text(&text, &model)?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, cancel);
        let mut request = self.request();
        request.answers = answers(on, &model, &EvalOptions::default())?;
        if let Some(wanted) = wanted {
            let task = wanted.task(now());
            let part = score_shard(&model, &text, &request, task, &mut run).await?;
            return Ok(Found::Part(Box::new(wanted), part.map(Box::new)));
        }
        let mut measured = Measured::of(&model, &text, &request, &mut run).await?;
        if !request.loss_change && self.more.loss_change == Wanted::Auto {
            let seconds = measured.leave_out_estimate(model.decoder.spec());
            match seconds <= WORTH_SECONDS {
                true => {
                    measured
                        .leave_out(&model, &text, &request, &mut run)
                        .await?
                }
                false => warn(&format!(
                    "the loss without each layer was not measured, which would take about {:.0} min; --loss-change measures it",
                    (seconds / 60.0).ceil()
                )),
            }
        }
        let report = measured.report(&model, &request.score, now(), &mut run);
        Ok(Found::All(Box::new(report.await?)))
    }

    fn request(&self) -> ScoreRequest {
        let (more, request) = (&self.more, self.scoring.request(self.cut.batch, &[]));
        ScoreRequest {
            score: ScoreOptions {
                lowest: more.lowest,
                ..request.score
            },
            extra_taps: more.extra_taps.iter().copied().collect(),
            // The span of 1 carries Block Influence and is always taken.
            spans: [1].into_iter().chain(more.spans.iter().copied()).collect(),
            // Who says what it is to be measured on wants it.
            loss_change: more.loss_change == Wanted::Always || !self.scoring.on.is_empty(),
            ..request
        }
    }
}
