//! `layerlab export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use layerlab_lab::{
    Cancel, Checkpoint, LabError, Progress,
    files::ModelFiles,
    general,
    gguf::{GgufFile, TensorTypes},
    tensors::StoredType,
};

use crate::{
    Failure,
    arguments::PlainModelArguments,
    model::{self, Source, warn_of},
    output::{Destination, Stream, print},
    progress::{Bars, on_interrupt},
};

/// Write a model, whole, pruned, healed or repaired, as a GGUF file for llama.cpp
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab export --model path/to/healed --gguf healed.gguf
  layerlab export --model healed-from-gguf --gguf healed.gguf --like whole.gguf --type q8_0")]
pub struct Arguments {
    #[command(flatten)]
    model: PlainModelArguments,
    /// The file
    #[arg(long, value_name = "FILE")]
    gguf: PathBuf,
    /// How matrices are written: in half precision, or in blocks of 8, 5 or 4 bits; embedding and head have 8 bits at least
    #[arg(long, value_enum, default_value_t)]
    r#type: Type,
    #[command(flatten)]
    like: LikeArguments,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

/// How matrices are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Type {
    #[default]
    F16,
    #[value(name = "q8_0")]
    Q8_0,
    #[value(name = "q5_0")]
    Q5_0,
    #[value(name = "q4_0")]
    Q4_0,
}

impl Type {
    /// Of the matrices of so many layers, and of all others.
    fn of_layers(self, layers: usize) -> TensorTypes {
        let all = |stored| (0..layers).map(|layer| (layer, stored)).collect();
        match self {
            Self::F16 => StoredType::F16.into(),
            Self::Q8_0 => StoredType::Q8_0.into(),
            Self::Q5_0 => TensorTypes {
                rest: StoredType::Q8_0,
                blocks: all(StoredType::Q5_0),
            },
            Self::Q4_0 => TensorTypes {
                rest: StoredType::Q8_0,
                blocks: all(StoredType::Q4_0),
            },
        }
    }
}

/// What a file says of the model beside its weights.
#[derive(Args)]
pub struct LikeArguments {
    /// A GGUF file of the same model, whole perhaps, whose metadata and tokenizer are carried over
    #[arg(long, value_name = "FILE|ID")]
    like: Option<String>,
}

impl LikeArguments {
    /// Writes a model as a GGUF file. Its size is given back.
    ///
    /// # Errors
    /// When the model has no place in such a file, a file cannot be read or written, or the user interrupts.
    pub async fn write(
        &self,
        checkpoint: &Checkpoint<Source>,
        types: &TensorTypes,
        destination: &Destination,
        bars: &mut Bars,
        cancel: &Cancel,
    ) -> Result<u64, Failure> {
        let like = match &self.like {
            Some(like) => {
                let source = model::source(like, bars, cancel)?;
                Some(Checkpoint::open(source).await.map_err(LabError::from)?)
            }
            None => None,
        };
        let texts = [general::CALIBRATION.contents, general::HELD_OUT.contents];
        let file = GgufFile::of(checkpoint, like.as_ref(), types, &texts);
        let file = file.await.map_err(LabError::from)?;
        let mut stream = Stream::to(destination)?;
        let total = file.bytes();
        let mut bytes = 0;
        let append = async |piece: &[u8]| {
            bytes += piece.len() as u64;
            bars.show(Progress::Exporting { bytes, total });
            match cancel.is_cancelled() {
                true => Err(LabError::Cancelled.into()),
                false => stream.append(piece),
            }
        };
        file.write(checkpoint, append).await?;
        stream.finish()?;
        Ok(bytes)
    }
}

/// Runs it.
///
/// # Errors
/// When the model has no place in a GGUF file, or a file cannot be read or written.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let destination = Destination {
        path: Some(arguments.gguf.clone()),
        force: arguments.force,
    };
    destination.check()?;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let written = pollster::block_on(async {
        let source = model::source(arguments.model.model(), &mut bars, &cancel)?;
        let checkpoint = Checkpoint::open(source).await.map_err(LabError::from)?;
        warn_of(&checkpoint).await?;
        let inventory = checkpoint.inventory().await.map_err(LabError::from)?;
        let types = arguments.r#type.of_layers(inventory.spec().layers());
        let like = &arguments.like;
        let written = like.write(&checkpoint, &types, &destination, &mut bars, &cancel);
        let bytes = written.await?;
        Ok::<_, Failure>((bytes, name(&checkpoint)))
    });
    bars.clear();
    let (bytes, name) = written?;
    let path = arguments.gguf.display();
    print(format!(
        "Wrote {name} to {path} ({})\n",
        layerlab_lab::report::bytes(bytes)
    ))
}

fn name(checkpoint: &Checkpoint<Source>) -> String {
    checkpoint.files().describe()
}
