//! Readers meet any bytes at all without panicking, and what they accept is sound.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use layerlab_checkpoint::{Checkpoint, Config, DecoderSpec, MemoryFiles};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{files_of, joined, parts};

/// JSON of any kind, nested a little.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("llama")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,12}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A field of an object, by its index.
fn field(value: &Value, index: usize) -> String {
    let fields = value.as_object().unwrap();
    fields.keys().nth(index % fields.len()).unwrap().clone()
}

fn open(weights: Vec<u8>) -> Option<Checkpoint<MemoryFiles>> {
    let files = BTreeMap::from([
        ("config.json".to_owned(), b"{}".to_vec()),
        ("model.safetensors".to_owned(), weights),
    ]);
    block_on(Checkpoint::open(MemoryFiles::new("memory", files))).ok()
}

/// Every accepted tensor lies inside the file and can be read.
fn assert_sound(weights: Vec<u8>) {
    let size = weights.len() as u64;
    if let Some(checkpoint) = open(weights) {
        for (name, entry) in checkpoint.tensors() {
            assert!(entry.offset + entry.bytes <= size, "{name}");
            let elements: usize = entry.shape.iter().product();
            if let Ok(values) = block_on(checkpoint.read_f32(name)) {
                assert_eq!(values.len(), elements, "{name}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_met_as_weights(weights in prop::collection::vec(any::<u8>(), 0..400)) {
        assert_sound(weights);
    }

    #[test]
    fn any_header_is_met(header in any_json(), data in prop::collection::vec(any::<u8>(), 0..64)) {
        assert_sound(joined(&header, &data));
    }

    #[test]
    fn a_good_header_with_one_field_changed_is_met(
        tensor in any::<usize>(),
        part in prop::sample::select(vec!["dtype", "shape", "data_offsets"]),
        value in prop_oneof![
            any_json(),
            any::<[u64; 2]>().prop_map(|pair| json!(pair)),
            (0u64..5000, 0u64..5000).prop_map(|pair| json!([pair.0, pair.1])),
            Just(json!("F16")),
        ],
    ) {
        let (mut header, data) = parts(&files_of("llama_tied")["model.safetensors"]);
        let name = field(&header, tensor);
        header[name.as_str()][part] = value;
        assert_sound(joined(&header, &data));
    }

    #[test]
    fn a_good_file_with_one_byte_changed_is_met(at in any::<usize>(), byte in any::<u8>()) {
        let mut weights = files_of("llama_tied")["model.safetensors"].clone();
        // The header is where changes can do harm.
        let header = 8 + u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
        weights[at % header] = byte;
        assert_sound(weights);
    }

    #[test]
    fn any_index_is_met(index in any_json(), shard in ".{0,12}") {
        for index in [index.clone(), json!({"weight_map": index}), json!({"weight_map": {"a": shard}})] {
            let mut files = files_of("llama_sharded");
            files.insert("model.safetensors.index.json".into(), index.to_string().into_bytes());
            let _ = block_on(Checkpoint::open(MemoryFiles::new("memory", files)));
        }
    }

    #[test]
    fn any_bytes_are_met_as_configuration(contents in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Config::parse(&contents);
    }

    #[test]
    fn a_good_configuration_with_one_field_changed_is_met(
        golden in prop::sample::select(vec![
            "gemma2", "gemma3", "gemma3_old_config", "gpt2", "gpt_neo", "gpt_neox", "granite", "llama",
            "llama_rope_llama3", "mistral", "opt", "phi3_longrope", "qwen2_sliding", "qwen3", "smollm3",
            "smollm3_old_config", "stablelm",
        ]),
        index in any::<usize>(),
        value in any_json(),
    ) {
        let mut config: Value = serde_json::from_slice(&files_of(golden)["config.json"]).unwrap();
        let name = field(&config, index);
        config[name.as_str()] = value;
        if let Ok(config) = Config::parse(config.to_string().as_bytes())
            && let Ok(spec) = DecoderSpec::from_config(&config)
        {
            prop_assert!(spec.layers() > 0 && spec.hidden_size > 0);
            prop_assert!(spec.attention.heads.is_multiple_of(spec.attention.kv_heads));
        }
    }
}
