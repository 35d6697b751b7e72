//! Weights, their index, the configuration, and GGUF files.

use layerlab_checkpoint::{Checkpoint, DecoderSpec, MemoryFiles, Tokenizer};
use pollster::block_on;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Parts what a target reads as two files; JSON has no such byte.
const BETWEEN: u8 = 0;

/// A safetensors file.
pub fn header(bytes: &[u8]) {
    open([(CONFIG, b"{}"), (WEIGHTS, bytes)]);
}

/// The index of two shards.
pub fn index(bytes: &[u8]) {
    let (one, other) = (tiny("a"), tiny("b"));
    open([
        (CONFIG, b"{}"),
        (INDEX, bytes),
        ("model-00001-of-00002.safetensors", &one),
        ("model-00002-of-00002.safetensors", &other),
    ]);
}

/// A configuration and, after a zero byte, weights; without them, those of a model of one tensor.
pub fn config(bytes: &[u8]) {
    let tiny = tiny("model.embed_tokens.weight");
    let mut parts = bytes.splitn(2, |byte| *byte == BETWEEN);
    let config = parts.next().unwrap_or_default();
    open([(CONFIG, config), (WEIGHTS, parts.next().unwrap_or(&tiny))]);
}

/// A GGUF file: as a checkpoint, and as a tokenizer.
pub fn gguf(bytes: &[u8]) {
    const FILE: &str = "model.gguf";
    open([(FILE, bytes)]);
    let Some(checkpoint) = opened([(FILE, bytes)]) else {
        let files = MemoryFiles::new("memory", [(FILE.to_owned(), bytes.to_vec())]);
        let tokenizer = block_on(Tokenizer::open(&files));
        assert!(tokenizer.is_err(), "no model, and yet a tokenizer");
        return;
    };
    for (name, entry) in checkpoint.tensors() {
        let rows = block_on(checkpoint.read_rows(name, 0..usize::MAX));
        let rows = rows.expect("rows of a tensor that lies within the file");
        if let (Some(rows), Ok(values)) = (rows, block_on(checkpoint.read_f32(name))) {
            assert_eq!(rows.stored, entry.dtype, "{name}");
            let mut decoded = vec![0.0; values.len()];
            rows.stored.decode(&rows.bytes, &mut decoded);
            assert_eq!(decoded, values, "{name}");
        }
    }
    if let Ok(tokenizer) = block_on(Tokenizer::open(checkpoint.files())) {
        let rows = checkpoint.tensors().values().map(|entry| entry.shape[0]);
        let rows = rows.max().unwrap_or(0);
        for text in ["ab a", "\u{1f642} b\n\n<e>"] {
            let Ok(ids) = tokenizer.encode(text, true) else {
                continue;
            };
            assert_eq!(tokenizer.encode(text, true).ok().as_ref(), Some(&ids));
            assert!(ids.iter().all(|id| (*id as usize) < rows), "{ids:?}");
            let _ = tokenizer.decode(&ids, false);
        }
    }
}

/// A file of one tensor, of two values.
fn tiny(name: &str) -> Vec<u8> {
    let header = format!(r#"{{"{name}":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}}}"#);
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.into_bytes());
    file.extend([1.0f32, -2.0].into_iter().flat_map(f32::to_le_bytes));
    file
}

fn opened<const N: usize>(files: [(&str, &[u8]); N]) -> Option<Checkpoint<MemoryFiles>> {
    let files = files.map(|(name, contents)| (name.to_owned(), contents.to_vec()));
    block_on(Checkpoint::open(MemoryFiles::new("memory", files))).ok()
}

fn open<const N: usize>(files: [(&str, &[u8]); N]) {
    let Some(checkpoint) = opened(files) else {
        assert!(opened(files).is_none(), "refused, then accepted");
        return;
    };
    for (name, entry) in checkpoint.tensors() {
        let file = files.iter().find(|(file, _)| *file == entry.file);
        let (_, file) = file.expect("a tensor lies in one of the files");
        let end = entry.offset.checked_add(entry.bytes);
        assert!(end.is_some_and(|end| end <= file.len() as u64), "{name}");
        let elements: usize = entry.shape.iter().product();
        if let Ok(values) = block_on(checkpoint.read_f32(name)) {
            assert_eq!(values.len(), elements, "{name}");
            assert!(values.iter().all(|value| value.is_finite()), "{name}");
            let middle = elements / 2;
            let half = block_on(checkpoint.read_f32_part(name, middle..elements));
            assert_eq!(half.expect("a part of what was read"), values[middle..]);
        }
    }
    let again = opened(files).expect("accepted, then refused");
    assert_eq!(again.tensors(), checkpoint.tensors());
    assert_eq!(again.weight_files(), checkpoint.weight_files());
    let hash = block_on(checkpoint.sha256()).expect("files in memory can be read");
    assert_eq!(hash.len(), 64);
    if let Ok(inventory) = block_on(checkpoint.inventory()) {
        for wanted in inventory.layout().all() {
            let entry = checkpoint.entry(&wanted.name).expect("it is there");
            assert_eq!(entry.shape, wanted.shape, "{}", wanted.name);
            assert!(!inventory.unused().contains(&wanted.name));
        }
        let mut unused = inventory.unused().iter();
        assert!(unused.all(|name| checkpoint.entry(name).is_some()));
        let spec = inventory.spec();
        assert_eq!(spec, inventory.layout().spec);
        // Only of sizes that the file bears out: others may be too large to multiply.
        let blocks = spec.block_parameters().checked_mul(spec.layers());
        assert!(blocks.is_some_and(|blocks| blocks <= spec.parameters()));
    }
    if let Ok(spec) = DecoderSpec::from_config(checkpoint.config()) {
        assert!(spec.layers() > 0 && spec.hidden_size > 0 && spec.vocab_size > 0);
        assert!(spec.attention.heads.is_multiple_of(spec.attention.kv_heads));
    }
}
