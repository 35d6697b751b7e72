//! `layerlab prune`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clap::Args;
use layerlab_lab::{
    Cancel, Checkpoint, Dataset, DecoderSpec, EvalOptions, FolderTarget, HealRecord, Healing,
    LabError, MethodId, OpenModel, Plan, PlanRequest, Provenance, RecipeError, Run, Schedule,
    ScoreRequest, Text, export_pruned, heal_with, plan_removals, read_mergekit, report::count,
    rounding,
};

use super::now;
use crate::{
    Failure,
    arguments::{
        BudgetArguments, CutArguments, DeviceArguments, DistilArguments, Layers, ModelArguments,
        ScoringArguments, all_layers, answers,
    },
    input::{calibration, read_text},
    model::{self, Source},
    output::{print, warn},
    progress::{Bars, on_interrupt},
};

/// Write a model without some of its layers, as a Hugging Face folder
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab prune --model path/to/model --layers 5,6 --output pruned
  layerlab prune --model path/to/model --method block_influence --text notes.txt --share 0.25 --output pruned
  layerlab prune --model path/to/model --layers 12-19 --heal refit --text notes.txt --output healed
  layerlab prune --model path/to/model --plan mergekit.yaml --output pruned
  layerlab prune --model path/to/model --method loss_change --schedule iterative --tolerance 0.1 \\
      --text notes.txt --output pruned")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Replace the folder if it exists
    #[arg(long)]
    force: bool,
    /// Remove these layers, numbered from 0, such as 5,6,12-14; or name a --method
    #[arg(
        long,
        value_name = "LAYER,…",
        value_delimiter = ',',
        conflicts_with = "method"
    )]
    layers: Vec<Layers>,
    /// Keep the layers that this recipe of mergekit takes, a `passthrough` over slices of one model, in place of --layers
    #[arg(long, value_name = "FILE", conflicts_with_all = ["method", "layers"])]
    plan: Option<PathBuf>,
    #[arg(
        long,
        value_name = "METHOD",
        help = format!("Let a method choose, in place of --layers: {}", MethodId::CHOICES)
    )]
    method: Option<MethodId>,
    /// The text that the method measures and that healing learns from, UTF-8; - reads the standard input; a general one of the
    /// lab's if not given; atlas has its own; last_k, first_k and random_1 need none
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    #[arg(
        long,
        default_value_t = Schedule::OneShot,
        help = format!(
            "Choose layers once, or again after each removal, of the model as it is cut or as it is healed: {}",
            Schedule::CHOICES
        )
    )]
    schedule: Schedule,
    #[command(flatten)]
    budget: BudgetArguments,
    #[arg(
        long,
        value_name = "WAY",
        default_value_t = Healing::None,
        help = format!("Heal what is left: {}", Healing::CHOICES)
    )]
    heal: Healing,
    #[command(flatten)]
    distil: DistilArguments,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    scoring: ScoringArguments,
    #[command(flatten)]
    cut: CutArguments,
    /// Write where the model comes from as JSON, as in its layerlab.json
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// When no plan can be made, the model or the text cannot be used, the device fails, the folder cannot be
/// written, or the user interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let written = pollster::block_on(arguments.prune(&mut bars, &cancel));
    bars.clear();
    let written = written?;
    let provenance = &written.provenance;
    if arguments.json {
        let json = serde_json::to_string_pretty(provenance).map_err(Failure::machine)?;
        return print(&(json + "\n"));
    }
    let Provenance {
        source,
        plan,
        rounded,
        ..
    } = provenance;
    let rounding = rounding(rounded).map_or_else(String::new, |said| said + "\n");
    let removed: Vec<String> = plan.removed.iter().map(ToString::to_string).collect();
    let left = written.parameters - removed.len() * written.block_parameters;
    print(format!(
        "Removed {} of {} layers of {} ({}): {}\nLeft are {} of {} parameters, {:.0} % fewer\n{}{rounding}Written to {}\n",
        removed.len(),
        source.layers,
        source.name,
        plan.label,
        removed.join(" "),
        count(left),
        count(written.parameters),
        100.0 * (1.0 - left as f64 / written.parameters as f64),
        provenance
            .healing
            .as_ref()
            .map_or_else(String::new, healing_lines),
        arguments.output.display()
    ))?;
    match &provenance.llama_cpp {
        Some(command) => print(format!(
            "The same of a GGUF file, by llama.cpp: {command}\n"
        )),
        None => Ok(()),
    }
}

