//! Models written as GGUF files and read back: the same decoder, the same tokens, and the same values but for what the precision rounds.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path};

use layerlab_checkpoint::{
    Checkpoint, MemoryFiles, ModelFiles, Tokenizer,
    gguf::{GgufFile, GgufWriteError, TensorTypes},
    tensors::StoredType,
};
use pollster::block_on;
use serde_json::{Value, json};

const GOLDENS: &str = "../../tests/goldens";
const TEXTS: [&str; 2] = ["aab bca", "Ab c\n12"];

/// A tokenizer of few tokens, cut as SmolLM's is.
fn small_tokenizer() -> Value {
    let letters = ["a", "b", "c", "Ġ", "1", "2", "ab", "Ġb"];
    let ids: serde_json::Map<String, Value> = letters
        .iter()
        .enumerate()
        .map(|(id, letter)| ((*letter).to_owned(), id.into()))
        .collect();
    let bytes = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
    });
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "added_tokens": [{
            "id": 8, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        }],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": true}, bytes,
        ]},
        "post_processor": null, "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": ids, "merges": [["a", "b"], ["Ġ", "b"]],
        },
    })
}

/// A golden's weights with that tokenizer.
fn files(golden: &str, change: impl FnOnce(&mut Value)) -> MemoryFiles {
    let folder = Path::new(GOLDENS).join(golden);
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let mut tokenizer = small_tokenizer();
    change(&mut tokenizer);
    // llama.cpp takes what Gemma's scores are divided by for granted.
    let mut model: Value = serde_json::from_slice(&read("config.json")).unwrap();
    if !model["query_pre_attn_scalar"].is_null() {
        model["query_pre_attn_scalar"] = model["head_dim"].clone();
    }
    // And that five of six of Gemma 3's layers slide.
    if golden == "gemma3" {
        model["layer_types"] = json!(vec!["sliding_attention"; 3]);
    }
    // And that three of four of SmolLM3's layers have positions.
    if golden == "smollm3_old_config" {
        model["no_rope_layers"] = json!([1, 1, 1]);
    }
    let config = json!({"eos_token": "<end>", "tokenizer_class": "PreTrainedTokenizerFast"});
    MemoryFiles::new(
        golden,
        [
            ("config.json", model.to_string().into_bytes()),
            ("model.safetensors", read("model.safetensors")),
            ("tokenizer.json", tokenizer.to_string().into_bytes()),
            ("tokenizer_config.json", config.to_string().into_bytes()),
        ]
        .map(|(name, contents)| (name.to_owned(), contents)),
    )
}

fn open(files: MemoryFiles) -> Checkpoint<MemoryFiles> {
    block_on(Checkpoint::open(files)).unwrap()
}

fn file(
    checkpoint: &Checkpoint<MemoryFiles>,
    like: Option<&Checkpoint<MemoryFiles>>,
    types: impl Into<TensorTypes>,
) -> Result<GgufFile, GgufWriteError> {
    block_on(GgufFile::of(checkpoint, like, &types.into(), &TEXTS))
}

fn written(
    checkpoint: &Checkpoint<MemoryFiles>,
    like: Option<&Checkpoint<MemoryFiles>>,
    types: impl Into<TensorTypes>,
) -> Checkpoint<MemoryFiles> {
    let file = file(checkpoint, like, types).unwrap();
    let mut bytes = Vec::new();
    block_on(file.write(checkpoint, async |piece: &[u8]| {
        bytes.extend(piece);
        Ok::<_, GgufWriteError>(())
    }))
    .unwrap();
    assert_eq!(bytes.len() as u64, file.bytes());
    open(MemoryFiles::new(
        "written",
        [("model.gguf".to_owned(), bytes)],
    ))
}

fn values(checkpoint: &Checkpoint<MemoryFiles>, name: &str) -> Vec<f32> {
    block_on(checkpoint.read_f32(name)).unwrap()
}

