//! Configurations, old and new, sparse and full, are read as `transformers` reads them, or refused.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use layerlab_checkpoint::{Config, DecoderSpec, SpecError, spec::RotarySpec};
use serde::Deserialize;
use serde_json::Value;
use support::goldens;

#[derive(Deserialize)]
struct Case {
    config: Value,
    reading: Option<Reading>,
    refused: Option<String>,
}

/// What `transformers` makes of a configuration.
#[derive(Deserialize)]
struct Reading {
    tied: bool,
    attention_soft_cap: Option<f64>,
    final_soft_cap: Option<f64>,
    parameters: usize,
    epsilon: f64,
    /// By layer.
    windows: Vec<Option<usize>>,
    scales: Vec<f64>,
    /// Which of `rotations`.
    rotary: Vec<Option<usize>>,
    rotations: Vec<Rotation>,
}

/// By how much a token turns some of the pairs of channels, in radians, in texts of 4 and of 61 tokens.
#[derive(Deserialize)]
struct Rotation {
    pairs: usize,
    short: Vec<f64>,
    long: Vec<f64>,
    growth: f64,
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 2e-6 * b.abs().max(0.1)
}

fn same_rotation(found: &RotarySpec, right: &Rotation) -> bool {
    let half = right.pairs;
    let mut picked: Vec<usize> = Vec::new();
    for pair in [0, 1 % half, half / 2, half - 1] {
        if !picked.contains(&pair) {
            picked.push(pair);
        }
    }
    let same = |length: usize, right: &[f64]| {
        let frequencies = found.frequencies(length);
        frequencies.len() == half
            && picked.len() == right.len()
            && picked
                .iter()
                .zip(right)
                .all(|(pair, right)| close(frequencies[*pair], *right))
    };
    same(4, &right.short) && same(61, &right.long) && close(found.growth(), right.growth)
}

/// The first thing that differs.
fn difference(spec: &DecoderSpec, right: &Reading) -> Option<String> {
    let blocks = &spec.blocks;
    let found = (spec.tied_embeddings, spec.parameters(), blocks.len());
    let expected = (right.tied, right.parameters, right.windows.len());
    if found != expected {
        return Some(format!("tied, weights, layers: {found:?} for {expected:?}"));
    }
    if !close(spec.norm.epsilon, right.epsilon) {
        return Some(format!("epsilon {}", spec.norm.epsilon));
    }
    let found = (spec.attention.soft_cap, spec.logits.soft_cap);
    if found != (right.attention_soft_cap, right.final_soft_cap) {
        return Some(format!("soft caps {found:?}"));
    }
    for (layer, block) in blocks.iter().enumerate() {
        if block.window != right.windows[layer] {
            return Some(format!("window {:?} of layer {layer}", block.window));
        }
        if !close(block.attention_scale, right.scales[layer]) {
            return Some(format!("scale {} of layer {layer}", block.attention_scale));
        }
        let found = block
            .rotary
            .map(|number| &spec.position.rotations()[number]);
        let right = right.rotary[layer].map(|number| &right.rotations[number]);
        let same = match (found, right) {
            (None, None) => true,
            (Some(found), Some(right)) => same_rotation(found, right),
            _ => false,
        };
        if !same {
            return Some(format!("rotation {found:?} of layer {layer}"));
        }
    }
    None
}

#[test]
fn configurations_are_read_as_transformers_reads_them() {
    let cases = std::fs::read(goldens().join("configs.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&cases).unwrap();
    let (mut wrong, mut read) = (Vec::new(), 0);
    for Case {
        config,
        reading,
        refused,
    } in &cases
    {
        let parsed = Config::parse(config.to_string().as_bytes()).unwrap();
        let found: Result<DecoderSpec, SpecError> = DecoderSpec::from_config(&parsed);
        let problem = match (found, reading, refused) {
            (Ok(spec), Some(right), None) => {
                read += 1;
                difference(&spec, right)
            }
            (Err(_), None, None) => None,
            (Err(error), _, Some(said)) if error.to_string().contains(said) => None,
            (Err(error), ..) => Some(format!("refused: {error}")),
            (Ok(_), ..) => Some("read, but to be refused".to_owned()),
        };
        wrong.extend(problem.map(|problem| format!("{config}: {problem}")));
    }
    assert!(read > 90, "{read}");
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