/// What was written.
struct Written {
    provenance: Provenance,
    /// Weights of the whole model.
    parameters: usize,
    /// Weights of one block.
    block_parameters: usize,
}

fn written(provenance: Provenance, spec: &DecoderSpec) -> Written {
    Written {
        provenance,
        parameters: spec.parameters(),
        block_parameters: spec.block_parameters(),
    }
}

/// What healing did, in a line or two.
pub(super) fn healing_lines(record: &HealRecord) -> String {
    let gaps = record.gaps.iter().map(|gap| {
        let how = match (gap.lambda, gap.factor) {
            (Some(lambda), _) => format!("refitted with λ = {lambda:e}"),
            (_, Some(factor)) => format!("the residual stream behind it times {factor:.3}"),
            (None, None) => "left as it was, since nothing lowered the loss".to_owned(),
        };
        format!(
            "  layer {}: {how}; loss {:.3} to {:.3} nats per token\n",
            gap.layer, gap.loss_before, gap.loss_after
        )
    });
    let gaps: String = gaps.collect();
    let few = record.gaps.iter().find(|gap| gap.has_few_tokens());
    let few = few.map_or(String::new(), |gap| {
        format!(
            "  few tokens were learned from: layer {} has {} inner channels, and as many tokens are wanted at least; a longer text would heal better\n",
            gap.layer,
            count(gap.inputs.unwrap_or(0))
        )
    });
    let distilled = record.distil.as_ref().and_then(|state| {
        let (first, best) = (state.checks.first()?, state.checks.get(state.best)?);
        Some(format!(
            "  distilled in {} steps, the best after {}: {:.3} to {:.3} nats per token from the whole model\n",
            state.steps.len(),
            best.step,
            first.divergence,
            best.divergence
        ))
    });
    format!(
        "Healed by {} in {:.1} s, learning from {} tokens; judged on {} others of the same text:\n{gaps}{few}{}",
        record.way,
        record.seconds,
        count(record.tokens),
        count(record.choosing_tokens),
        distilled.unwrap_or_default()
    )
}

