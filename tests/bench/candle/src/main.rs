//! The forward pass of a Llama by candle, on the same weights, tokens and batches as
//! `crates/lab/examples/speed`; prints one `name<TAB>value` a line.
//!
//! candle computes logits of the last position besides; it has no taps, so statistics are not measured.

use std::{collections::BTreeMap, env, fs, hint::black_box, path::Path, time::Instant};

use anyhow::{Context, Result, anyhow};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::llama::{Cache, Llama, LlamaConfig};
use tokenizers::Tokenizer;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let pairs = arguments.chunks_exact(2);
    let options: BTreeMap<&str, &str> = pairs
        .map(|pair| (pair[0].trim_start_matches("--"), pair[1].as_str()))
        .collect();
    let number = |name: &str, usual: usize| -> Result<usize> {
        let given = options.get(name).map(|value| value.parse());
        Ok(given.transpose()?.unwrap_or(usual))
    };
    let model = Path::new(options.get("model").context("--model is needed")?);
    let text = options.get("text").context("--text is needed")?;
    let batch = number("batch", 4)?;
    let repeats = number("repeats", 5)?;
    let sequences = sequences(
        model,
        text,
        number("sequence-length", 256)?,
        number("max-sequences", 16)?,
    )?;

    let device = Device::Cpu;
    let mut config: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(model.join("config.json"))?)?;
    // transformers 5 keeps the base among `rope_parameters`.
    if let Some(theta) = config.pointer("/rope_parameters/rope_theta").cloned() {
        config["rope_theta"] = theta;
    }
    let config = serde_json::from_value::<LlamaConfig>(config)?.into_config(false);
    let weights = fs::read(model.join("model.safetensors"))?;
    let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &device)?;
    let llama = Llama::load(weights, &config)?;
    let mut seconds = Vec::new();
    for turn in 0..=repeats {
        let start = Instant::now();
        for part in sequences.chunks(batch) {
            let length = part[0].len();
            let ids = Tensor::from_vec(part.concat(), (part.len(), length), &device)?;
            let mut cache = Cache::new(false, DType::F32, &config, &device)?;
            let logits = llama.forward(&ids, 0, &mut cache)?;
            black_box(logits.flatten_all()?.to_vec1::<f32>()?);
        }
        if turn > 0 {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    seconds.sort_by(f64::total_cmp);
    let tokens: usize = sequences.iter().map(Vec::len).sum();
    let median = seconds[seconds.len() / 2];
    println!("candle forward pass\t{:.1}", tokens as f64 / median);
    Ok(())
}

/// BOS and a run of the text, again and again; equal lengths only, so that nothing is padded.
fn sequences(model: &Path, text: &str, length: usize, most: usize) -> Result<Vec<Vec<u32>>> {
    let failed = |error| anyhow!("tokenizer: {error}");
    let tokenizer = Tokenizer::from_file(model.join("tokenizer.json")).map_err(failed)?;
    let frame = tokenizer
        .encode("", true)
        .map_err(failed)?
        .get_ids()
        .to_vec();
    let text = fs::read_to_string(text)?;
    let ids = tokenizer.encode(text, false).map_err(failed)?;
    let chunks = ids.get_ids().chunks_exact(length - frame.len());
    Ok(chunks
        .take(most)
        .map(|chunk| [&frame, chunk].concat())
        .collect())
}
