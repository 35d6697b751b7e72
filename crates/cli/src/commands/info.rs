//! `layerlab info`.

use clap::Args;
use layerlab_lab::{
    ChatError, Checkpoint, LabError, Tokenizer,
    memory::{MemoryNeed, ModelNeeds, PROGRAM},
    report::{ModelReport, bytes, count},
};
use serde::Serialize;

use crate::{
    Failure,
    arguments::{OutputArguments, PlainModelArguments},
    model,
    progress::{Bars, on_interrupt},
};

/// Tell what a model is made of, without loading its weights
#[derive(Args)]
#[command(after_help = "\
Example:
  layerlab info path/to/model")]
pub struct Arguments {
    #[command(flatten)]
    model: PlainModelArguments,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    output: OutputArguments,
}

/// What is told.
#[derive(Serialize)]
struct Info {
    model: ModelReport,
    architecture: Option<String>,
    tokenizer: TokenizerInfo,
    needs: NeedsInfo,
}

/// What it takes.
#[derive(Serialize)]
struct NeedsInfo {
    #[serde(flatten)]
    model: ModelNeeds,
    /// Bytes of this program.
    program: u64,
}

#[derive(Serialize)]
struct TokenizerInfo {
    vocab_size: usize,
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
    /// Where the chat template was found; none where there is none that can be used.
    chat_template: Option<String>,
    /// Why the one that is there cannot be used.
    chat_problem: Option<String>,
    /// Where its files contradict each other, and what of them was not used.
    notes: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// When the model cannot be read, or the output not be written.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let destination = arguments.output.destination();
    destination.check()?;
    let cancel = on_interrupt()?;
    let source = model::source(arguments.model.model(), &mut Bars::new(), &cancel)?;
    let info = pollster::block_on(async {
        let checkpoint = Checkpoint::open(source).await?;
        let tokenizer = Tokenizer::open(checkpoint.files()).await?;
        Ok::<_, LabError>(Info {
            model: ModelReport::of_files(&checkpoint).await?,
            architecture: checkpoint.config().architecture().map(Into::into),
            tokenizer: TokenizerInfo {
                vocab_size: tokenizer.vocab_size(),
                bos: tokenizer.bos(),
                eos: tokenizer.eos(),
                pad: tokenizer.pad(),
                chat_template: tokenizer.chat().ok().map(|chat| chat.place().to_owned()),
                chat_problem: match tokenizer.chat() {
                    Ok(_) | Err(ChatError::Missing) => None,
                    Err(error) => Some(error.to_string()),
                },
                notes: tokenizer.notes().to_vec(),
            },
            // Behind the inventory, which has compared a head with the embeddings where need be.
            needs: NeedsInfo {
                model: ModelNeeds::of(&checkpoint).await?,
                program: PROGRAM,
            },
        })
    })?;
    let text = match arguments.json {
        true => serde_json::to_string_pretty(&info).map_err(Failure::machine)? + "\n",
        false => info.lines(),
    };
    destination.write(&text)
}

impl TokenizerInfo {
    /// Whether the model can be asked with `--chat`, or why not.
    fn chat(&self) -> String {
        match (&self.chat_template, &self.chat_problem) {
            (Some(place), _) => format!("{place}, for --chat"),
            (None, Some(problem)) => problem.clone(),
            (None, None) => "none".to_owned(),
        }
    }
}

impl Info {
    /// Memory by its parts.
    fn memory(&self, need: &MemoryNeed) -> String {
        let program = self.needs.program;
        let parts = format!(
            "weights {}, tokenizer {}, a pass {}, the program {}",
            bytes(need.weights),
            bytes(need.tokenizer),
            bytes(need.activations),
            bytes(program)
        );
        let at_first = match need.peak == need.tokenizer_at_first {
            true => " while the tokenizer is built; then",
            false => ":",
        };
        format!("{}{at_first} {parts}", bytes(need.peak + program))
    }

    fn lines(&self) -> String {
        let model = &self.model;
        let gpu = &self.needs.model.gpu;
        let id = |id: Option<u32>| id.map_or("none".into(), |id| id.to_string());
        let architecture = self.architecture.as_deref().unwrap_or("not named");
        let heads = match model.heads == model.kv_heads {
            true => model.heads.to_string(),
            false => format!(
                "{} for queries, {} for keys and values",
                model.heads, model.kv_heads
            ),
        };
        let rows = [
            ("model", model.name.clone()),
            ("family", format!("{} ({architecture})", model.family)),
            ("layers", model.layers.to_string()),
            ("hidden size", model.hidden_size.to_string()),
            ("attention heads", heads),
            ("MLP inner size", model.inner_size.to_string()),
            ("vocabulary", count(model.vocab_size)),
            ("context", count(model.context)),
            ("parameters", count(model.parameters)),
            (
                "one layer",
                format!(
                    "{} parameters, {:.1} %",
                    count(model.block_parameters),
                    100.0 * model.block_parameters as f64 / model.parameters as f64
                ),
            ),
            (
                "weights",
                format!(
                    "{} as {}",
                    bytes(model.weight_bytes),
                    model.dtypes.join(", ")
                ),
            ),
            ("sha256", model.sha256.clone()),
            (
                "tokenizer",
                format!(
                    "{} tokens; BOS {}, EOS {}, padding {}",
                    count(self.tokenizer.vocab_size),
                    id(self.tokenizer.bos),
                    id(self.tokenizer.eos),
                    id(self.tokenizer.pad)
                ),
            ),
            ("chat template", self.tokenizer.chat()),
            ("files", bytes(self.needs.model.files)),
            (
                "memory (CPU)",
                format!("about {}", self.memory(&self.needs.model.stored)),
            ),
            (
                "memory (f32)",
                format!("about {}", self.memory(&self.needs.model.f32)),
            ),
            (
                "GPU's memory",
                format!(
                    "about {}: weights {}, a pass {}",
                    bytes(gpu.weights + gpu.activations),
                    bytes(gpu.weights),
                    bytes(gpu.activations)
                ),
            ),
            (
                "largest tensor",
                format!(
                    "{} ({}), which a GPU must take in one piece",
                    bytes(gpu.largest_bytes),
                    gpu.largest_tensor
                ),
            ),
        ];
        let notes = self.tokenizer.notes.iter();
        let notes = notes.map(|note| ("note", note.clone()));
        let warnings = model.warnings.iter();
        let warnings = warnings.map(|warning| ("warning", warning.clone()));
        let rows = rows.into_iter().chain(warnings).chain(notes);
        rows.map(|(name, value)| format!("{name:16}{value}\n"))
            .collect()
    }
}
