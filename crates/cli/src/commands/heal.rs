//! `layerlab heal`.

use std::path::PathBuf;

use clap::Args;
use layerlab_lab::{
    Cancel, Checkpoint, FolderTarget, HealRecord, Healing, LabError, Plan, Provenance, Run,
    export_pruned, removed_layers,
};

use super::{now, prune::healing_lines};
use crate::{
    Failure,
    arguments::{CutArguments, DeviceArguments, DistilArguments},
    input::calibration,
    model,
    output::print,
    progress::{Bars, on_interrupt},
};

/// Heal a model that another program has pruned, with the help of the whole one
#[derive(Args)]
#[command(after_help = "\
Which layers are missing is found by comparing weights: every layer of the pruned model must be one of the whole model's, in \
their order.

Examples:
  layerlab heal --model pruned --teacher path/to/model --text notes.txt --output healed
  layerlab heal --model pruned --teacher owner/name --text notes.txt --heal refit+distil --output healed")]
pub struct Arguments {
    /// The pruned model: a folder, a GGUF file or a Hub id
    #[arg(long, value_name = "DIR|FILE|ID")]
    model: String,
    /// The whole model
    #[arg(long, value_name = "DIR|FILE|ID")]
    teacher: String,
    /// The text that is learned from, UTF-8; - reads the standard input
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    #[arg(long, value_name = "WAY", default_value_t = Healing::Refit, help = format!("How to heal: {}", Healing::CHOICES))]
    heal: Healing,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Replace the folder if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    distil: DistilArguments,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    cut: CutArguments,
    /// Write what was done as JSON, as in the folder's layerlab.json
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// When the models do not fit together, one of them or the text cannot be used, the device fails, the folder cannot be written, or the user
/// interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let healed = pollster::block_on(arguments.heal(&mut bars, &cancel));
    bars.clear();
    let provenance = healed?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&provenance).map_err(Failure::machine)?;
        return print(&(json + "\n"));
    }
    let removed: Vec<String> = provenance
        .plan
        .removed
        .iter()
        .map(ToString::to_string)
        .collect();
    let record: Option<&HealRecord> = provenance.healing.as_ref();
    print(format!(
        "{} is {} without {} of {} layers: {}\n{}Written to {}\n",
        arguments.model,
        arguments.teacher,
        removed.len(),
        provenance.source.layers,
        removed.join(" "),
        record.map_or_else(String::new, healing_lines),
        arguments.output.display()
    ))
}

impl Arguments {
    async fn heal(&self, bars: &mut Bars, cancel: &Cancel) -> Result<Provenance, Failure> {
        let source = model::source(&self.model, bars, cancel)?;
        let teacher = model::source(&self.teacher, bars, cancel)?;
        // Neither model may be written over.
        FolderTarget::new(&self.output, teacher.path(), self.force).map_err(LabError::from)?;
        let target = FolderTarget::new(&self.output, source.path(), self.force);
        let mut target = target.map_err(LabError::from)?;
        let pruned = Checkpoint::open(source).await.map_err(LabError::from)?;
        let writes_text = self.distil.writes_text();
        if writes_text && self.text.is_some() {
            return Err(Failure::usage(anyhow::anyhow!(
                "nothing reads the text: healing learns from what the model writes itself; leave out --text, or --heal-text self"
            )));
        }
        // Looked for before the model is loaded, which takes longer.
        let text = (!writes_text).then(|| calibration(self.text.as_deref(), &self.teacher));
        let text = text.transpose()?;
        let whole = model::load(&self.teacher, self.device, bars, cancel).await?;
        let removed = removed_layers(&whole.checkpoint, &pruned).await?;
        let layers = whole.decoder.spec().layers();
        let plan = Plan::by_hand(removed, layers).map_err(LabError::from)?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, cancel);
        let request = self.distil.request(vec![self.heal], &self.cut);
        let text = match (request.own_text(&whole, &mut run).await?, text) {
            (Some(own), _) => own,
            (None, Some(text)) => self.cut.text(&text, &whole)?,
            (None, None) => {
                let text = calibration(self.text.as_deref(), &self.teacher)?;
                self.cut.text(&text, &whole)?
            }
        };
        let healed =
            layerlab_lab::heal_with(&whole, &plan.set(), &text, &request, &mut run).await?;
        let provenance = Provenance::of(&whole.checkpoint, plan, now()).await?;
        let provenance = provenance.healed(&healed.record, &text);
        let decoder = Some(&healed.decoder);
        export_pruned(
            &whole.checkpoint,
            &provenance,
            decoder,
            &mut target,
            &mut run,
        )
        .await?;
        target.commit().map_err(LabError::from)?;
        Ok(provenance)
    }
}
