//! Models that cannot be used are named, with the reason, and nothing panics.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeMap, ops::ControlFlow};

use burn::tensor::Device;
use layerlab_model::{
    Checkpoint, Decoder, MemoryFiles, ModelError, NoObserver, PaddingSide, TokenBatch, Tokenizer,
    WeightFormat,
};
use pollster::block_on;
use serde_json::{Value, json};
use support::{files_of, joined, parts};

const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const INDEX: &str = "model.safetensors.index.json";

type Files = BTreeMap<String, Vec<u8>>;

fn load(files: Files) -> Result<Decoder, ModelError> {
    block_on(async {
        let checkpoint = Checkpoint::open(MemoryFiles::new("memory", files)).await?;
        Decoder::load(
            &checkpoint,
            &Device::flex(),
            WeightFormat::Stored,
            &mut |_| ControlFlow::Continue(()),
        )
        .await
    })
}

/// What is said when the golden is loaded after `spoil`.
fn complaint(golden: &str, spoil: impl FnOnce(&mut Files)) -> String {
    let mut files = files_of(golden);
    spoil(&mut files);
    let error = load(files).expect_err("a spoilt model was loaded");
    let mut said = error.to_string();
    let mut reason = std::error::Error::source(&error);
    while let Some(error) = reason {
        said += &format!(": {error}");
        reason = error.source();
    }
    said
}

fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

fn edit_config(files: &mut Files, edit: impl FnOnce(&mut Value)) {
    let mut config: Value = serde_json::from_slice(&files[CONFIG]).unwrap();
    edit(&mut config);
    files.insert(CONFIG.into(), config.to_string().into_bytes());
}

fn edit_header(files: &mut Files, edit: impl FnOnce(&mut Value)) {
    let (mut header, data) = parts(&files[WEIGHTS]);
    edit(&mut header);
    files.insert(WEIGHTS.into(), joined(&header, &data));
}

#[test]
fn an_unspoilt_golden_loads() {
    assert_eq!(load(files_of("llama")).unwrap().spec().layers(), 3);
}

#[test]
fn missing_files_are_named() {
    let said = complaint("llama", |files| drop(files.remove(CONFIG)));
    assert_says(&said, &["no config.json", "Hugging Face layout"]);
    let said = complaint("llama", |files| drop(files.remove(WEIGHTS)));
    assert_says(&said, &["no model.safetensors", "converted"]);
    let shard = "model-00002-of-00003.safetensors";
    let said = complaint("llama_sharded", |files| drop(files.remove(shard)));
    assert_says(&said, &[shard, "missing"]);
    let files = MemoryFiles::default();
    let error = block_on(Tokenizer::open(&files)).unwrap_err();
    assert_says(&error.to_string(), &["tokenizer.json"]);
}

#[test]
fn truncated_weights_say_how_much_is_there() {
    let whole = files_of("llama")[WEIGHTS].len();
    for left in [whole - 1, whole / 2] {
        let said = complaint("llama", |files| {
            files.get_mut(WEIGHTS).unwrap().truncate(left);
        });
        let (found, expected) = (left.to_string(), whole.to_string());
        assert_says(&said, &[WEIGHTS, "cut short", &found, &expected]);
    }
    let said = complaint("llama", |files| files.get_mut(WEIGHTS).unwrap().truncate(5));
    assert_says(&said, &["cut short", "5 of its 8 bytes"]);
    let said = complaint("llama", |files| {
        files.get_mut(WEIGHTS).unwrap().truncate(20)
    });
    assert_says(&said, &["header claims", "the file has 20"]);
}

#[test]
fn a_header_of_2_to_the_60_bytes_is_refused_before_memory_is_taken() {
    let said = complaint("llama", |files| {
        let weights = files.get_mut(WEIGHTS).unwrap();
        weights[..8].copy_from_slice(&(1u64 << 60).to_le_bytes());
    });
    assert_says(&said, &["header claims 1152921504606846976 bytes"]);
}

