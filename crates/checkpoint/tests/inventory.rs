//! Every tensor of a file is accounted for: asked for, known to be of no consequence, told as unused, or refused by name.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use layerlab_checkpoint::{Checkpoint, Inventory, MemoryFiles, tensors::CheckpointError};
use pollster::block_on;
use serde_json::{Value, json};
use support::{files_of, goldens, joined, parts};

const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const HEAD: &str = "lm_head.weight";
const EMBEDDING: &str = "model.embed_tokens.weight";

type Files = BTreeMap<String, Vec<u8>>;

/// What is asked of the inventory of a model's files.
fn inventory<T>(files: Files, ask: impl FnOnce(&Inventory) -> T) -> Result<T, CheckpointError> {
    block_on(async {
        let checkpoint = Checkpoint::open(MemoryFiles::new("memory", files)).await?;
        Ok(ask(checkpoint.inventory().await?))
    })
}

fn warnings(files: Files) -> Vec<String> {
    inventory(files, |inventory| inventory.warnings().to_vec()).unwrap()
}

fn complaint(files: Files) -> String {
    inventory(files, |_| ()).unwrap_err().to_string()
}

fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

fn with_config(golden: &str, edit: impl FnOnce(&mut Value)) -> Files {
    let mut files = files_of(golden);
    let mut config = serde_json::from_slice(&files[CONFIG]).unwrap();
    edit(&mut config);
    files.insert(CONFIG.into(), config.to_string().into_bytes());
    files
}

/// A golden whose tensors are others: by name their type, shape and bytes.
fn with_tensors(
    mut files: Files,
    file: &str,
    edit: impl FnOnce(&mut BTreeMap<String, (String, Vec<usize>, Vec<u8>)>),
) -> Files {
    let (header, data) = parts(&files[file]);
    let tensors = header.as_object().unwrap().iter();
    let mut tensors = tensors
        .filter(|(name, _)| *name != "__metadata__")
        .map(|(name, info)| {
            let place = info["data_offsets"].as_array().unwrap();
            let place = place[0].as_u64().unwrap() as usize..place[1].as_u64().unwrap() as usize;
            let shape = serde_json::from_value(info["shape"].clone()).unwrap();
            let dtype = info["dtype"].as_str().unwrap().to_owned();
            (name.clone(), (dtype, shape, data[place].to_vec()))
        })
        .collect();
    edit(&mut tensors);
    let (mut header, mut data) = (json!({}), Vec::new());
    for (name, (dtype, shape, bytes)) in tensors {
        let end = data.len() + bytes.len();
        header[name] = json!({"dtype": dtype, "shape": shape, "data_offsets": [data.len(), end]});
        data.extend(bytes);
    }
    files.insert(file.into(), joined(&header, &data));
    files
}

fn renamed(golden: &str, rename: impl Fn(&str) -> String) -> Files {
    with_tensors(files_of(golden), WEIGHTS, |tensors| {
        *tensors = std::mem::take(tensors)
            .into_iter()
            .map(|(name, tensor)| (rename(&name), tensor))
            .collect();
    })
}

/// A golden with one more tensor of four zeros.
fn with_extra(golden: &str, name: &str) -> Files {
    with_tensors(files_of(golden), WEIGHTS, |tensors| {
        tensors.insert(name.into(), ("F32".into(), vec![4], vec![0; 16]));
    })
}

