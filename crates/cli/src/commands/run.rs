//! `layerlab run`.

use std::path::PathBuf;

use clap::Args;
use layerlab_lab::{
    Cancel, Dataset, ExperimentRequest, FolderTarget, Healing, LabError, MethodId, OpenModel,
    PlanRequest, Provenance, PruneShard, Report, Run, Schedule, ScoreRequest, Text, export_pruned,
    heal_again, prune_and_judge, prune_shard, rounding,
};

use super::{next_steps, now};
use crate::{
    Failure,
    arguments::{
        BudgetArguments, CutArguments, DeviceArguments, FormatArguments, Found, HealArguments,
        JudgedTexts, ModelArguments, OutputArguments, PageArguments, Schedules, ScoringArguments,
        ShardArguments, TaskArguments, WantedShard, answers,
    },
    input::{NamedText, calibration},
    model::{self, Source},
    output::warn,
    progress::{Bars, on_interrupt},
    stages::StageFolder,
};

/// Score a model, prune it by every method, heal what is left, and measure what each kept
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab run
  layerlab run --model path/to/model --text notes.txt --eval-text held-out.txt --html report.html
  layerlab run --model owner/name --text notes.txt --task truthfulqa_mc.json --schedule both --remove 3
  layerlab run --model path/to/model --text notes.txt --method loss_change --schedule iterative-refit
  layerlab run --model path/to/model --text notes.txt --heal none,refit,distil --keep 0.95
  layerlab run --model path/to/model --text notes.txt --export pruned --json --output report.json")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Calibration text, UTF-8, that layers are scored on; - reads the standard input; a general one of the lab's if not given;
    /// atlas has its own
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// The text that perplexity is taken of; the calibration text if not given, or with the general one other pieces like it. With
    /// neither this nor a --task, atlas is judged on its own text and tasks
    #[arg(long, value_name = "FILE")]
    eval_text: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    budget: BudgetArguments,
    #[arg(
        long,
        value_name = "SCHEDULE,…",
        value_delimiter = ',',
        default_value = "one-shot",
        help = format!(
            "Choose layers once, or again after each removal, of the model as it is cut or as it is healed: {}; both is the first two",
            Schedule::CHOICES
        )
    )]
    schedule: Vec<Schedules>,
    #[arg(
        long = "method",
        value_name = "METHOD,…",
        value_delimiter = ',',
        help = format!("Methods to prune by, all if not given: {}", MethodId::CHOICES)
    )]
    methods: Vec<MethodId>,
    #[command(flatten)]
    heal: HealArguments,
    #[command(flatten)]
    tasks: TaskArguments,
    #[command(flatten)]
    scoring: ScoringArguments,
    #[command(flatten)]
    cut: CutArguments,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    page: PageArguments,
    /// Also write the pruned model that keeps the lowest perplexity, healed where that helps, to this folder
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Output",
        conflicts_with = "shard"
    )]
    export: Option<PathBuf>,
    /// Where finished stages are kept until the end, so that a run that was broken off goes on; the user's
    /// cache if not given. Shards that share a folder take the scores of the first, and leave them there
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    work: Option<PathBuf>,
    #[command(flatten)]
    shard: ShardArguments,
}

/// Where the rest of a run is.
const NEXT: &str = "Everything: --full; with charts: --html FILE; for programs: --json or --csv";

/// Runs it.
///
/// # Errors
/// When no plan can be made, the model, the text or a dataset cannot be used, the device fails, an output
/// cannot be written, or the user interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let destination = arguments.output.destination();
    let wanted = arguments.shard.wanted(&arguments.output)?;
    let page = arguments.page.destination(&arguments.output);
    match wanted {
        None => destination.check()?,
        Some(_) => arguments.page.refuse_for_a_part()?,
    }
    page.check()?;
    let text = calibration(arguments.text.as_deref(), &arguments.model.model)?;
    let seed = arguments.scoring.confidence.confidence().seed;
    let texts = JudgedTexts {
        model: &arguments.model.model,
        calibration: arguments.text.as_deref(),
        held_out: arguments.eval_text.as_deref(),
    };
    let datasets = arguments.tasks.judged_on(texts, &text, seed)?;
    let on = &arguments.scoring.on;
    on.check(arguments.measures_loss())?;
    let on = on.datasets(&datasets, seed)?;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let mut stages = StageFolder::new(arguments.work.clone());
    let asked = [&datasets[..], &on];
    let found =
        pollster::block_on(arguments.run(text, asked, wanted, &mut stages, &mut bars, &cancel));
    bars.clear();
    let report = match found? {
        Found::All(report) => report,
        Found::Part(wanted, part) => return wanted.write(part),
    };
    arguments.page.write(&page, || report.to_html())?;
    let format = arguments.format.format(&destination);
    let mut written = format.write(&report)?;
    if format.is_brief() {
        let text = arguments.text.as_deref();
        written += &next_steps(&report, &arguments.model.model, text, NEXT);
    }
    destination.write(&written)?;
    stages.clear();
    Ok(())
}

