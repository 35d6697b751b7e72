//! What is told of a model: by its configuration, by its family's names, and by where its files lie.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use layerlab_checkpoint::{
    Checkpoint, Config, DecoderSpec, Folder, MemoryFiles, ModelFiles,
    families::{self, Map},
    spec::{AttentionSpec, RotaryScaling},
};
use pollster::block_on;
use serde_json::{Value, json};
use support::{files_of, goldens, joined, parts};

fn config_of(golden: &str) -> Value {
    serde_json::from_slice(&files_of(golden)["config.json"]).unwrap()
}

fn spec_of(config: &Value) -> DecoderSpec {
    DecoderSpec::from_config(&Config::parse(config.to_string().as_bytes()).unwrap()).unwrap()
}

#[test]
fn a_number_is_what_is_written_or_else_the_default() {
    let config = Config::parse(br#"{"rope_theta": 500000.0, "attention_bias": 2, "x": null}"#);
    let config = config.unwrap();
    assert_eq!(config.f64_or(&["rope_theta"], 10_000.0).unwrap(), 500_000.0);
    assert_eq!(config.f64_or(&["base", "x"], 10_000.0).unwrap(), 10_000.0);
    assert_eq!(config.f64_or(&["x", "attention_bias"], 0.5).unwrap(), 2.0);
    let text = Config::parse(br#"{"rope_theta": "500000"}"#).unwrap();
    let said = text.f64_or(&["rope_theta"], 10_000.0).unwrap_err();
    assert!(said.to_string().contains("`rope_theta`"), "{said}");
}

/// The context before Llama 3's scaling: of the configuration, else of the section, else the one after it.
#[test]
fn the_context_of_the_pre_training_is_looked_for_from_the_outside_in() {
    const FIELD: &str = "original_max_position_embeddings";
    let original = |config: &Value| match &spec_of(config).position.rotations()[0].scaling {
        RotaryScaling::Llama3 {
            original_context, ..
        } => *original_context,
        other => panic!("{other:?}"),
    };
    let mut config = config_of("llama_rope_llama3");
    assert_eq!(original(&config), 64);
    config[FIELD] = json!(128);
    assert_eq!(original(&config), 128);
    config[FIELD] = json!(null);
    config["rope_scaling"][FIELD] = json!(null);
    assert_eq!(original(&config), 512);
}

/// GPT-2 may divide the products of block n, counted from 1, by n besides.
#[test]
fn later_blocks_of_gpt2_may_be_scaled_down_further() {
    let scales = |config: &Value| -> Vec<f64> {
        let blocks = spec_of(config).blocks.into_iter();
        blocks.map(|block| block.attention_scale).collect()
    };
    let close = |found: Vec<f64>, expected: [f64; 3]| {
        let pairs = found.iter().zip(expected);
        assert!(
            pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-15),
            "{found:?}"
        );
    };
    let mut config = config_of("gpt2_scaled");
    // Heads have 24 / 4 channels.
    let by_head = 1.0 / 6f64.sqrt();
    close(scales(&config), [by_head, by_head / 2.0, by_head / 3.0]);
    config["scale_attn_weights"] = json!(false);
    close(scales(&config), [1.0, 0.5, 1.0 / 3.0]);
    config["scale_attn_by_inverse_layer_idx"] = json!(false);
    close(scales(&config), [1.0; 3]);
}

/// Our own files name maps as their JSON does.
#[test]
fn maps_are_named_as_they_are_written() {
    for map in Map::ALL {
        assert_eq!(serde_json::to_value(map).unwrap(), map.name());
    }
}

#[test]
fn maps_have_the_shapes_of_the_configuration() {
    // 4 query heads and 2 of keys and values, of 12 channels each.
    let spec = spec_of(&config_of("llama"));
    let shapes = Map::ALL.map(|map| map.shape(&spec).unwrap());
    let expected = [
        [32, 48],
        [32, 24],
        [32, 24],
        [48, 32],
        [32, 48],
        [32, 48],
        [48, 32],
    ];
    assert_eq!(shapes, expected);
    assert_eq!(Map::Gate.shape(&spec_of(&config_of("gpt2"))), None);
}

/// Two heads of three channels, each output by its part, its head and its channel.
#[test]
fn fused_maps_hold_each_output_once_and_in_the_familys_order() {
    let mut spec = spec_of(&config_of("gpt2"));
    spec.attention = AttentionSpec {
        heads: 2,
        kv_heads: 2,
        head_dim: 3,
        qkv_bias: true,
        output_bias: true,
        head_norm: None,
        soft_cap: None,
    };
    let mut thirds = Vec::new();
    for part in 0..3 {
        for head in 0..2 {
            thirds.extend((0..3).map(|channel| (part, head * 3 + channel)));
        }
    }
    let mut per_head = Vec::new();
    for head in 0..2 {
        for part in 0..3 {
            per_head.extend((0..3).map(|channel| (part, head * 3 + channel)));
        }
    }
    for (family, order) in [("gpt2", thirds), ("gpt_neox", per_head)] {
        let names = families::named(family).unwrap().names;
        for map in names.stored_maps() {
            match map.parts.len() {
                3 => {
                    for (row, (part, output)) in order.iter().enumerate() {
                        let found = map.row(&spec, *part, *output);
                        assert_eq!(found, row, "{family}: {part}, {output}");
                    }
                }
                // What holds one map alone holds it in its own order, whatever is fused beside it.
                _ => {
                    let rows = (0..6).map(|output| map.row(&spec, 0, output));
                    assert_eq!(rows.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5], "{}", map.name);
                }
            }
        }
    }
}

