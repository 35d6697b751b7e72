//! A checkpoint as a GGUF file, which llama.cpp runs.
//!
//! What is written is read back before any weight is: a file whose decoder or whose tokens would be others than the model's is not
//! made. Nothing is allocated but the header and one tensor's values.

mod difference;
mod error;
mod keys;
mod pairs;
mod tokenizer;
mod types;

use layerlab_stored::StoredType;
use serde_json::Value;

pub use error::GgufWriteError;
pub use types::TensorTypes;

use super::{
    architecture::{self, Change},
    header,
    types::number,
};
use crate::{
    Checkpoint, DecoderSpec, ModelFiles, Tokenizer,
    files::FileError,
    tensors::Arrangement,
    tokenizer::{TOKENIZER, TokenizerError},
};
use difference::difference;
use keys::not_said;
use pairs::{Pairs, append_text};
use types::encoded;

/// Where tensors begin: at multiples of this.
const ALIGNMENT: usize = 32;
/// Version of the format.
const VERSION: u32 = 3;
/// Values that are encoded at once, whole blocks of any type.
const AT_ONCE: usize = 1 << 21;
/// The tensor of factors that frequencies are divided by.
const FACTORS: &str = "rope_freqs.weight";

/// A GGUF file that is to be written.
#[derive(Debug)]
pub struct GgufFile {
    header: Vec<u8>,
    /// Values of the first tensor, where it is not one of the model's.
    factors: Vec<f32>,
    tensors: Vec<Tensor>,
}

/// A tensor of the model.
#[derive(Debug)]
struct Tensor {
    /// Its name in the checkpoint.
    name: String,
    shape: Vec<usize>,
    /// How its rows lie in the file.
    arrangement: Arrangement,
    stored: StoredType,
}

impl Tensor {
    fn bytes(&self) -> u64 {
        let values = self.shape.iter().map(|size| *size as u64).product();
        self.stored.bytes(values)
    }
}

impl GgufFile {
    /// Of a model, with matrices of these types. What is known of the model in general and of its tokenizer is carried over from
    /// `like`, a GGUF file of the same model with more layers perhaps, or from the model's own file if it is one; else it is made of
    /// `tokenizer.json`. `texts` are what tokens are compared on before anything is written.
    ///
    /// # Errors
    /// When the family, the tokenizer or something of the configuration has no place in such a file, or a file cannot be read.
    pub async fn of<F: ModelFiles, G: ModelFiles>(
        checkpoint: &Checkpoint<F>,
        like: Option<&Checkpoint<G>>,
        types: &TensorTypes,
        texts: &[&str],
    ) -> Result<Self, GgufWriteError> {
        let inventory = checkpoint.inventory().await?;
        let spec = inventory.spec();
        let architecture = keys::architecture(spec)?;
        let mut pairs = Pairs::default();
        pairs.text("general.architecture", architecture);
        pairs.natural("general.file_type", types.file_type());
        pairs.natural("general.quantization_version", 2);
        keys::write(spec, architecture, &mut pairs)?;
        let tokenizer = Tokenizer::open(checkpoint.files()).await?;
        write_tokenizer(checkpoint, like, &tokenizer, spec, &mut pairs).await?;

        let names = &architecture::named(architecture)
            .ok_or_else(|| not_said(format!("the architecture {architecture}")))?
            .names;
        let embedding = inventory.layout().embedding().name;
        let factors = keys::factors(spec).unwrap_or_default();
        let mut described = Described::default();
        if !factors.is_empty() {
            described.add(
                FACTORS,
                &[factors.len()],
                StoredType::F32,
                4 * factors.len() as u64,
            );
        }
        let mut tensors = Vec::new();
        for expected in inventory.layout().all() {
            let found = match expected.name == embedding {
                true => Some(("token_embd.weight".to_owned(), Change::Same)),
                // Some checkpoints leave out the name of the part that is not the head.
                false => names
                    .in_file(&expected.name)
                    .or_else(|| names.in_file(&format!("model.{}", expected.name))),
            };
            let Some((name, change)) = found else {
                return Err(not_said(format!("the tensor `{}`", expected.name)));
            };
            let tensor = Tensor {
                arrangement: arrangement(change, spec, &expected.name)?,
                stored: types.of(&name, &expected.shape),
                name: expected.name,
                shape: expected.shape,
            };
            described.add(&name, &tensor.shape, tensor.stored, tensor.bytes());
            tensors.push(tensor);
        }
        let file = Self {
            header: described.header(&pairs),
            factors,
            tensors,
        };
        file.check(spec, &tokenizer, texts).await?;
        Ok(file)
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        let aligned = |bytes: u64| bytes.next_multiple_of(ALIGNMENT as u64);
        let tensors = self.tensors.iter().map(|tensor| aligned(tensor.bytes()));
        self.beginning().len() as u64 + tensors.sum::<u64>()
    }