impl Arguments {
    async fn run(
        &self,
        text: NamedText,
        [datasets, on]: [&[Dataset]; 2],
        wanted: Option<WantedShard>,
        stages: &mut StageFolder,
        bars: &mut Bars,
        cancel: &Cancel,
    ) -> Result<Found, Failure> {
        let target = match &self.export {
            Some(path) => {
                let source = model::source(&self.model.model, bars, cancel)?;
                let force = self.output.destination().force;
                let target = FolderTarget::new(path, source.path(), force);
                Some(target.map_err(LabError::from)?)
            }
            None => None,
        };
        let model = model::load(&self.model.model, self.device, bars, cancel).await?;
        let text = self.cut.text(&text, &model)?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, cancel);
        let mut request = self.request();
        request.score.answers = answers(on, &model, &request.eval)?;
        if let Some(wanted) = wanted {
            let part = PruneShard {
                text: &text,
                datasets,
                request: &request,
                task: wanted.task(now()),
            };
            let part = prune_shard(&model, part, stages, &mut run).await?;
            return Ok(Found::Part(Box::new(wanted), part.map(Box::new)));
        }
        let report =
            prune_and_judge(&model, &text, datasets, &request, now(), stages, &mut run).await?;
        if let Some(mut target) = target {
            let asked = Asked {
                text: &text,
                datasets,
                request: &request,
            };
            export_best(&model, &report, asked, stages, &mut target, &mut run).await?;
            target.commit().map_err(LabError::from)?;
        }
        Ok(Found::All(Box::new(report)))
    }

    fn measures_loss(&self) -> bool {
        self.methods.is_empty() || self.methods.contains(&MethodId::LossChange)
    }

    fn request(&self) -> ExperimentRequest {
        let score = self.scoring.request(self.cut.batch, &self.methods);
        let schedules = self.schedule.iter();
        let schedules = schedules.flat_map(|Schedules(some)| some.iter().copied());
        ExperimentRequest {
            score: ScoreRequest {
                loss_change: self.measures_loss(),
                ..score
            },
            plans: PlanRequest {
                methods: self.methods.clone(),
                schedules: schedules.collect(),
                budget: self.budget.budget(),
                constraints: self.budget.constraints(),
            },
            eval: self.tasks.options(self.scoring.confidence.confidence()),
            heal: self.heal.request(&self.cut),
        }
    }
}

/// What a report answers.
struct Asked<'a> {
    text: &'a Text,
    datasets: &'a [Dataset],
    request: &'a ExperimentRequest,
}

/// Writes the model that the report calls best. Where it was healed it is healed once more, but for what `stages` have kept.
async fn export_best(
    model: &OpenModel<Source>,
    report: &Report,
    asked: Asked<'_>,
    stages: &mut StageFolder,
    target: &mut FolderTarget,
    run: &mut Run<'_>,
) -> Result<(), Failure> {
    let pruning = report.pruning.as_ref();
    let best = pruning.and_then(|pruning| pruning.best_healed());
    let (plan, way) = best.ok_or_else(|| {
        Failure::usage(anyhow::anyhow!(
            "there is nothing to export: no method removes a layer within the budget"
        ))
    })?;
    let mut provenance = Provenance::of(&model.checkpoint, plan.clone(), now()).await?;
    let healed = match way {
        Healing::None => None,
        _ => {
            let Asked {
                text,
                datasets,
                request,
            } = asked;
            let best = (&plan.set(), way);
            let healed = heal_again(model, text, datasets, request, best, stages, run).await?;
            let (healed, text) = healed;
            provenance = provenance.healed(&healed.record, &text);
            Some(healed)
        }
    };
    if let Some(rounding) = rounding(&provenance.rounded) {
        warn(&rounding);
    }
    let decoder = healed.as_ref().map(|healed| &healed.decoder);
    Ok(export_pruned(&model.checkpoint, &provenance, decoder, target, run).await?)
}