#[test]
fn offsets_that_overlap_or_leave_gaps_are_refused() {
    let norm = "model.norm.weight";
    let move_by = |bytes: i64| {
        complaint("llama", |files| {
            edit_header(files, |header| {
                for end in [0, 1] {
                    let offset = &mut header[norm]["data_offsets"][end];
                    *offset = json!(offset.as_i64().unwrap() + bytes);
                }
            });
        })
    };
    assert_says(&move_by(-4), &["overlaps", "malformed"]);
    assert_says(&move_by(4), &["malformed"]);
    let said = complaint("llama", |files| {
        edit_header(files, |header| {
            header[norm]["data_offsets"] = json!([64, 0]);
        });
    });
    assert_says(&said, &["malformed", norm]);
    let said = complaint("llama", |files| {
        edit_header(files, |header| {
            header[norm]["shape"] = json!([u64::MAX, u64::MAX]);
        });
    });
    assert_says(&said, &["larger than any file"]);
    let said = complaint("llama", |files| files.get_mut(WEIGHTS).unwrap().push(0));
    assert_says(&said, &["1 bytes follow the last tensor"]);
}

#[test]
fn a_wrong_shape_is_told_with_both_shapes() {
    let said = complaint("llama", |files| {
        edit_config(files, |config| config["vocab_size"] = json!(65));
    });
    let parts = ["model.embed_tokens.weight", "[64, 32]", "[65, 32]"];
    assert_says(&said, &parts);
}

#[test]
fn a_missing_tensor_is_named() {
    let said = complaint("llama", |files| {
        edit_header(files, |header| {
            let fields = header.as_object_mut().unwrap();
            let tensor = fields
                .shift_remove("model.layers.1.mlp.up_proj.weight")
                .unwrap();
            fields.insert("something.else".into(), tensor);
        });
    });
    assert_says(&said, &["model.layers.1.mlp.up_proj.weight", "missing"]);
    // More layers than there are weights for.
    let said = complaint("llama", |files| {
        edit_config(files, |config| config["num_hidden_layers"] = json!(4));
    });
    assert_says(&said, &["model.layers.3.", "missing"]);
}

#[test]
fn an_unknown_architecture_is_named_with_the_known_ones() {
    let said = complaint("llama", |files| {
        edit_config(files, |config| config["model_type"] = json!("falcon"));
    });
    let families: Vec<&str> = layerlab_model::known_families().collect();
    assert_eq!(families.len(), 17);
    assert_says(&said, &["unknown architecture `falcon`"]);
    assert_says(&said, &families);
}

/// Of each kind one, with what stands in its place.
#[test]
fn models_of_kinds_that_cannot_be_run_are_refused_as_what_they_are() {
    let families: Vec<&str> = layerlab_model::known_families().collect();
    for (model_type, kind, instead) in [
        ("mixtral", "is a mixture of experts", Some("`mistral`")),
        ("qwen3_moe", "is a mixture of experts", Some("`qwen3`")),
        ("llama4_text", "is a mixture of experts", Some("`llama`")),
        ("deepseek_v3", "latent vector", None),
        ("mamba", "a state from token to token", None),
        (
            "granitemoehybrid",
            "a state from token to token",
            Some("`granite`"),
        ),
        ("qwen2_vl", "images or sound", Some("`qwen2`")),
        (
            "gemma3n_text",
            "embeddings in every layer",
            Some("`gemma3_text`"),
        ),
        ("t5", "has an encoder", None),
    ] {
        let said = complaint("llama", |files| {
            edit_config(files, |config| config["model_type"] = json!(model_type));
        });
        assert_says(&said, &[&format!("`{model_type}`"), kind, "cannot be run"]);
        assert_says(&said, &families);
        match instead {
            Some(instead) => assert_says(&said, &["of the same makers", instead]),
            None => assert!(!said.contains("of the same makers"), "{said}"),
        }
    }
}

/// What is nested can be saved by itself only where it can be run then.
#[test]
fn a_nested_language_model_is_told_by_what_it_is() {
    let nested = |outer: &str, inner: &str| {
        complaint("llama", |files| {
            edit_config(files, |config| {
                *config = json!({"model_type": outer, "text_config": {"model_type": inner}});
            });
        })
    };
    let said = nested("gemma3", "gemma3_text");
    assert_says(
        &said,
        &["`gemma3` is no decoder alone", "`gemma3_text`", "by itself"],
    );
    let said = nested("llama4", "llama4_text");
    assert_says(
        &said,
        &["`llama4_text`", "is a mixture of experts", "`llama`"],
    );
}

#[test]
fn weights_that_are_not_numbers_are_counted() {
    for bad in [f32::NAN, f32::INFINITY] {
        let said = complaint("llama", |files| {
            let (header, mut data) = parts(&files[WEIGHTS]);
            let norm = &header["model.norm.weight"]["data_offsets"];
            let start = norm[0].as_u64().unwrap() as usize;
            data[start..start + 4].copy_from_slice(&bad.to_le_bytes());
            files.insert(WEIGHTS.into(), joined(&header, &data));
        });
        assert_says(
            &said,
            &["model.norm.weight", "1 values of 32", "not finite"],
        );
    }
}