    /// The header, and what else is known without reading weights.
    fn beginning(&self) -> Vec<u8> {
        let factors = self.factors.iter().flat_map(|factor| factor.to_le_bytes());
        let mut bytes = self.header.clone();
        bytes.extend(factors);
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes
    }

    /// Hands the file over, piece by piece, to `append`.
    ///
    /// # Errors
    /// When a weight cannot be read, or is beyond half precision; and as `append` does.
    pub async fn write<F, E>(
        &self,
        checkpoint: &Checkpoint<F>,
        mut append: impl AsyncFnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E>
    where
        F: ModelFiles,
        E: From<GgufWriteError>,
    {
        append(&self.beginning()).await?;
        for tensor in &self.tensors {
            let count: usize = tensor.shape.iter().product();
            // Rows that change places are wanted at once.
            let part = match tensor.arrangement {
                Arrangement::HalvesByTurns { .. } => count,
                _ => AT_ONCE,
            };
            for start in (0..count).step_by(part.max(1)) {
                let range = start..(start + part).min(count);
                let values = checkpoint.read_f32_part(&tensor.name, range).await;
                let values = values.map_err(GgufWriteError::from)?;
                let values = arranged(tensor, values);
                append(&encoded(&tensor.name, tensor.stored, &values)?).await?;
            }
            let written = tensor.bytes() as usize;
            let filler = written.next_multiple_of(ALIGNMENT) - written;
            append(&vec![0; filler]).await?;
        }
        Ok(())
    }

    /// Reads back what is to be written, and holds it against the model.
    async fn check(
        &self,
        spec: &DecoderSpec,
        tokenizer: &Tokenizer,
        texts: &[&str],
    ) -> Result<(), GgufWriteError> {
        let beginning = Beginning {
            bytes: self.beginning(),
            size: self.bytes(),
        };
        let again = Checkpoint::open(beginning).await?;
        let read = again.inventory().await?.spec();
        // Mistral is Llama to llama.cpp.
        let read = DecoderSpec {
            family: spec.family,
            ..read.clone()
        };
        if let Some(place) = difference(spec, &read) {
            return Err(not_said(place));
        }
        let again = Tokenizer::open(again.files()).await?;
        for text in texts {
            if tokenizer.encode_text(text)? != again.encode_text(text)? {
                return Err(GgufWriteError::Tokenizer {
                    problem: "read back, it gives other tokens".to_owned(),
                });
            }
        }
        Ok(())
    }
}

async fn write_tokenizer<F: ModelFiles, G: ModelFiles>(
    checkpoint: &Checkpoint<F>,
    like: Option<&Checkpoint<G>>,
    tokenizer: &Tokenizer,
    spec: &DecoderSpec,
    pairs: &mut Pairs,
) -> Result<(), GgufWriteError> {
    let vocabulary = spec.vocab_size;
    if let Some(like) = like {
        let metadata = metadata_of(like.files()).await?;
        let metadata = metadata.ok_or_else(|| GgufWriteError::Like {
            problem: "it is no GGUF file".to_owned(),
        })?;
        return tokenizer::carry_over(&metadata, vocabulary, pairs);
    }
    if let Some(metadata) = metadata_of(checkpoint.files()).await? {
        return tokenizer::carry_over(&metadata, vocabulary, pairs);
    }
    let json = checkpoint.files().read_small(TOKENIZER).await;
    let json = json.map_err(TokenizerError::from)?;
    let json = json.ok_or_else(|| GgufWriteError::Tokenizer {
        problem: format!("there is no {TOKENIZER}"),
    })?;
    let json: Value = serde_json::from_slice(&json).map_err(|error| GgufWriteError::Tokenizer {
        problem: format!("{TOKENIZER}: {error}"),
    })?;
    pairs.text("general.name", &checkpoint.files().describe());
    tokenizer::write(&json, tokenizer, vocabulary, pairs)
}

/// What a GGUF file says of itself; none where the model is no such file.
async fn metadata_of<F: ModelFiles>(
    files: &F,
) -> Result<Option<super::metadata::Metadata>, GgufWriteError> {
    let Some(parts) = super::model_of(files).await? else {
        return Ok(None);
    };
    let Some(first) = parts.files.first() else {
        return Ok(None);
    };
    let size = files.size(first).await.map_err(super::GgufError::from)?;
    let header = header::read(files, first, size.unwrap_or(0)).await?;
    Ok(Some(header.metadata))
}

/// How the rows of a tensor come to lie.
fn arrangement(
    change: Change,
    spec: &DecoderSpec,
    name: &str,
) -> Result<Arrangement, GgufWriteError> {
    Ok(match change {
        Change::Same => Arrangement::AsIs,
        Change::MinusOne => Arrangement::PlusOne,
        Change::Queries => Arrangement::HalvesByTurns {
            heads: spec.attention.heads,
        },
        Change::Keys => Arrangement::HalvesByTurns {
            heads: spec.attention.kv_heads,
        },
        Change::PerHead | Change::Transposed | Change::OneAHead | Change::LeftOut => {
            return Err(not_said(format!("the tensor `{name}`")));
        }
    })
}

/// Values in the order in which the file has them.
fn arranged(tensor: &Tensor, mut values: Vec<f32>) -> Vec<f32> {
    match tensor.arrangement {
        Arrangement::PlusOne => values.iter_mut().for_each(|value| *value += 1.0),
        Arrangement::HalvesByTurns { .. } => {
            let rows = tensor.shape.first().copied().unwrap_or(1);
            let width = values.len() / rows.max(1);
            let mut moved = vec![0.0; values.len()];
            for (row, values) in values.chunks(width.max(1)).enumerate() {
                let place = tensor.arrangement.source(row, rows) * width;
                moved[place..place + width].copy_from_slice(values);
            }
            return moved;
        }
        _ => {}
    }
    values
}

/// Descriptions of tensors, end to end.
#[derive(Default)]
struct Described {
    bytes: Vec<u8>,
    count: u64,
    offset: u64,
}

impl Described {
    fn add(&mut self, name: &str, shape: &[usize], stored: StoredType, bytes: u64) {
        append_text(&mut self.bytes, name);
        self.bytes.extend((shape.len() as u32).to_le_bytes());
        // The fastest dimension first.
        for size in shape.iter().rev() {
            self.bytes.extend((*size as u64).to_le_bytes());
        }
        self.bytes.extend(number(stored).to_le_bytes());
        self.bytes.extend(self.offset.to_le_bytes());
        self.count += 1;
        self.offset += bytes.next_multiple_of(ALIGNMENT as u64);
    }

    fn header(&self, pairs: &Pairs) -> Vec<u8> {
        let mut header = b"GGUF".to_vec();
        header.extend(VERSION.to_le_bytes());
        header.extend(self.count.to_le_bytes());
        header.extend(pairs.count().to_le_bytes());
        header.extend(pairs.bytes());
        header.extend(&self.bytes);
        header.resize(header.len().next_multiple_of(ALIGNMENT), 0);
        header
    }
}

/// A file of which only the beginning is there.
struct Beginning {
    bytes: Vec<u8>,
    size: u64,
}

const NAME: &str = "model.gguf";

impl ModelFiles for Beginning {
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        Ok((name == NAME).then_some(self.size))
    }

    async fn read_range(
        &self,
        _name: &str,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), FileError> {
        // Readers take more than the header at a time.
        let rest = self.bytes.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        buffer[length..].fill(0);
        Ok(())
    }

    fn describe(&self) -> String {
        NAME.to_owned()
    }

    fn names(&self) -> Vec<String> {
        vec![NAME.to_owned()]
    }
}