#[test]
fn weights_are_told_by_their_files_and_types() {
    let open = |files| block_on(Checkpoint::open(MemoryFiles::new("memory", files))).unwrap();
    let sharded = open(files_of("llama_sharded"));
    let shards = [1, 2, 3].map(|shard| format!("model-0000{shard}-of-00003.safetensors"));
    assert_eq!(sharded.weight_files(), shards);
    assert_eq!(sharded.dtypes(), ["F32"]);
    let mut files = files_of("llama");
    // The same bytes read as twice as many numbers of half the size.
    let (mut header, data) = parts(&files["model.safetensors"]);
    header["model.norm.weight"]["dtype"] = json!("F16");
    header["model.norm.weight"]["shape"] = json!([64]);
    files.insert("model.safetensors".into(), joined(&header, &data));
    let mixed = open(files);
    assert_eq!(mixed.weight_files(), ["model.safetensors"]);
    assert_eq!(mixed.dtypes(), ["F16", "F32"]);
}

/// A header's length takes 8 bytes: with fewer there is nothing to read yet.
#[test]
fn weights_that_end_before_their_header_begins_are_cut_short() {
    let complaint = |length: usize| {
        let mut files = files_of("llama");
        files.insert("model.safetensors".into(), vec![0; length]);
        let opened = block_on(Checkpoint::open(MemoryFiles::new("memory", files)));
        opened.unwrap_err().to_string()
    };
    for length in [0, 1, 7] {
        let part = format!("model.safetensors is cut short: {length} of its 8 bytes are there");
        let said = complaint(length);
        assert!(said.contains(&part), "{said}");
    }
    // Eight are whole: what is wrong with them is another matter.
    let said = complaint(8);
    assert!(!said.contains("cut short"), "{said}");
}

/// Nothing of a file goes unread without a word.
#[test]
fn bytes_after_the_last_tensor_are_told() {
    let mut files = files_of("llama");
    files.get_mut("model.safetensors").unwrap().extend([0; 3]);
    let said = block_on(Checkpoint::open(MemoryFiles::new("memory", files))).unwrap_err();
    let part = "3 bytes follow the last tensor";
    assert!(said.to_string().contains(part), "{said}");
}

/// One tensor of another shape stands for all, which are counted.
#[test]
fn tensors_of_another_shape_are_counted() {
    let complaint = |golden: &str, edit: fn(&mut Value)| {
        let (mut files, mut config) = (files_of(golden), config_of(golden));
        edit(&mut config);
        files.insert("config.json".into(), config.to_string().into_bytes());
        let checkpoint = block_on(Checkpoint::open(MemoryFiles::new("memory", files))).unwrap();
        block_on(checkpoint.inventory()).unwrap_err().to_string()
    };
    // Gate, up and down of three layers have 48 inner channels.
    let said = complaint("llama", |config| config["intermediate_size"] = json!(96));
    assert!(said.ends_with(", and so it is with 8 more"), "{said}");
    // The embedding, which is the head as well, has 64 rows.
    let said = complaint("llama_tied", |config| config["vocab_size"] = json!(65));
    assert!(said.ends_with("asks for [65, 32]"), "{said}");
}

#[test]
fn a_folder_is_called_by_its_path() {
    let folder = goldens().join("nothing_here");
    let described = Folder::new(&folder).describe();
    assert_eq!(described, folder.display().to_string());
    let said = block_on(Checkpoint::open(Folder::new(&folder))).unwrap_err();
    assert!(said.to_string().contains(&described), "{said}");
}
