//! GGUF files hold what the Python package gguf finds in them, and models are those of the safetensors that they were made of.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeMap, fs};

use layerlab_checkpoint::{
    Checkpoint, DecoderSpec, Folder, MemoryFiles, Tokenizer, tensors::StoredType,
};
use pollster::block_on;
use safetensors::SafeTensors;
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::goldens;

const TYPES: [StoredType; 15] = [
    StoredType::F32,
    StoredType::F16,
    StoredType::BF16,
    StoredType::Q4_0,
    StoredType::Q4_1,
    StoredType::Q5_0,
    StoredType::Q5_1,
    StoredType::Q8_0,
    StoredType::Q2K,
    StoredType::Q3K,
    StoredType::Q4K,
    StoredType::Q5K,
    StoredType::Q6K,
    StoredType::Iq4Nl,
    StoredType::Iq4Xs,
];

fn file(name: &str) -> Folder {
    Folder::new(goldens().join("gguf").join(name))
}

fn open(name: &str) -> Checkpoint<Folder> {
    block_on(Checkpoint::open(file(name))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(name: &str) -> Value {
    let text = fs::read(goldens().join("gguf").join(name)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn digest(values: &[f32]) -> String {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn random_blocks_of_every_type_are_decoded_to_the_last_bit() {
    let contents = fs::read(goldens().join("gguf/blocks.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&contents).unwrap();
    for stored in TYPES {
        let blocks = golden.tensor(&format!("{stored}.blocks")).unwrap();
        let values = golden.tensor(&format!("{stored}.values")).unwrap();
        let expected: Vec<u32> = values
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| u32::from_le_bytes(*bytes))
            .collect();
        let mut found = vec![0.0; expected.len()];
        stored.decode(blocks.data(), &mut found);
        assert_eq!(bits(&found), expected, "{stored}");
    }
}

/// The name that a tensor of a file has in `transformers`.
fn renamed(stored: &str) -> String {
    let stem = stored.strip_suffix(".weight").unwrap();
    let within = |name: &str| match name {
        "attn_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        other => panic!("{other}"),
    };
    match stem {
        "token_embd" => "model.embed_tokens.weight".to_owned(),
        "output_norm" => "model.norm.weight".to_owned(),
        _ => {
            let (layer, name) = stem.strip_prefix("blk.").unwrap().split_once('.').unwrap();
            format!("model.layers.{layer}.{}.weight", within(name))
        }
    }
}

/// Rows as the file has them: those of the halves of each head by turns.
fn as_stored(values: &[f32], rows: usize, heads: usize) -> Vec<f32> {
    let (size, width) = (rows / heads, values.len() / rows);
    let row = |row: usize| &values[row * width..][..width];
    let rows = (0..rows).flat_map(|place| {
        let (head, within) = (place / size, place % size);
        row(head * size + within % 2 * (size / 2) + within / 2)
    });
    rows.copied().collect()
}

#[test]
fn tensors_of_every_type_hold_what_the_package_finds() {
    let checkpoint = open("types.gguf");
    let golden = json("types.json");
    assert_eq!(
        golden.as_object().unwrap().len(),
        checkpoint.tensors().len()
    );
    for (stored, expected) in golden.as_object().unwrap() {
        let name = renamed(stored);
        let entry = checkpoint.entry(&name).unwrap();
        assert_eq!(entry.dtype.to_string(), expected["type"], "{name}");
        let values = block_on(checkpoint.read_f32(&name)).unwrap();
        assert_eq!(values.len(), entry.shape.iter().product::<usize>());
        let values = match stored.rsplit('.').nth(1) {
            Some("attn_q") => as_stored(&values, entry.shape[0], 2),
            Some("attn_k") => as_stored(&values, entry.shape[0], 1),
            _ => values,
        };
        assert_eq!(digest(&values), expected["values"], "{name}");
    }
    block_on(checkpoint.inventory()).unwrap();
}

#[test]
fn any_part_of_a_tensor_is_that_part_of_the_whole() {
    for file in [
        "types.gguf",
        "gpt2.gguf",
        "gpt_neox.gguf",
        "tokenizer_gemma.gguf",
    ] {
        let checkpoint = open(file);
        for name in checkpoint.tensors().keys() {
            let whole = block_on(checkpoint.read_f32(name)).unwrap();
            let length = whole.len();
            let cuts = [
                0,
                1,
                31,
                32,
                33,
                200,
                256,
                257,
                length / 2,
                length - 1,
                length,
            ];
            for start in cuts {
                for end in cuts.into_iter().filter(|end| *end >= start) {
                    let part = block_on(checkpoint.read_f32_part(name, start..end)).unwrap();
                    let range = start.min(length)..end.min(length);
                    assert!(bits(&part) == bits(&whole[range]), "{name} {start}..{end}");
                }
            }
        }
    }
}

#[test]
fn rows_can_be_had_as_they_are_stored() {
    for file in ["types.gguf", "gpt_neox.gguf", "stablelm_parallel.gguf"] {
        let checkpoint = open(file);
        for (name, entry) in checkpoint.tensors() {
            let whole = block_on(checkpoint.read_f32(name)).unwrap();
            let rows = entry.shape[0];
            let width = whole.len() / rows;
            for range in [
                0..rows,
                1..rows,
                rows / 2..rows / 2 + 1,
                0..0,
                3..usize::MAX,
            ] {
                let stored = block_on(checkpoint.read_rows(name, range.clone()))
                    .unwrap()
                    .unwrap();
                assert_eq!(stored.stored, entry.dtype);
                let range = range.start..range.end.min(rows);
                assert_eq!(stored.bytes.len(), stored.row_bytes * range.len());
                let mut values = vec![0.0; range.len() * width];
                stored.stored.decode(&stored.bytes, &mut values);
                let expected = &whole[range.start * width..range.end * width];
                assert!(bits(&values) == bits(expected), "{name}");
            }
        }
    }
    // Of a file that has them transposed there are none.
    let checkpoint = open("gpt2.gguf");
    let none = block_on(checkpoint.read_rows("transformer.h.0.mlp.c_fc.weight", 0..1)).unwrap();
    assert_eq!(none, None);
    let checkpoint = open("tokenizer_gemma.gguf");
    let none = block_on(checkpoint.read_rows("model.norm.weight", 0..1)).unwrap();
    assert_eq!(none, None);
}

/// What the first layer of a golden is, and what the file with it alone says.
fn same_spec(golden: &str, file: &str) {
    let mut config: Value =
        serde_json::from_slice(&support::files_of(golden)["config.json"]).unwrap();
    for layers in ["num_hidden_layers", "n_layer"] {
        if config.get(layers).is_some() {
            config[layers] = 1.into();
        }
    }
    if golden == "llama_rope_llama3" {
        config["rope_theta"] = 500_000.0.into();
        config["rope_scaling"] = serde_json::json!({
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        });
    }
    // Of one layer, there is one kind.
    if let Some(kinds) = config.get_mut("layer_types").and_then(Value::as_array_mut) {
        kinds.truncate(1);
    }
    let config = layerlab_checkpoint::Config::parse(config.to_string().as_bytes()).unwrap();
    let expected = DecoderSpec::from_config(&config).unwrap();
    let checkpoint = open(file);
    let found = block_on(checkpoint.inventory()).unwrap();
    assert_eq!(found.warnings(), &[] as &[String], "{golden}");
    assert_eq!(*found.spec(), expected, "{golden}");
    assert_eq!(
        checkpoint.config().model_type().unwrap(),
        config.model_type().unwrap()
    );
}

fn same_tensors(golden: &str, file: &str) {
    let found = open(file);
    let expected = block_on(Checkpoint::open(Folder::new(goldens().join(golden)))).unwrap();
    let first: BTreeMap<_, _> = expected
        .tensors()
        .iter()
        .filter(|(name, _)| {
            let parts: Vec<&str> = name.split('.').collect();
            let layer = parts
                .iter()
                .position(|part| *part == "layers" || *part == "h");
            layer.is_none_or(|place| parts[place + 1] == "0")
        })
        .collect();
    let names: Vec<&String> = found.tensors().keys().collect();
    assert_eq!(names, first.keys().copied().collect::<Vec<_>>(), "{golden}");
    for (name, entry) in first {
        assert_eq!(
            found.entry(name).unwrap().shape,
            entry.shape,
            "{golden}: {name}"
        );
        let values = block_on(found.read_f32(name)).unwrap();
        let right = block_on(expected.read_f32(name)).unwrap();
        assert!(bits(&values) == bits(&right), "{golden}: {name}");
    }
}

#[test]
fn models_are_those_of_the_safetensors_that_they_were_made_of() {
    for golden in [
        "llama",
        "llama_bias",
        "llama_rope_llama3",
        "qwen3",
        "gpt2",
        "gpt_neox",
        "stablelm_parallel",
    ] {
        let file = format!("{golden}.gguf");
        same_tensors(golden, &file);
        same_spec(golden, &file);
    }
    // Its converter does not write the window.
    same_tensors("mistral", "mistral.gguf");
    let mistral = open("mistral.gguf");
    assert_eq!(mistral.config().model_type().unwrap(), "llama");
}

#[test]
fn a_split_model_is_read_whole_by_any_of_its_parts() {
    for part in 1..=3 {
        let file = format!("qwen2-{part:05}-of-00003.gguf");
        same_tensors("qwen2", &file);
        same_spec("qwen2", &file);
        assert_eq!(open(&file).weight_files().len(), 3);
    }
}

#[test]
fn a_whole_model_has_the_shape_and_the_tokens_of_the_folder_that_it_was_made_of() {
    let folder = || Folder::new(goldens().join("demo"));
    let specs = [file("demo.gguf"), folder()].map(|files| {
        let checkpoint = block_on(Checkpoint::open(files)).unwrap();
        block_on(checkpoint.inventory()).unwrap().spec().clone()
    });
    assert_eq!(specs[0], specs[1]);
    let text = fs::read_to_string(goldens().join("demo/text.txt")).unwrap();
    let [found, expected] =
        [file("demo.gguf"), folder()].map(|files| block_on(Tokenizer::open(&files)).unwrap());
    assert_eq!(found.vocab_size(), expected.vocab_size());
    for with_special in [true, false] {
        let ids = |tokenizer: &Tokenizer| tokenizer.encode(&text, with_special).unwrap();
        assert_eq!(ids(&found), ids(&expected));
    }
}

#[test]
fn the_hash_is_that_of_the_file() {
    let contents = fs::read(goldens().join("gguf/llama.gguf")).unwrap();
    let hash = block_on(open("llama.gguf").sha256()).unwrap();
    let expected = Sha256::digest(&contents);
    let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, expected);
    // In memory it is the same model.
    let files = MemoryFiles::new("page", [("a.gguf".to_owned(), contents)]);
    let checkpoint = block_on(Checkpoint::open(files)).unwrap();
    assert_eq!(block_on(checkpoint.sha256()).unwrap(), hash);
    assert!(
        block_on(Tokenizer::open(checkpoint.files())).is_err(),
        "it has no merges"
    );
}

#[test]
fn tokenizers_give_the_ids_of_hugging_face() {
    for (name, golden) in json("tokenizers.json").as_object().unwrap() {
        let file = file(&format!("tokenizer_{name}.gguf"));
        let tokenizer =
            block_on(Tokenizer::open(&file)).unwrap_or_else(|error| panic!("{name}: {error}"));
        support::same_texts(name, &tokenizer, &golden["texts"]);
        let bos = golden["bos"].as_u64().map(|bos| bos as u32);
        assert_eq!(tokenizer.leading_bos(), bos, "{name}");
        assert_eq!(tokenizer.notes(), &[] as &[String], "{name}");
    }
}

#[test]
fn the_end_of_a_turn_ends_a_text_too() {
    let tokenizer = block_on(Tokenizer::open(&file("tokenizer_smollm.gguf"))).unwrap();
    let id = |text: &str| tokenizer.encode(text, false).unwrap()[0];
    let mut stops = vec![id("<|endoftext|>"), id("<|im_end|>")];
    stops.sort_unstable();
    assert_eq!(tokenizer.stops(), stops);
}

#[test]
fn what_a_file_holds_of_other_files_can_be_written_beside_its_weights() {
    let checkpoint = open("tokenizer_gemma.gguf");
    let held = block_on(checkpoint.held_files()).unwrap();
    let names: Vec<&str> = held.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["tokenizer.json", "tokenizer_config.json"]);
    let config: Value = serde_json::from_slice(&held[1].1).unwrap();
    assert_eq!(config["bos_token"], "<bos>");
    // Read as files, they are the same tokenizer.
    let files = held
        .into_iter()
        .map(|(name, contents)| (name.to_owned(), contents));
    let tokenizer = block_on(Tokenizer::open(&MemoryFiles::new("written", files))).unwrap();
    let golden = &json("tokenizers.json")["gemma"]["texts"];
    support::same_texts("gemma", &tokenizer, golden);
    let safetensors = block_on(Checkpoint::open(Folder::new(goldens().join("llama")))).unwrap();
    assert!(block_on(safetensors.held_files()).unwrap().is_empty());
}