/// The largest difference of each tensor from what it was, over the largest value of its row's blocks.
fn compare(one: &Checkpoint<MemoryFiles>, other: &Checkpoint<MemoryFiles>, of_matrices: f32) {
    let inventory = block_on(one.inventory()).unwrap();
    for expected in inventory.layout().all() {
        let (is, was) = (values(other, &expected.name), values(one, &expected.name));
        assert_eq!(is.len(), was.len());
        let limit = if expected.shape.len() == 2 {
            of_matrices
        } else {
            1e-6
        };
        let largest = was.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        for (is, was) in is.iter().zip(&was) {
            let bound = limit * largest.max(1e-3);
            assert!(
                (is - was).abs() <= bound,
                "{}: {is} and {was}",
                expected.name
            );
        }
    }
}

const WRITTEN: [&str; 11] = [
    "llama",
    "llama_bf16",
    "llama_tied",
    "llama_rope_linear",
    "qwen2",
    "qwen3",
    "olmo2",
    "granite",
    "gemma2",
    "gemma3",
    "smollm3_old_config",
];

#[test]
fn every_family_that_is_written_is_read_back_as_it_was() {
    for golden in WRITTEN {
        let model = open(files(golden, |_| ()));
        let again = written(&model, None, StoredType::F16);
        // Half precision keeps eleven bits.
        compare(&model, &again, 1.0 / 2048.0);
        let [spec, read] = [&model, &again].map(|one| block_on(one.inventory()).unwrap().spec());
        assert_eq!(
            (spec.layers(), &spec.attention),
            (read.layers(), &read.attention),
            "{golden}"
        );
        let [before, after] =
            [&model, &again].map(|one| block_on(Tokenizer::open(one.files())).unwrap());
        for text in TEXTS {
            assert_eq!(
                before.encode_text(text).unwrap(),
                after.encode_text(text).unwrap()
            );
        }
        assert_eq!(
            (after.eos(), after.stops()),
            (Some(8), &[8][..]),
            "{golden}"
        );
    }
}

#[test]
fn each_block_is_of_the_type_that_is_wanted_of_it() {
    let model = open(files("llama", |_| ()));
    let types = TensorTypes {
        rest: StoredType::Q8_0,
        blocks: [(0, StoredType::Q4_0), (2, StoredType::Q5_0)].into(),
    };
    let again = written(&model, None, types);
    let stored = |name: &str| again.entry(name).unwrap().dtype.to_string();
    assert_eq!(stored("model.embed_tokens.weight"), "Q8_0");
    assert_eq!(stored("lm_head.weight"), "Q8_0");
    for (layer, expected) in ["Q4_0", "Q8_0", "Q5_0"].into_iter().enumerate() {
        for map in ["self_attn.q_proj", "mlp.up_proj"] {
            let name = format!("model.layers.{layer}.{map}.weight");
            assert_eq!(stored(&name), expected, "{name}");
            let was = values(&model, &name);
            let wanted: StoredType = again.entry(&name).unwrap().dtype;
            let mut bytes = Vec::new();
            wanted.encode(&was, &mut bytes).unwrap();
            let mut expected = vec![0.0; was.len()];
            wanted.decode(&bytes, &mut expected);
            assert_eq!(values(&again, &name), expected, "{name}");
        }
        assert_eq!(
            stored(&format!("model.layers.{layer}.mlp.down_proj.weight")),
            "F16"
        );
        assert_eq!(
            stored(&format!("model.layers.{layer}.input_layernorm.weight")),
            "F32"
        );
    }
}

#[test]
fn types_that_are_only_read_are_refused() {
    let model = open(files("llama", |_| ()));
    let file = file(&model, None, StoredType::Q4_1).unwrap();
    let written = block_on(file.write(&model, async |_: &[u8]| Ok::<_, GgufWriteError>(())));
    let problem = written.unwrap_err().to_string();
    assert!(problem.contains("Q4_1 is only read"), "{problem}");
}