#[test]
fn other_data_types_are_named_with_what_is_read() {
    let said = complaint("llama", |files| {
        edit_header(files, |header| {
            header["model.norm.weight"]["dtype"] = json!("I32");
        });
    });
    assert_says(&said, &["model.norm.weight", "I32", "F32, F16 and BF16"]);
    let said = complaint("llama", |files| {
        edit_config(files, |config| {
            config["quantization_config"] = json!({"quant_method": "gptq"});
        });
    });
    assert_says(&said, &["quantised (gptq)", "f32, f16 and bf16"]);
}

#[test]
fn configurations_that_contradict_themselves_are_refused() {
    let with = |field: &str, value: Value| {
        complaint("llama", |files| {
            edit_config(files, |config| config[field] = value);
        })
    };
    assert_says(
        &with("num_hidden_layers", json!(0)),
        &["num_hidden_layers", "whole number"],
    );
    assert_says(
        &with("num_hidden_layers", json!(-1)),
        &["num_hidden_layers"],
    );
    assert_says(
        &with("hidden_size", json!("32")),
        &["hidden_size", "\"32\""],
    );
    assert_says(&with("hidden_size", json!(1u64 << 40)), &["hidden_size"]);
    assert_says(&with("num_key_value_heads", json!(3)), &["heads"]);
    assert_says(
        &with("hidden_act", json!("tangent")),
        &["hidden_act", "tangent"],
    );
    let said = complaint("llama", |files| {
        files.insert(CONFIG.into(), b"[]".to_vec());
    });
    assert_says(&said, &["not a JSON object"]);
    let said = complaint("llama", |files| {
        files.insert(CONFIG.into(), b"{".to_vec());
    });
    assert_says(&said, &["not valid JSON", "EOF"]);
}

#[test]
fn an_index_that_leads_astray_is_refused() {
    let with_index = |index: Value| {
        complaint("llama_sharded", |files| {
            files.insert(INDEX.into(), index.to_string().into_bytes());
        })
    };
    assert_says(&with_index(json!({})), &["weight_map"]);
    assert_says(
        &with_index(json!({"weight_map": {"a": 1}})),
        &["shard of `a`"],
    );
    for shard in ["../secret.safetensors", "/etc/passwd", ".hidden", ""] {
        let said = with_index(json!({"weight_map": {"a": shard}}));
        assert_says(&said, &["not the name of a file beside it"]);
    }
    let shard = "model-00001-of-00003.safetensors";
    let said = with_index(json!({"weight_map": {"no.such.tensor": shard}}));
    assert_says(&said, &["no.such.tensor", shard]);
}

#[test]
fn ids_beyond_the_vocabulary_and_empty_sequences_are_refused() {
    let decoder = load(files_of("llama")).unwrap();
    let batch = TokenBatch::new(&[[1u32, 64]], PaddingSide::Right).unwrap();
    let error = decoder
        .hidden_states(&batch, None, &mut NoObserver)
        .unwrap_err();
    assert_says(&error.to_string(), &["token id 64", "vocabulary of 64"]);
    for sequences in [vec![], vec![vec![]], vec![vec![1u32], vec![]]] {
        let error = TokenBatch::new(&sequences, PaddingSide::Right).unwrap_err();
        assert!(matches!(error, ModelError::EmptySequence));
    }
}

#[test]
fn more_tokens_than_trained_positions_are_refused() {
    let decoder = load(files_of("gpt2")).unwrap();
    let context = decoder.spec().context;
    let batch = TokenBatch::new(&[vec![1u32; context + 1]], PaddingSide::Right).unwrap();
    let error = decoder
        .hidden_states(&batch, None, &mut NoObserver)
        .unwrap_err();
    let (length, context) = ((context + 1).to_string(), context.to_string());
    assert_says(&error.to_string(), &[&length, &context, "positions"]);
}

#[test]
fn loading_stops_when_asked() {
    let checkpoint = block_on(Checkpoint::open(MemoryFiles::new(
        "memory",
        files_of("llama"),
    )))
    .unwrap();
    let mut seen = 0;
    let loaded = block_on(Decoder::load(
        &checkpoint,
        &Device::flex(),
        WeightFormat::Stored,
        &mut |_| {
            seen += 1;
            ControlFlow::Break(())
        },
    ));
    assert!(matches!(loaded, Err(ModelError::Interrupted)));
    assert_eq!(seen, 1);
}
