//! What is wrong with a GGUF file is told by its name, with what can be done; nothing panics.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use layerlab_checkpoint::{Checkpoint, Folder, MemoryFiles, ModelFiles, Tokenizer};
use pollster::block_on;
use support::gguf::{File, Pair};
use tempfile::TempDir;

const NAME: &str = "model.gguf";

fn open(files: &[(&str, Vec<u8>)]) -> Result<Checkpoint<MemoryFiles>, String> {
    let files = files
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), bytes.clone()));
    let opened = block_on(Checkpoint::open(MemoryFiles::new("here", files)));
    opened.map_err(|error| error.to_string())
}

/// What is said of a file.
fn complaint(bytes: Vec<u8>) -> String {
    match open(&[(NAME, bytes)]) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

/// What is said of the small llama, spoilt.
fn spoilt(spoil: impl FnOnce(&mut File), parts: &[&str]) {
    let mut file = File::llama();
    spoil(&mut file);
    says(&complaint(file.bytes()), parts);
}

fn tokenizer(spoil: impl FnOnce(&mut File)) -> Result<Tokenizer, String> {
    let mut file = File::llama();
    spoil(&mut file);
    let files = MemoryFiles::new("here", [(NAME.to_owned(), file.bytes())]);
    block_on(Tokenizer::open(&files)).map_err(|error| error.to_string())
}

#[test]
fn a_sound_file_is_opened() {
    let checkpoint = open(&[(NAME, File::llama().bytes())]).unwrap();
    assert_eq!(
        block_on(checkpoint.inventory()).unwrap().warnings(),
        &[] as &[String]
    );
    assert_eq!(checkpoint.tensors().len(), 11);
    let tokenizer = tokenizer(|_| ()).unwrap();
    assert_eq!(tokenizer.encode("ab<e>a", false).unwrap(), [3, 0, 1]);
    let mut old = File::llama();
    old.version = 2u32.to_le_bytes();
    assert!(open(&[(NAME, old.bytes())]).is_ok());
}

#[test]
fn what_is_no_gguf_is_told() {
    spoilt(|file| file.magic = *b"tjgg", &["before", "convert"]);
    spoilt(
        |file| file.magic = *b"PK\x03\x04",
        &[NAME, "GGUF", "download"],
    );
    spoilt(
        |file| file.version = 1u32.to_le_bytes(),
        &["version 1", "2 and 3"],
    );
    spoilt(|file| file.version = 9u32.to_le_bytes(), &["version 9"]);
    spoilt(
        |file| file.version = 3u32.to_be_bytes(),
        &["big-endian", "gguf-convert-endian"],
    );
    says(&complaint(Vec::new()), &[NAME, "empty"]);
    says(&complaint(b"GGUF".to_vec()), &[NAME, "four bytes"]);
    let page = b"<!DOCTYPE html><html>no such file</html>".to_vec();
    says(&complaint(page), &["web page"]);
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:1".to_vec();
    says(&complaint(pointer), &["git lfs pull"]);
}

#[test]
fn a_file_that_is_cut_anywhere_is_told() {
    let whole = File::llama().bytes();
    // What follows the last tensor is nothing.
    for length in 0..whole.len() {
        let said = complaint(whole[..length].to_vec());
        assert!(said.contains(NAME), "{length}: {said}");
    }
}

#[test]
fn numbers_are_not_believed() {
    let huge = 1u64 << 63;
    spoilt(
        |file| file.tensor_count = Some(huge),
        &["9223372036854775808 tensors", "no room"],
    );
    spoilt(
        |file| file.pair_count = Some(huge),
        &["pairs of metadata", "no room"],
    );
    spoilt(|file| file.tensor_count = Some(u64::MAX), &["no room"]);
    let long_text = (1u64 << 40).to_le_bytes().to_vec();
    spoilt(
        |file| file.set("general.name", Pair::Raw(8, long_text)),
        &["claims 1099511627776 bytes"],
    );
    let mut long_list = 5u32.to_le_bytes().to_vec();
    long_list.extend(huge.to_le_bytes());
    spoilt(
        |file| file.set("general.tags", Pair::Raw(9, long_list)),
        &["entries of a list", "no room"],
    );
    let mut nested = 9u32.to_le_bytes().to_vec();
    nested.extend(0u64.to_le_bytes());
    spoilt(
        |file| file.set("general.tags", Pair::Raw(9, nested)),
        &["list of lists"],
    );
    spoilt(
        |file| file.set("general.x", Pair::Raw(13, vec![0; 8])),
        &["type 13"],
    );
    spoilt(
        |file| file.set("general.x", Pair::Raw(7, vec![2])),
        &["neither true nor false"],
    );
    spoilt(
        |file| file.set("llama.block_count", Pair::U32(u32::MAX)),
        &["block_count", "4294967295", "11 tensors"],
    );
}

#[test]
fn tensors_lie_within_the_file_and_apart() {
    const NORM: &str = "output_norm.weight";
    let end = 1 << 20;
    spoilt(
        |file| file.tensor(NORM).offset = Some(end),
        &[NORM, "cut short"],
    );
    spoilt(
        |file| file.tensor(NORM).offset = Some(u64::MAX - 31),
        &[NORM, "beyond"],
    );
    spoilt(
        |file| file.tensor(NORM).offset = Some(4),
        &[NORM, "no multiple of 32"],
    );
    spoilt(
        |file| file.tensor(NORM).offset = Some(0),
        &["token_embd.weight", NORM, "overlap"],
    );
    spoilt(
        |file| file.tensor(NORM).dimensions = vec![1 << 40; 3],
        &[NORM, "larger than any file"],
    );
    spoilt(
        |file| file.tensor(NORM).dimensions = vec![0],
        &[NORM, "no values"],
    );
    spoilt(
        |file| file.tensor(NORM).dimensions = vec![1; 5],
        &[NORM, "5 dimensions"],
    );
    spoilt(|file| file.tensor(NORM).kind = 99, &[NORM, "type 99"]);
    spoilt(
        |file| file.tensor(NORM).kind = 12,
        &[NORM, "whole blocks of 256"],
    );
    spoilt(
        |file| file.tensors.iter_mut().for_each(|tensor| tensor.kind = 16),
        &[
            "token_embd.weight",
            "and 8 more are stored as IQ2_XXS",
            "Q4_K_M, Q8_0 or F16",
        ],
    );
    spoilt(|file| file.add(NORM, &[4]), &[NORM, "twice"]);
    spoilt(
        |file| {
            file.pairs
                .push(("general.architecture".into(), Pair::Text("llama".into())))
        },
        &["general.architecture", "twice"],
    );
    for alignment in [0, 3, 48] {
        spoilt(
            |file| file.set("general.alignment", Pair::U32(alignment)),
            &["general.alignment", "power of two"],
        );
    }
    let mut coarse = File::llama();
    coarse.alignment = 1024;
    coarse.set("general.alignment", Pair::U32(1024));
    assert!(open(&[(NAME, coarse.bytes())]).is_ok());
}

#[test]
fn missing_and_foreign_tensors_are_named() {
    let without = |name: &str| {
        let mut file = File::llama();
        file.tensors.retain(|tensor| tensor.name != name);
        file.bytes()
    };
    says(
        &complaint(without("token_embd.weight")),
        &["token_embd.weight", "missing"],
    );
    let checkpoint = open(&[(NAME, without("blk.0.attn_q.weight"))]).unwrap();
    let said = block_on(checkpoint.inventory()).unwrap_err().to_string();
    says(
        &said,
        &["model.layers.0.self_attn.q_proj.weight", "missing"],
    );
    spoilt(
        |file| file.add("blk.0.attn_sub_norm.weight", &[4]),
        &["attn_sub_norm", "something else"],
    );
    spoilt(
        |file| file.add("blk.00.attn_q.weight", &[4, 4]),
        &["blk.00"],
    );
    spoilt(
        |file| file.set("llama.attention.head_count", Pair::U32(4)),
        &["attn_k.weight", "4 rows", "4 heads"],
    );
    spoilt(
        |file| file.set("llama.attention.head_count_kv", Pair::U32(0)),
        &["neither can be 0"],
    );
}

#[test]
fn what_changes_arithmetic_and_is_not_read_is_named() {
    let set = |key: &'static str, value: Pair| move |file: &mut File| file.set(key, value);
    let architecture = |name: &str| Pair::Text(name.to_owned());
    const ARCHITECTURE: &str = "general.architecture";
    spoilt(
        set(ARCHITECTURE, architecture("llama4")),
        &["llama4", "experts"],
    );
    spoilt(
        set(ARCHITECTURE, architecture("qwen3moe")),
        &["qwen3moe", "experts"],
    );
    spoilt(
        set(ARCHITECTURE, architecture("mamba")),
        &["mamba", "recurrent"],
    );
    spoilt(
        set(ARCHITECTURE, architecture("clip")),
        &["clip", "pictures"],
    );
    spoilt(
        set(ARCHITECTURE, architecture("new")),
        &["new", "not known here", "gemma3"],
    );
    spoilt(
        set("general.type", architecture("adapter")),
        &["general.type", "adapter"],
    );
    spoilt(
        set("llama.expert_count", Pair::U32(8)),
        &["llama.expert_count", "is 8"],
    );
    spoilt(
        set("llama.attention.clamp_kqv", Pair::F32(8.0)),
        &["clamp_kqv", "is 8"],
    );
    spoilt(
        set("llama.attention.causal", Pair::Bool(false)),
        &["attention.causal", "false"],
    );
    spoilt(
        set("llama.rope.dimension_count", Pair::U32(1)),
        &["dimension_count", "2 channels"],
    );
    spoilt(
        set("llama.attention.value_length", Pair::U32(1)),
        &["value_length"],
    );
    spoilt(
        set("llama.attention.head_count_kv", Pair::Numbers(vec![1, 2])),
        &["head_count_kv", "alike"],
    );
    spoilt(
        set("llama.context_length", Pair::Text("8".into())),
        &["context_length", "whole number"],
    );
    spoilt(
        |file| file.unset("llama.context_length"),
        &["context_length"],
    );
    spoilt(
        |file| file.unset("general.architecture"),
        &["general.architecture"],
    );
    spoilt(
        |file| file.add("rope_freqs.weight", &[1]),
        &["rope_freqs.weight", "above 0"],
    );
    spoilt(
        |file| file.add("rope_freqs.weight", &[3]),
        &["rope_freqs.weight"],
    );
    spoilt(
        |file| {
            file.add("rope_freqs.weight", &[1]);
            file.tensor("rope_freqs.weight").data = 5f32.to_le_bytes().to_vec();
        },
        &["rope_freqs.weight", "safetensors"],
    );
    // Nothing of it is as if it were not said.
    let mut file = File::llama();
    file.set("llama.expert_count", Pair::U32(0));
    assert!(open(&[(NAME, file.bytes())]).is_ok());
    // What a family refuses is refused when the model is put together.
    let mut file = File::llama();
    file.set("llama.rope.scaling.type", Pair::Text("yarn".into()));
    file.set("llama.rope.scaling.factor", Pair::F32(4.0));
    let checkpoint = open(&[(NAME, file.bytes())]).unwrap();
    let said = block_on(checkpoint.inventory()).unwrap_err().to_string();
    says(&said, &["yarn"]);
}

#[test]
fn llama_cpp_defaults_stand_where_nothing_is_said() {
    let checkpoint = open(&[(NAME, File::llama().bytes())]).unwrap();
    let config = checkpoint.config();
    assert_eq!(config.usize(&["num_key_value_heads"]).unwrap(), 2);
    assert_eq!(config.usize(&["head_dim"]).unwrap(), 2);
    assert_eq!(config.f64(&["rope_theta"]).unwrap(), 10_000.0);
    assert_eq!(
        config.f64(&["rms_norm_eps"]).unwrap(),
        1e-5,
        "as it was written"
    );
    let mut file = File::llama();
    file.set("llama.rope.scaling.factor", Pair::F32(4.0));
    file.set("llama.attention.sliding_window", Pair::U32(4));
    let checkpoint = open(&[(NAME, file.bytes())]).unwrap();
    assert_eq!(checkpoint.config().model_type().unwrap(), "mistral");
    let scaling = checkpoint
        .config()
        .section("rope_scaling")
        .unwrap()
        .unwrap();
    assert_eq!(scaling.str_or(&["rope_type"], "").unwrap(), "linear");
}

#[test]
fn a_vocabulary_fits_the_embedding() {
    let three = ["a", "b", "ab"].map(String::from).to_vec();
    spoilt(
        |file| file.set("tokenizer.ggml.tokens", Pair::Texts(three)),
        &["tokenizer.ggml.tokens", "3 entries", "4 rows"],
    );
}

#[test]
fn tokenizers_that_are_not_read_are_named() {
    let refused = |spoil: &dyn Fn(&mut File), parts: &[&str]| match tokenizer(spoil) {
        Ok(_) => panic!("it was read: {parts:?}"),
        Err(said) => says(&said, parts),
    };
    let text = |text: &str| Pair::Text(text.to_owned());
    let texts = |texts: &[&str]| Pair::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
    refused(
        &|file| file.set("tokenizer.ggml.model", text("t5")),
        &["tokenizer.ggml.model", "t5", "tokenizer.json"],
    );
    refused(
        &|file| file.unset("tokenizer.ggml.model"),
        &["no `tokenizer.ggml.model`"],
    );
    for name in ["deepseek-llm", "tekken", "default"] {
        refused(
            &|file| file.set("tokenizer.ggml.pre", text(name)),
            &["ggml.pre", name, "tokenizer.json"],
        );
    }
    refused(
        &|file| file.unset("tokenizer.ggml.pre"),
        &["ggml.pre", "not there"],
    );
    refused(
        &|file| file.unset("tokenizer.ggml.merges"),
        &["ggml.merges"],
    );
    refused(
        &|file| file.set("tokenizer.ggml.merges", texts(&["a b", "ab"])),
        &["ggml.merges", "entry 1"],
    );
    refused(
        &|file| file.set("tokenizer.ggml.merges", texts(&["b a"])),
        &["`b` and `a`"],
    );
    refused(
        &|file| file.set("tokenizer.ggml.tokens", texts(&["a", "b", "b", "ab"])),
        &["`b` twice"],
    );
    refused(
        &|file| file.set("tokenizer.ggml.token_type", Pair::Numbers(vec![1; 3])),
        &["token_type", "3 entries"],
    );
    refused(
        &|file| file.set("tokenizer.ggml.token_type", Pair::Numbers(vec![7; 4])),
        &["token_type", "has 7"],
    );
    refused(
        &|file| file.set("tokenizer.ggml.bos_token_id", Pair::U32(4)),
        &["bos_token_id", "is 4", "4 tokens"],
    );
    refused(
        &|file| file.set("tokenizer.ggml.model", text("llama")),
        &["ggml.scores"],
    );
    refused(
        &|file| {
            file.set("tokenizer.ggml.model", text("llama"));
            file.set("tokenizer.ggml.scores", Pair::Scores(vec![0.0; 3]));
        },
        &["ggml.scores", "3 entries"],
    );
    refused(
        &|file| {
            file.set("tokenizer.ggml.model", text("llama"));
            file.set("tokenizer.ggml.remove_extra_whitespaces", Pair::Bool(true));
        },
        &["remove_extra_whitespaces"],
    );
}

#[test]
fn which_file_is_the_model_is_told_or_asked() {
    let file = File::llama().bytes();
    let said = open(&[("a.gguf", file.clone()), ("b.gguf", file.clone())]).unwrap_err();
    says(&said, &["a.gguf, b.gguf", "give one by its path"]);
    let said = open(&[("a-00001-of-00002.gguf", file.clone())]).unwrap_err();
    says(&said, &["a-00002-of-00002.gguf is missing", "2 files"]);
    let said = open(&[
        ("a-00001-of-00002.gguf", file.clone()),
        ("a-00002-of-00002.gguf", file.clone()),
    ]);
    says(&said.unwrap_err(), &["part 1 of 1"]);
    let mut part = File::llama();
    part.set("split.count", Pair::U32(2));
    part.set("split.no", Pair::U32(1));
    says(
        &complaint(part.bytes()),
        &["part 2 of 2", "-00001-of-0000N.gguf"],
    );
    let said = open(&[("readme.txt", Vec::new())]).unwrap_err();
    says(&said, &["no GGUF file", "readme.txt"]);
    // Beside a configuration without weights of its own, the file is the model.
    let beside = open(&[("config.json", b"{}".to_vec()), (NAME, file)]).unwrap();
    let warnings = block_on(beside.inventory()).unwrap().warnings();
    says(&warnings.concat(), &["config.json", "not read"]);
}

#[test]
fn parts_make_one_model() {
    let mut first = File::llama();
    let mut second = first.clone();
    first.tensors.truncate(4);
    second.tensors.drain(..4);
    second.pairs.clear();
    for (place, part) in [&mut first, &mut second].into_iter().enumerate() {
        part.set("split.count", Pair::U32(2));
        part.set("split.no", Pair::U32(place as u32));
        part.set("split.tensors.count", Pair::U32(11));
    }
    let names = ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"];
    let files = |first: &File, second: &File| {
        open(&[(names[0], first.bytes()), (names[1], second.bytes())])
    };
    let whole = files(&first, &second).unwrap();
    assert_eq!(whole.weight_files(), names);
    assert_eq!(whole.tensors().len(), 11);
    says(
        &files(&second, &first).unwrap_err(),
        &["part 2 of 2", "parts of one model"],
    );
    let mut more = first.clone();
    more.add("blk.0.ffn_up.weight", &[4, 4]);
    says(
        &files(&more, &second).unwrap_err(),
        &["ffn_up", "is in both"],
    );
    second.tensors.pop();
    says(
        &files(&first, &second).unwrap_err(),
        &["split.tensors.count", "11", "10 tensors"],
    );
}

#[test]
fn a_path_to_a_file_makes_it_the_model() {
    let folder = TempDir::new().unwrap();
    for name in ["a.gguf", "b.GGUF"] {
        fs::write(folder.path().join(name), File::llama().bytes()).unwrap();
    }
    fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    let path = folder.path().join("b.GGUF");
    let file = Folder::new(&path);
    assert_eq!(file.path(), path);
    assert_eq!(file.names(), ["b.GGUF"]);
    assert!(file.describe().ends_with("b.GGUF"));
    let checkpoint = block_on(Checkpoint::open(file.clone())).unwrap();
    assert_eq!(checkpoint.weight_files(), ["b.GGUF"]);
    assert!(block_on(Tokenizer::open(&file)).is_ok());
    let gone = Folder::new(folder.path().join("c.gguf"));
    let said = block_on(Checkpoint::open(gone)).unwrap_err().to_string();
    says(&said, &["c.gguf"]);
    // With both there, a folder is not clear.
    let said = block_on(Checkpoint::open(Folder::new(folder.path())))
        .unwrap_err()
        .to_string();
    says(&said, &["a.gguf, b.GGUF"]);
}

#[test]
fn every_seed_of_the_fuzzer_is_read() {
    let seeds = fs::read_dir("../../tests/fuzz/seeds/gguf").unwrap();
    let mut count = 0;
    for seed in seeds {
        let seed = seed.unwrap();
        let name = seed.file_name().into_string().unwrap();
        let opened = open(&[(NAME, fs::read(seed.path()).unwrap())]);
        match name.as_str() {
            "factors" => says(&opened.unwrap_err(), &["rope_freqs"]),
            _ => assert!(opened.is_ok(), "{name}: {:?}", opened.err()),
        }
        count += 1;
    }
    assert!(count > 10);
}