#[test]
fn blocks_of_eight_bits_are_those_of_ggml() {
    let model = open(files("llama", |_| ()));
    let again = written(&model, None, StoredType::Q8_0);
    compare(&model, &again, 1.0 / 200.0);
    let name = "model.layers.1.mlp.gate_proj.weight";
    assert_eq!(again.entry(name).unwrap().dtype.to_string(), "Q8_0");
    // 48 channels do not make up blocks of 32.
    let down = again.entry("model.layers.1.mlp.down_proj.weight").unwrap();
    assert_eq!(down.dtype.to_string(), "F16");
    // By the definition: d = max/127, rounded to half precision after x/d was rounded.
    let (was, is) = (values(&model, name), values(&again, name));
    for (was, is) in was.chunks(32).zip(is.chunks(32)) {
        let largest = was.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let scale = largest / 127.0;
        let stored = half::f16::from_f32(scale).to_f32();
        for (was, is) in was.iter().zip(is) {
            assert_eq!(*is, (was * (1.0 / scale)).round() * stored);
        }
    }
}

#[test]
fn metadata_of_another_file_are_carried_over() {
    let model = open(files("llama", |_| ()));
    let whole = written(&model, None, StoredType::F16);
    // Of the GGUF file itself, and of a folder whose own tokenizer has no name in llama.cpp.
    let unnamed = open(files("llama", |tokenizer| {
        tokenizer["pre_tokenizer"] = json!({"type": "Whitespace"});
    }));
    let refused = file(&unnamed, None, StoredType::F16)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("no name for how it cuts"), "{refused}");
    let again = written(&whole, None, StoredType::Q8_0);
    let tokenizers = [&whole, &again].map(|one| block_on(one.held_files()).unwrap());
    assert_eq!(tokenizers[0], tokenizers[1]);
    let carried = file(&model, Some(&whole), StoredType::F16);
    assert!(carried.is_ok(), "{carried:?}");
    let other = file(&unnamed, Some(&whole), StoredType::F16).unwrap_err();
    assert!(other.to_string().contains("other tokens"), "{other}");
    let none = file(&model, Some(&model), StoredType::F16).unwrap_err();
    assert!(none.to_string().contains("no GGUF file"), "{none}");
}

#[test]
fn what_llama_cpp_would_compute_otherwise_is_refused() {
    for (golden, part) in [
        ("mistral", "see 5 tokens back"),
        ("qwen2_sliding", "see 5 tokens back"),
        ("llama_rope_dynamic", "stretched"),
        ("smollm3", "see 5 tokens back"),
        ("gpt2", "the family gpt2"),
        ("phi3", "the family phi3"),
        // Its first version's fields, and layers that slide in another order than llama.cpp has them.
        ("gemma3_old_config", "would be"),
    ] {
        let model = open(files(golden, |_| ()));
        let refused = file(&model, None, StoredType::F16).unwrap_err().to_string();
        assert!(refused.contains(part), "{golden}: {refused}");
    }
}

#[test]
fn values_beyond_half_precision_are_refused_by_name() {
    let files = files("llama", |_| ());
    let mut weights = block_on(files.read_small("model.safetensors"))
        .unwrap()
        .unwrap();
    let header = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let fields: Value = serde_json::from_slice(&weights[8..8 + header]).unwrap();
    let name = "model.layers.0.mlp.up_proj.weight";
    let start = fields[name]["data_offsets"][0].as_u64().unwrap() as usize + 8 + header;
    weights[start..start + 4].copy_from_slice(&1e5f32.to_le_bytes());
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for other in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        let contents = block_on(files.read_small(other)).unwrap().unwrap();
        all.push((other.to_owned(), contents));
    }
    all.push(("model.safetensors".to_owned(), weights));
    let model = open(MemoryFiles::new("large", all));
    let file = file(&model, None, StoredType::F16).unwrap();
    let done = block_on(file.write(&model, async |_: &[u8]| Ok::<_, GgufWriteError>(())));
    let refused = done.unwrap_err().to_string();
    assert!(
        refused.contains(name) && refused.contains("100000"),
        "{refused}"
    );
}
