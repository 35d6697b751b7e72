//! What weights take is told from headers: nothing behind them is read, and the figures are those of the tensors.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeMap, io};

use layerlab_checkpoint::{
    Checkpoint, MemoryFiles, ModelFiles,
    files::FileError,
    tensors::{CheckpointError, WeightSizes},
};
use pollster::block_on;
use serde_json::json;
use support::{files_of, goldens, joined, parts};

const WEIGHTS: &str = "model.safetensors";

type Files = BTreeMap<String, Vec<u8>>;

/// Files of which nothing can be read behind the headers of those that hold weights.
struct HeadersOnly {
    files: MemoryFiles,
    headers: BTreeMap<String, u64>,
}

impl HeadersOnly {
    fn new(files: Files) -> Self {
        let weights = files
            .iter()
            .filter(|(name, _)| name.ends_with(".safetensors"));
        let headers = weights.map(|(name, file)| {
            let length = u64::from_le_bytes(file[..8].try_into().unwrap());
            (name.clone(), 8 + length)
        });
        Self {
            headers: headers.collect(),
            files: MemoryFiles::new("memory", files),
        }
    }
}

impl ModelFiles for HeadersOnly {
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        self.files.size(name).await
    }

    async fn read_range(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), FileError> {
        let end = offset + buffer.len() as u64;
        if self.headers.get(name).is_some_and(|header| end > *header) {
            return Err(FileError::Read {
                name: name.to_owned(),
                source: io::Error::other("a weight was read"),
            });
        }
        self.files.read_range(name, offset, buffer).await
    }

    fn describe(&self) -> String {
        self.files.describe()
    }

    fn names(&self) -> Vec<String> {
        self.files.names()
    }
}

fn sizes(files: Files) -> Result<WeightSizes, CheckpointError> {
    block_on(async {
        Checkpoint::open(HeadersOnly::new(files))
            .await?
            .sizes()
            .await
    })
}

/// Bytes of the tensors of a golden by their header alone: those of matrices as stored, and of all values as float32.
fn counted(golden: &str) -> (u64, u64) {
    let (header, _) = parts(&files_of(golden)[WEIGHTS]);
    let tensors = header.as_object().unwrap().iter();
    let tensors = tensors.filter(|(name, _)| *name != "__metadata__");
    tensors.fold((0, 0), |(stored, f32), (_, info)| {
        let shape: Vec<u64> = serde_json::from_value(info["shape"].clone()).unwrap();
        let place: [u64; 2] = serde_json::from_value(info["data_offsets"].clone()).unwrap();
        let single = 4 * shape.iter().product::<u64>();
        let held = match shape.len() {
            2 => place[1] - place[0],
            _ => single,
        };
        (stored + held, f32 + single)
    })
}

#[test]
fn halves_stay_and_vectors_do_not() {
    for golden in ["demo", "llama_f16", "llama_bf16", "gpt2", "phi3", "gemma3"] {
        let found = sizes(files_of(golden)).unwrap_or_else(|error| panic!("{golden}: {error}"));
        let held = (found.stored.bytes, found.f32.bytes);
        assert_eq!(held, counted(golden), "{golden}");
    }
    let halves = sizes(files_of("llama_f16")).unwrap();
    assert!(halves.stored.bytes < halves.f32.bytes);
    // All of its rows have an even number of values.
    assert_eq!(halves.gpu, halves.stored);
    let plain = sizes(files_of("demo")).unwrap();
    assert_eq!(plain.gpu, plain.f32);
}

#[test]
fn the_largest_tensor_is_named() {
    let found = sizes(files_of("demo")).unwrap();
    assert_eq!(found.f32.largest_name, "model.embed_tokens.weight");
    // 320 tokens of 32 channels.
    assert_eq!(found.f32.largest_bytes, 4 * 320 * 32);
}

#[test]
fn files_are_counted_that_are_read() {
    let mut files = files_of("demo");
    let read = [
        "config.json",
        WEIGHTS,
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    let expected: usize = read.iter().map(|name| files[*name].len()).sum();
    files.insert("README.md".into(), vec![0; 1000]);
    assert_eq!(sizes(files).unwrap().files, expected as u64);
    let sharded = files_of("llama_sharded");
    let read = sharded
        .iter()
        .filter(|(name, _)| name.starts_with("model") || *name == "config.json");
    let expected: usize = read.map(|(_, file)| file.len()).sum();
    assert_eq!(sizes(sharded.clone()).unwrap().files, expected as u64);
}

#[test]
fn blocks_stay_blocks() {
    let folder = goldens().join("gguf");
    let file = std::fs::read(folder.join("demo.gguf")).unwrap();
    let size = file.len() as u64;
    let files = MemoryFiles::new("memory", [("demo.gguf".to_owned(), file)]);
    block_on(async {
        let checkpoint = Checkpoint::open(files).await.unwrap();
        let found = checkpoint.sizes().await.unwrap();
        // Its vectors are stored in single precision, and all of its matrices' rows are whole blocks of 32.
        assert_eq!(found.stored.bytes, checkpoint.weight_bytes());
        let spec = checkpoint.inventory().await.unwrap().spec();
        assert_eq!(found.f32.bytes, 4 * spec.parameters() as u64);
        // A GPU reads no blocks.
        assert_eq!(found.gpu, found.f32);
        assert_eq!(found.files, size);
    });
}

/// A model with tied embeddings, and a head beside them that is so many times as large as these.
fn with_head(times: f32) -> Files {
    let mut files = files_of("demo");
    let (mut header, mut data) = parts(&files[WEIGHTS]);
    let embedding = header["model.embed_tokens.weight"].clone();
    let place: [usize; 2] = serde_json::from_value(embedding["data_offsets"].clone()).unwrap();
    let head: Vec<u8> = data[place[0]..place[1]]
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|value| (times * f32::from_le_bytes(*value)).to_le_bytes())
        .collect();
    header["lm_head.weight"] = embedding;
    header["lm_head.weight"]["data_offsets"] = json!([data.len(), data.len() + head.len()]);
    data.extend(head);
    files.insert(WEIGHTS.into(), joined(&header, &data));
    files
}

#[test]
fn a_head_beside_tied_embeddings_is_told_and_not_read() {
    let tied = sizes(files_of("demo")).unwrap();
    assert_eq!(tied.head_beside, None);
    let beside = sizes(with_head(1.0)).unwrap();
    assert_eq!(beside.head_beside.as_deref(), Some("lm_head.weight"));
    assert_eq!(beside.f32, tied.f32);

    // Once the values were compared, it is known.
    for (times, more) in [(1.0, 0), (2.0, tied.f32.largest_bytes)] {
        let found = block_on(async {
            let files = MemoryFiles::new("memory", with_head(times));
            let checkpoint = Checkpoint::open(files).await.unwrap();
            checkpoint.inventory().await.unwrap();
            checkpoint.sizes().await.unwrap()
        });
        assert_eq!(found.head_beside, None);
        assert_eq!(found.f32.bytes, tied.f32.bytes + more);
    }
}

#[test]
fn what_cannot_be_run_is_refused_from_its_headers() {
    let mut files = files_of("demo");
    let (mut header, data) = parts(&files[WEIGHTS]);
    let tensor = header.as_object_mut().unwrap();
    let norm = tensor.remove("model.norm.weight").unwrap();
    tensor.insert("model.other.weight".into(), norm);
    files.insert(WEIGHTS.into(), joined(&header, &data));
    let refused = sizes(files).unwrap_err();
    assert!(
        refused.to_string().contains("model.norm.weight"),
        "{refused}"
    );
}