/// Names of all goldens that are models.
fn models() -> Vec<String> {
    let entries = std::fs::read_dir(goldens()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let models: Vec<String> = names
        .filter(|name| goldens().join(name).join("golden.safetensors").exists())
        .collect();
    assert!(models.len() > 20);
    models
}

#[test]
fn a_sound_file_holds_what_is_asked_for_and_known_buffers() {
    for golden in models() {
        let files = files_of(&golden);
        let checkpoint = block_on(Checkpoint::open(MemoryFiles::new("memory", files))).unwrap();
        let inventory = block_on(checkpoint.inventory()).unwrap();
        assert_eq!(inventory.warnings(), [""; 0], "{golden}");
        let asked = inventory.layout().all().count();
        let masks = match golden.as_str() {
            "gpt2_scaled" => inventory.spec().layers(),
            _ => 0,
        };
        assert_eq!(asked + masks, checkpoint.tensors().len(), "{golden}");
    }
}

#[test]
fn parameters_are_the_elements_that_are_asked_for() {
    for golden in models() {
        let counted = inventory(files_of(&golden), |inventory| {
            let layout = inventory.layout();
            let elements = layout.all();
            let elements = elements.map(|wanted| wanted.shape.iter().product::<usize>());
            (elements.sum::<usize>(), inventory.spec().parameters())
        });
        let (elements, parameters) = counted.unwrap();
        assert_eq!(elements, parameters, "{golden}");
    }
}

#[test]
fn buffers_of_old_programs_are_of_no_consequence() {
    for (golden, name) in [
        ("llama", "model.layers.1.self_attn.rotary_emb.inv_freq"),
        ("llama", "model.rotary_emb.inv_freq"),
        ("gpt2", "transformer.h.2.attn.masked_bias"),
        ("gpt2_scaled", "h.0.attn.masked_bias"),
        ("gpt_neo", "transformer.h.3.attn.attention.bias"),
        ("gpt_neox", "gpt_neox.layers.0.attention.masked_bias"),
    ] {
        assert_eq!(warnings(with_extra(golden, name)), [""; 0], "{name}");
    }
}

#[test]
fn what_nobody_asked_for_is_told_by_name() {
    for name in [
        "score.weight",
        "model.layers.3.mlp.up_proj.weight",
        "model.layers.0.self_attn.q_proj.bias",
        // A buffer of another family.
        "model.layers.0.attn.masked_bias",
    ] {
        let files = with_extra("llama", name);
        let unused = inventory(files.clone(), |inventory| inventory.unused().to_vec());
        assert_eq!(unused.unwrap(), [name]);
        let said = warnings(files);
        assert_eq!(said.len(), 1, "{said:?}");
        assert_says(&said[0], &["1 of 31 tensors are not used", name]);
    }
}

#[test]
fn a_head_beside_tied_embeddings_counts_where_it_differs() {
    let with_head = |change: fn(&mut (String, Vec<usize>, Vec<u8>))| {
        with_tensors(files_of("llama_tied"), WEIGHTS, |tensors| {
            let mut head = tensors[EMBEDDING].clone();
            change(&mut head);
            tensors.insert(HEAD.into(), head);
        })
    };
    let tied = |files| inventory(files, |inventory| inventory.spec().tied_embeddings);
    let equal = with_head(|_| ());
    assert_eq!(warnings(equal.clone()), [""; 0]);
    assert!(tied(equal).unwrap());
    let differs = with_head(|(_, _, bytes)| bytes[5] ^= 1);
    let said = warnings(differs.clone());
    assert_says(
        &said[0],
        &["tie_word_embeddings", HEAD, "differs", EMBEDDING],
    );
    assert!(!tied(differs).unwrap());
    let short = with_head(|(_, shape, bytes)| {
        shape[0] -= 1;
        bytes.truncate(63 * 32 * 4);
    });
    assert_says(&complaint(short), &[HEAD, "[63, 32]", "[64, 32]"]);
}

#[test]
fn tied_embeddings_may_lie_under_the_name_of_the_head() {
    let files = renamed("llama_tied", |name| match name {
        EMBEDDING => HEAD.into(),
        name => name.into(),
    });
    let name = inventory(files, |inventory| inventory.layout().embedding().name);
    assert_eq!(name.unwrap(), HEAD);
}

#[test]
fn missing_tensors_are_named_and_counted() {
    let said = complaint(with_config("llama", |config| {
        config["num_hidden_layers"] = json!(5);
    }));
    let first = "model.layers.3.input_layernorm.weight";
    assert_says(&said, &[first, "and 13 more are missing"]);
    let said = complaint(renamed("llama", |name| name.replace(HEAD, "score.weight")));
    assert_says(&said, &[HEAD, "this is the head", "at random"]);
    let said = complaint(renamed("llama", |name| format!("student.{name}")));
    assert_says(&said, &["missing", "names begin with `student.model.`"]);
    let said = complaint(renamed("llama", |name| {
        name.replace("q_proj.weight", "q_proj.base_layer.weight")
    }));
    assert_says(&said, &["missing", "an adapter is still on the model"]);
}

#[test]
fn wrappers_of_training_are_left_out_of_names() {
    for wrap in [
        (|name| format!("module.{name}")) as fn(&str) -> String,
        |name| format!("_orig_mod.{name}"),
        |name| format!("module._orig_mod.{name}"),
        |name| name.replace(".mlp.", "._fsdp_wrapped_module.mlp."),
        |name| name.replace(".self_attn.", "._checkpoint_wrapped_module.self_attn."),
    ] {
        let said = warnings(renamed("llama", wrap));
        assert_eq!(said.len(), 1, "{said:?}");
        assert_says(&said[0], &["names of tensors are read without"]);
    }
    let twice = with_tensors(files_of("llama"), WEIGHTS, |tensors| {
        let norm = tensors["model.norm.weight"].clone();
        tensors.insert("_orig_mod.model.norm.weight".into(), norm);
    });
    assert_says(
        &complaint(twice),
        &["`_orig_mod.model.norm.weight`", "`model.norm.weight`"],
    );
}

#[test]
fn quantised_weights_are_refused_with_their_scheme() {
    for (name, scheme) in [
        ("model.layers.0.mlp.up_proj.qweight", "GPTQ or AWQ"),
        ("model.layers.0.mlp.up_proj.g_idx", "GPTQ"),
        ("model.layers.0.mlp.up_proj.weight_scale_inv", "FP8"),
        (
            "model.layers.0.mlp.up_proj.weight_packed",
            "compressed-tensors",
        ),
        (
            "model.layers.0.mlp.up_proj.weight.absmax",
            "bitsandbytes, 4 bits",
        ),
        ("model.layers.0.mlp.up_proj.SCB", "bitsandbytes, 8 bits"),
        ("model.layers.0.mlp.up_proj.scales", "MLX"),
    ] {
        let said = complaint(with_extra("llama", name));
        assert_says(&said, &["quantised", scheme, name]);
    }
    for (field, config, said) in [
        (
            "quantization_config",
            json!({"quant_method": "awq"}),
            "(awq)",
        ),
        (
            "quantization_config",
            json!({"load_in_4bit": true}),
            "(unnamed method)",
        ),
        (
            "compression_config",
            json!({"format": "pack-quantized"}),
            "(pack-quantized)",
        ),
        (
            "quantization",
            json!({"group_size": 64, "bits": 4}),
            "(4 bits, by an unnamed method)",
        ),
    ] {
        let files = with_config("llama", |whole| whole[field] = config);
        assert_says(&complaint(files), &["quantised", said]);
    }
    for dtype in ["F8_E4M3", "I8", "U8"] {
        let files = with_tensors(files_of("llama"), WEIGHTS, |tensors| {
            let norm = tensors.get_mut("model.norm.weight").unwrap();
            *norm = (dtype.into(), vec![32], vec![0; 32]);
        });
        assert_says(&complaint(files), &["model.norm.weight", dtype]);
    }
}

#[test]
fn a_tensor_in_two_shards_counts_where_they_agree() {
    let (first, second) = (
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
    );
    let files = files_of("llama_sharded");
    let (header, _) = parts(&files[first]);
    let name = header
        .as_object()
        .unwrap()
        .keys()
        .find(|name| *name != "__metadata__");
    let name = name.unwrap().clone();
    let twice = |change: u8| {
        let mut copy = None;
        with_tensors(files.clone(), first, |tensors| {
            copy = Some(tensors[&name].clone())
        });
        with_tensors(files.clone(), second, |tensors| {
            let (dtype, shape, mut bytes) = copy.unwrap();
            bytes[0] ^= change;
            tensors.insert(name.clone(), (dtype, shape, bytes));
        })
    };
    assert_eq!(warnings(twice(0)), [""; 0]);
    assert_says(
        &complaint(twice(1)),
        &[&name, first, second, "different values"],
    );
}

#[test]
fn what_lies_there_instead_of_weights_is_told() {
    let mut files = files_of("llama");
    let weights = files.remove(WEIGHTS).unwrap();
    files.insert("pytorch_model.bin".into(), weights);
    assert_says(
        &complaint(files.clone()),
        &["converted", "pytorch_model.bin"],
    );
    files.remove(CONFIG);
    assert_says(&complaint(files), &["no config.json", "pytorch_model.bin"]);
    assert_says(&complaint(Files::new()), &["No files were found there"]);
}

#[test]
fn a_language_model_within_another_is_told() {
    let files = with_config("llama", |config| {
        let inner = config.clone();
        *config = json!({"model_type": "llava", "text_config": inner});
    });
    assert_says(&complaint(files), &["`llava`", "`llama`", "`text_config`"]);
}

/// No number makes us allocate or count before the file bears it out, and none overflows.
#[test]
fn numbers_that_no_file_bears_out_are_refused() {
    let hostile = [
        1u64 << 31,
        (1 << 31) - 1,
        1_000_000_000,
        1 << 60,
        u64::MAX,
        20_000,
    ];
    for golden in models() {
        let config: Value = serde_json::from_slice(&files_of(&golden)[CONFIG]).unwrap();
        for (field, value) in config.as_object().unwrap() {
            if value.as_u64().is_none() {
                continue;
            }
            for number in hostile {
                let files = with_config(&golden, |config| config[field] = json!(number));
                let found = inventory(files, |inventory| inventory.spec().parameters());
                // Windows and contexts may be long; sizes may not.
                let sizes = ["layer", "size", "head", "embd", "inner"];
                let free = ["window", "max_window_layers", "head_dim", "interval"];
                if sizes.iter().any(|part| field.contains(part))
                    && !free.iter().any(|part| field.contains(part))
                    && !(golden.starts_with("gpt_neox") && field == "num_key_value_heads")
                {
                    assert!(found.is_err(), "{golden}: {field} = {number}");
                }
            }
        }
    }
    for field in ["num_hidden_layers", "num_attention_heads"] {
        let files = with_config("stablelm_parallel", |config| config[field] = json!(1 << 31));
        assert_says(&complaint(files), &[field, "2147483648"]);
    }
    let files = with_config("gpt_neo", |config| {
        config["attention_layers"] = json!(null);
        config["attention_types"] = json!([[["global", "local"], u64::MAX]]);
    });
    assert_says(
        &complaint(files),
        &["attention_types", "but the model has 4"],
    );
}
