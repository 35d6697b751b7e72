//! Every family equals `transformers`: hidden states of every layer, sublayers, logits and greedy
//! continuations, for batches padded on either side.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeMap, ops::ControlFlow};

use burn::tensor::{Int, Tensor};
use layerlab_model::{
    Checkpoint, Decoder, Folder, GenerateOptions, Observer, PaddingSide, Sampling, TokenBatch,
    WeightFormat, generate,
};
use layerlab_stats::Tap;
use pollster::block_on;
use support::{Reference, Target, cpu, goldens, gpu, relative_error};

/// Keeps everything it is shown.
#[derive(Default)]
struct Recorder(BTreeMap<(Tap, usize), Tensor<3>>);

impl Observer for Recorder {
    fn wants(&self, _layer: usize, _tap: Tap) -> bool {
        true
    }

    fn observe(&mut self, layer: usize, tap: Tap, hidden: Tensor<3>, _mask: &Tensor<2, Int>) {
        self.0.insert((tap, layer), hidden);
    }
}

fn load(name: &str, target: &Target) -> Decoder {
    let checkpoint = block_on(Checkpoint::open(Folder::new(goldens().join(name)))).unwrap();
    block_on(Decoder::load(
        &checkpoint,
        &target.device,
        WeightFormat::Stored,
        &mut |_| ControlFlow::Continue(()),
    ))
    .unwrap()
}

/// The largest error of one padded batch, by what was compared.
fn compare(
    decoder: &Decoder,
    reference: &Reference,
    side: PaddingSide,
    errors: &mut BTreeMap<String, f64>,
) {
    let prefix = match side {
        PaddingSide::Right => "right",
        PaddingSide::Left => "left",
    };
    let tensor = |name: &str| format!("{prefix}.{name}");
    let mask = reference.ints(&tensor("attention_mask"));
    let ids = reference.ints(&tensor("input_ids"));
    let tokens = reference.shape(&tensor("input_ids"))[1];
    let sequences: Vec<Vec<u32>> = ids
        .chunks(tokens)
        .zip(mask.chunks(tokens))
        .map(|(ids, mask)| {
            let real = ids.iter().zip(mask).filter(|(_, mask)| **mask == 1);
            real.map(|(id, _)| u32::try_from(*id).unwrap()).collect()
        })
        .collect();
    let batch = TokenBatch::new(&sequences, side).unwrap();
    let mut recorder = Recorder::default();
    let last = decoder.hidden_states(&batch, None, &mut recorder).unwrap();

    let mut check = |kind: &str, name: String, found: Tensor<3>| {
        let error = relative_error(found, &reference.floats(&name), &mask);
        let largest = errors.entry(kind.to_owned()).or_insert(0.0);
        *largest = largest.max(error);
    };
    let layers = decoder.spec().layers();
    for layer in 0..layers {
        let input = recorder.0[&(Tap::Input, layer)].clone();
        check("hidden", tensor(&format!("hidden.{layer}")), input);
        let output = recorder.0[&(Tap::Output, layer)].clone();
        check("hidden", tensor(&format!("hidden.{}", layer + 1)), output);
        for (tap, kind) in [
            (Tap::Attention, "attention"),
            (Tap::Mlp, "mlp"),
            (Tap::Neurons, "neurons"),
        ] {
            let name = tensor(&format!("{kind}.{layer}"));
            if reference.has(&name) {
                check("sublayers", name, recorder.0[&(tap, layer)].clone());
            }
        }
    }
    check("final", tensor("final"), last.clone());
    check("logits", tensor("logits"), decoder.logits(last));
}

/// `Update` must be what the block wrote, and what the sublayers added must be all of it: there are no such tensors to compare
/// with elsewhere.
fn what_a_block_adds_is_what_its_sublayers_add(decoder: &Decoder) {
    let batch = TokenBatch::new(&[[1u32, 2, 3, 4]], PaddingSide::Right).unwrap();
    let mut recorder = Recorder::default();
    decoder.hidden_states(&batch, None, &mut recorder).unwrap();
    for layer in 0..decoder.spec().layers() {
        let read = |tap| {
            let tensor = recorder.0[&(tap, layer)].clone();
            let data = block_on(tensor.into_data_async()).unwrap();
            data.iter::<f64>().collect::<Vec<f64>>()
        };
        let (input, output, update) = (read(Tap::Input), read(Tap::Output), read(Tap::Update));
        let (attention, mlp) = (read(Tap::Attention), read(Tap::Mlp));
        let squares: f64 = output.iter().map(|value| value * value).sum();
        let allowed = 1e-5 * (squares / output.len() as f64).sqrt().max(1.0);
        for place in 0..output.len() {
            let added = output[place] - input[place];
            assert!((added - update[place]).abs() < allowed, "block {layer}");
            let sublayers = attention[place] + mlp[place];
            assert!((added - sublayers).abs() < allowed, "block {layer}");
        }
    }
}

fn greedy(decoder: &Decoder, reference: &Reference) {
    let ids = |name| {
        reference
            .ints(name)
            .iter()
            .map(|id| *id as u32)
            .collect::<Vec<u32>>()
    };
    let (prompt, expected) = (ids("greedy.input_ids"), ids("greedy.output_ids"));
    let expected = &expected[prompt.len()..];
    let options = GenerateOptions {
        max_new_tokens: expected.len(),
        sampling: Sampling::Greedy,
        stop: vec![],
    };
    let found = block_on(generate(decoder, &prompt, &options, &mut |_| {
        ControlFlow::Continue(())
    }));
    assert_eq!(found.unwrap(), expected);
}

fn golden(name: &str) {
    let reference = Reference::open(&goldens().join(name).join("golden.safetensors"));
    for target in [cpu(), gpu()] {
        let decoder = load(name, &target);
        let mut errors = BTreeMap::new();
        compare(&decoder, &reference, PaddingSide::Right, &mut errors);
        compare(&decoder, &reference, PaddingSide::Left, &mut errors);
        // Read by whoever makes the table of goldens: cargo test -- --nocapture
        println!("golden {name} on {}: {errors:?}", target.name);
        for (kind, error) in errors {
            assert!(
                error <= target.tolerance,
                "{kind} on {}: {error:e}",
                target.name
            );
        }
        assert_eq!(decoder.spec().parameters(), decoder.parameters());
        what_a_block_adds_is_what_its_sublayers_add(&decoder);
        greedy(&decoder, &reference);
    }
}

macro_rules! goldens {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { golden(stringify!($name)); })*

        /// A golden that nobody reads protects nothing.
        #[test]
        fn every_golden_is_compared() {
            let listed = [$(stringify!($name)),*];
            for entry in std::fs::read_dir(goldens()).unwrap() {
                let path = entry.unwrap().path();
                if path.join("golden.safetensors").exists() {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    assert!(listed.contains(&name), "{name} is not listed here");
                }
            }
        }
    };
}

goldens!(
    gemma2,
    gemma3,
    gemma3_old_config,
    gpt2,
    gpt2_scaled,
    gpt_neo,
    gpt_neox,
    gpt_neox_sequential,
    granite,
    llama,
    llama_bf16,
    llama_bias,
    llama_f16,
    llama_old_config,
    llama_rope_dynamic,
    llama_rope_linear,
    llama_rope_llama3,
    llama_sharded,
    llama_tied,
    mistral,
    olmo2,
    opt,
    phi,
    phi3,
    phi3_longrope,
    qwen2,
    qwen2_sliding,
    qwen3,
    smollm3,
    smollm3_old_config,
    stablelm,
    stablelm_parallel,
    starcoder2,
);