impl Arguments {
    async fn prune(&self, bars: &mut Bars, cancel: &Cancel) -> Result<Written, Failure> {
        if self.method.is_none() && self.layers.is_empty() && self.plan.is_none() {
            return Err(Failure::usage(anyhow!(
                "which layers? Name them with --layers or a mergekit recipe (--plan), or let a --method choose them: {}",
                MethodId::CHOICES
            )));
        }
        self.scoring
            .on
            .check(self.method == Some(MethodId::LossChange))?;
        let seed = self.scoring.confidence.confidence().seed;
        let on = self.scoring.on.datasets(&[], seed)?;
        let source = model::source(&self.model.model, bars, cancel)?;
        // Refused now rather than after all the work.
        let target = FolderTarget::new(&self.output, source.path(), self.force);
        let mut target = target.map_err(LabError::from)?;
        let checkpoint = Checkpoint::open(source).await.map_err(LabError::from)?;
        let inventory = checkpoint.inventory().await.map_err(LabError::from)?;
        let spec = inventory.spec();
        let heals = self.heal != Healing::None;
        let writes_text = self.distil.writes_text();
        if writes_text && !heals {
            return Err(Failure::usage(anyhow!(
                "nothing is healed, so that no text is wanted for it: name a way to --heal, or leave out --heal-text"
            )));
        }
        let plan = self.plan_without_text(spec.layers())?;
        if let (Some(plan), false) = (&plan, heals) {
            if self.text.is_some() {
                return Err(Failure::usage(anyhow!(
                    "nothing reads the text: the layers are chosen without it, and nothing is healed; leave out --text, or name a way \
                     to --heal"
                )));
            }
            model::warn_of(&checkpoint).await?;
            let provenance = Provenance::of(&checkpoint, plan.clone(), now()).await?;
            let mut show = |progress| bars.show(progress);
            let mut run = Run::new(&mut show, cancel);
            export_pruned(&checkpoint, &provenance, None, &mut target, &mut run).await?;
            target.commit().map_err(LabError::from)?;
            return Ok(written(provenance, spec));
        }
        let reads_text = plan.is_none() || !writes_text;
        if self.text.is_some() && !reads_text {
            return Err(Failure::usage(anyhow!(
                "nothing reads the text: the layers are chosen without it, and healing learns from what the model writes itself; leave out \
                 --text, or --heal-text self"
            )));
        }
        // Looked for before the model is loaded, which takes longer.
        let text = reads_text.then(|| calibration(self.text.as_deref(), &self.model.model));
        let text = text.transpose()?;
        let model = model::load(&self.model.model, self.device, bars, cancel).await?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, cancel);
        let request = self.distil.request(vec![self.heal], &self.cut);
        let own = request.own_text(&model, &mut run).await?;
        let (plan, text) = match (plan, own) {
            (Some(plan), Some(own)) => (plan, own),
            (plan, own) => {
                let text = match text {
                    Some(text) => text,
                    None => calibration(self.text.as_deref(), &self.model.model)?,
                };
                let text = self.cut.text(&text, &model)?;
                let plan = match plan {
                    Some(plan) => plan,
                    None => self.measured_plan(&model, &text, &on, &mut run).await?,
                };
                (plan, own.unwrap_or(text))
            }
        };
        let mut provenance = Provenance::of(&checkpoint, plan, now()).await?;
        let healed = match heals {
            true => {
                let removed = provenance.plan.set();
                let healed = heal_with(&model, &removed, &text, &request, &mut run).await?;
                provenance = provenance.healed(&healed.record, &text);
                Some(healed.decoder)
            }
            false => None,
        };
        let decoder = healed.as_ref();
        export_pruned(&checkpoint, &provenance, decoder, &mut target, &mut run).await?;
        target.commit().map_err(LabError::from)?;
        Ok(written(provenance, spec))
    }

    /// The plan where nothing need be measured for it.
    fn plan_without_text(&self, layers: usize) -> Result<Option<Plan>, Failure> {
        let plan = match (self.method, &self.plan) {
            (Some(method), _) => {
                let constraints = self.budget.constraints();
                Plan::without_text(method, layers, self.budget.budget(), &constraints)
            }
            (None, Some(path)) => Plan::by_hand(self.left_out(path, layers)?, layers).map(Some),
            (None, None) => Plan::by_hand(all_layers(&self.layers), layers).map(Some),
        };
        Ok(plan.map_err(LabError::from)?)
    }

    /// The layers that a mergekit recipe leaves out.
    fn left_out(&self, path: &Path, layers: usize) -> Result<Vec<usize>, Failure> {
        let text = read_text(path)?;
        let refused = |error: RecipeError| Failure::input(anyhow!("{}: {error}", text.name));
        let recipe = read_mergekit(&text.contents).map_err(refused)?;
        let removed = recipe.removed(layers).map_err(refused)?;
        if removed.is_empty() {
            return Err(Failure::input(anyhow!(
                "{}: it takes all {layers} layers, so that there is nothing to remove",
                text.name
            )));
        }
        if recipe.model != self.model.model {
            warn(&format!(
                "{} is of `{}`; the same layers are taken of {}",
                text.name, recipe.model, self.model.model
            ));
        }
        if !recipe.unused.is_empty() {
            warn(&format!(
                "{}: not used: {}; weights are written as they are stored, with the model's own tokenizer",
                text.name,
                recipe.unused.join(", ")
            ));
        }
        Ok(removed)
    }

    async fn measured_plan(
        &self,
        model: &OpenModel<Source>,
        text: &Text,
        on: &[Dataset],
        run: &mut Run<'_>,
    ) -> Result<Plan, Failure> {
        let methods: Vec<MethodId> = self.method.into_iter().collect();
        let scoring = ScoreRequest {
            loss_change: methods.contains(&MethodId::LossChange),
            answers: answers(on, model, &EvalOptions::default())?,
            ..self.scoring.request(self.cut.batch, &methods)
        };
        let request = PlanRequest {
            methods,
            schedules: BTreeSet::from([self.schedule]),
            budget: self.budget.budget(),
            constraints: self.budget.constraints(),
        };
        let plans = plan_removals(model, text, &scoring, &request, run).await?;
        let plan = plans.into_iter().find(|plan| !plan.removed.is_empty());
        plan.ok_or_else(|| {
            Failure::usage(anyhow!(
                "no layer can go: without the first one of this method, perplexity rises by more than \
                 the tolerance"
            ))
        })
    }
}
