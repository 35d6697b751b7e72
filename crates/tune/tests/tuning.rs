#![allow(missing_docs, clippy::unwrap_used)]
//! Trainings of adapters on small models.

mod support;

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Device, DeviceKind, Tensor},
};
use layerlab_model::{
    AdapterShape, Adapters, Decoder, NoObserver, PaddingSide, StoredTensor, Target, TokenBatch,
};
use layerlab_tune::{Ending, Event, Objective, Recipe, TuneError, Tuner, contrast, margin};
use pollster::block_on;
use support::{decoder, ids, layers, material};

const SHAPE: AdapterShape = AdapterShape {
    rank: 3,
    alpha: 6.0,
};

fn recipe(objective: Objective) -> Recipe {
    Recipe {
        objective,
        steps: 6,
        warm_up: 2,
        check_every: 2,
        pairs: 3,
        rank: 3,
        tolerance: 10.0,
        ..Recipe::default()
    }
}

fn hidden(decoder: &Decoder) -> Vec<f32> {
    let vocabulary = decoder.spec().vocab_size;
    let batch = TokenBatch::new(
        &[ids(7, 9, vocabulary), ids(8, 5, vocabulary)],
        PaddingSide::Right,
    );
    let found = decoder
        .hidden_states(&batch.unwrap(), None, &mut NoObserver)
        .unwrap();
    found.into_data().iter::<f32>().collect()
}

/// Adapters whose `up` is not zero, so that they change something.
fn changing(decoder: &Decoder, chosen: &[usize]) -> Adapters {
    let (spec, device) = (decoder.spec(), decoder.device());
    let fresh = Adapters::new(spec, &layers(chosen), SHAPE, 5, &device).unwrap();
    let mut stored = block_on(fresh.stored()).unwrap();
    for (number, tensor) in stored.iter_mut().enumerate() {
        for (place, value) in tensor.values.iter_mut().enumerate() {
            *value += 0.05 * ((number * 31 + place * 17) % 13) as f32 / 13.0 - 0.025;
        }
    }
    Adapters::from_stored(spec, &layers(chosen), SHAPE, stored, &device).unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn fresh_adapters_and_those_of_rank_0_change_nothing() {
    let plain = decoder("llama", &Device::flex());
    let spec = plain.spec();
    for rank in [0, 3] {
        let shape = AdapterShape { rank, alpha: 6.0 };
        let adapters = Adapters::new(spec, &layers(&[0, 1]), shape, 5, &plain.device()).unwrap();
        assert_eq!(adapters.parameters() == 0, rank == 0);
        assert_eq!(hidden(&plain.with_adapters(&adapters)), hidden(&plain));
    }
}

#[test]
fn merged_weights_do_what_the_adapter_does() {
    for golden in ["llama", "gpt2", "gpt_neox", "qwen3", "stablelm_parallel"] {
        let plain = decoder(golden, &Device::flex());
        let adapted = plain.with_adapters(&changing(&plain, &[1]));
        let (a, b) = (hidden(&adapted), hidden(&adapted.merged()));
        assert!(largest_difference(&a, &hidden(&plain)) > 1e-3, "{golden}");
        assert!(
            largest_difference(&a, &b) < 1e-5,
            "{golden}: {}",
            largest_difference(&a, &b)
        );
    }
}

/// Gradients in the order of the stored tensors.
fn slopes(
    adapters: &Adapters,
    gradients: &GradientsParams,
    stored: &[StoredTensor],
) -> Vec<StoredTensor> {
    struct Reader<'a>(&'a GradientsParams, Vec<Vec<f32>>);
    impl ModuleVisitor for Reader<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).unwrap();
            self.1.push(gradient.into_data().iter::<f32>().collect());
        }
    }
    let mut reader = Reader(gradients, Vec::new());
    adapters.visit(&mut reader);
    let slopes = stored.iter().zip(reader.1);
    slopes
        .map(|(tensor, values)| StoredTensor {
            values,
            ..tensor.clone()
        })
        .collect()
}

/// The derivative along a direction through the whole decoder, against central differences.
#[test]
fn gradients_reach_every_adapter() {
    let plain = decoder("llama", &Device::flex());
    let vocabulary = plain.spec().vocab_size;
    let sequences = [ids(1, 8, vocabulary), ids(2, 8, vocabulary)];
    let loss = |decoder: &Decoder| -> Tensor<1> {
        let batch = TokenBatch::new(&sequences, PaddingSide::Right).unwrap();
        let found = decoder
            .hidden_states(&batch, None, &mut NoObserver)
            .unwrap();
        let targets: Vec<Target> = (0..2)
            .map(|row| Target {
                row,
                position: 6,
                token: sequences[row][7],
            })
            .collect();
        margin(
            contrast(decoder.log_likelihoods(found, &targets).unwrap()),
            20.0,
        )
    };
    let adapters = changing(&plain, &[0, 1]);
    let tracked = adapters.clone().train();
    let frozen = plain.clone().no_grad().train();
    let found = loss(&frozen.with_adapters(&tracked));
    let gradients = GradientsParams::from_grads(found.backward(), &tracked);
    assert_eq!(gradients.len(), 2 * adapters.adapter_count());
    let stored = block_on(adapters.stored()).unwrap();
    let slopes = slopes(&tracked, &gradients, &stored);
    for (number, slope) in slopes.iter().enumerate() {
        let norm = slope
            .values
            .iter()
            .map(|value| value * value)
            .sum::<f32>()
            .sqrt();
        let step = 2e-2 / norm.max(1e-6);
        let moved = |by: f32| {
            let mut moved: Vec<StoredTensor> = stored.clone();
            for (value, slope) in moved[number].values.iter_mut().zip(&slope.values) {
                *value += by * step * slope;
            }
            let (spec, chosen) = (plain.spec(), adapters.layers());
            let moved = Adapters::from_stored(spec, chosen, SHAPE, moved, &plain.device()).unwrap();
            let value = loss(&plain.with_adapters(&moved)).into_data();
            value.iter::<f64>().next().unwrap()
        };
        let difference = (moved(1.0) - moved(-1.0)) / (2.0 * f64::from(step));
        let expected = f64::from(norm * norm);
        assert!(
            (difference - expected).abs() < 0.03 * expected + 1e-4,
            "{}: {difference} {expected}",
            slope.name
        );
    }
}

fn finish(tuner: &mut Tuner) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = block_on(tuner.advance()).unwrap();
        events.push(event);
        if let Event::Ended(_) = event {
            return events;
        }
    }
}

#[test]
fn a_resumed_training_ends_as_an_uninterrupted_one() {
    let plain = decoder("llama", &Device::flex());
    let material = material(plain.spec().vocab_size);
    for objective in Objective::ALL {
        let recipe = recipe(objective);
        let begin =
            || block_on(Tuner::new(&plain, &layers(&[1]), &material, recipe.clone())).unwrap();
        let mut whole = begin();
        finish(&mut whole);
        let mut broken = begin();
        for _ in 0..5 {
            block_on(broken.advance()).unwrap();
        }
        let kept = block_on(broken.checkpoint()).unwrap();
        let mut resumed = begin();
        resumed.resume(&plain, &kept).unwrap();
        finish(&mut resumed);
        // JSON reads a number back to its last digit but one; the weights themselves are kept bit by bit.
        let records = |tuner: &Tuner| {
            let steps = tuner
                .state()
                .steps
                .iter()
                .map(|step| [step.loss, step.margin, step.neutral]);
            steps.flatten().collect::<Vec<f64>>()
        };
        for (a, b) in records(&whole).iter().zip(records(&resumed)) {
            assert!((a - b).abs() <= 1e-14 * a.abs(), "{objective:?}: {a} {b}");
        }
        assert_eq!(whole.state().steps.len(), resumed.state().steps.len());
        let values = |tuner: &Tuner| block_on(tuner.current().stored()).unwrap();
        assert_eq!(values(&whole), values(&resumed), "{objective:?}");
    }
}

/// Every step reads the same examples, so that losses can be compared.
#[test]
fn a_training_lowers_what_it_minimises() {
    let plain = decoder("llama", &Device::flex());
    let material = material(plain.spec().vocab_size);
    for objective in Objective::ALL {
        let whole = Recipe {
            pairs: material.train.len(),
            neutral: material.neutral_train.len(),
            steps: 20,
            ..recipe(objective)
        };
        let mut tuner = block_on(Tuner::new(&plain, &layers(&[0, 1]), &material, whole)).unwrap();
        finish(&mut tuner);
        let losses: Vec<f64> = tuner.state().steps.iter().map(|step| step.loss).collect();
        let (first, last) = (losses[0], losses[losses.len() - 1]);
        assert!(last < 0.9 * first, "{objective:?}: {losses:?}");
    }
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let plain = decoder("llama", &Device::flex());
    let material = material(plain.spec().vocab_size);
    let begin = |chosen: &[usize], recipe| {
        block_on(Tuner::new(&plain, &layers(chosen), &material, recipe)).unwrap()
    };
    let usual = recipe(Objective::default());
    let kept = block_on(begin(&[1], usual.clone()).checkpoint()).unwrap();
    let refused = begin(&[0], usual.clone())
        .resume(&plain, &kept)
        .unwrap_err();
    assert!(refused.to_string().contains("other layers"), "{refused}");
    let other = Recipe {
        seed: 9,
        ..usual.clone()
    };
    let refused = begin(&[1], other).resume(&plain, &kept).unwrap_err();
    assert!(refused.to_string().contains("another recipe"), "{refused}");
    let refused = begin(&[1], usual).resume(&plain, &kept[..40]).unwrap_err();
    assert!(matches!(refused, TuneError::Checkpoint(_)), "{refused}");
}

#[test]
fn a_training_that_diverges_is_rolled_back() {
    let plain = decoder("llama", &Device::flex());
    let material = material(plain.spec().vocab_size);
    let wild = Recipe {
        learning_rate: 1e30,
        warm_up: 1,
        steps: 20,
        ..recipe(Objective::default())
    };
    let mut tuner = block_on(Tuner::new(&plain, &layers(&[1]), &material, wild)).unwrap();
    finish(&mut tuner);
    assert_eq!(tuner.state().ending, Some(Ending::Diverged));
    assert_eq!(tuner.state().best, 0);
    assert_eq!(hidden(&plain.with_adapters(tuner.best())), hidden(&plain));
}

#[test]
fn the_guard_rolls_back_to_the_best_step() {
    let plain = decoder("llama", &Device::flex());
    let material = material(plain.spec().vocab_size);
    let strict = Recipe {
        learning_rate: 0.3,
        tolerance: 0.0001,
        neutral_weight: 0.0,
        steps: 40,
        ..recipe(Objective::default())
    };
    let mut tuner = block_on(Tuner::new(&plain, &layers(&[1]), &material, strict)).unwrap();
    finish(&mut tuner);
    let state = tuner.state();
    assert_eq!(state.ending, Some(Ending::Guard));
    let limit = state.checks[0].perplexity * 1.0001;
    assert!(state.checks.last().unwrap().perplexity > limit);
    assert!(state.checks[state.best].perplexity <= limit);
}

/// Layers below the lowest adapter are passed once, without gradients: the losses are those of the whole decoder.
#[test]
fn what_is_cached_is_what_the_decoder_computes() {
    let plain = decoder("llama", &Device::flex());
    let material = material(plain.spec().vocab_size);
    let mut first = block_on(Tuner::new(
        &plain,
        &layers(&[0]),
        &material,
        recipe(Objective::default()),
    ))
    .unwrap();
    let mut last = block_on(Tuner::new(
        &plain,
        &layers(&[1]),
        &material,
        recipe(Objective::default()),
    ))
    .unwrap();
    let event = |tuner: &mut Tuner| block_on(tuner.advance()).unwrap();
    // Before any step both are the frozen model, whichever layers are cached.
    let (Event::Check(a), Event::Check(b)) = (event(&mut first), event(&mut last)) else {
        unreachable!("a training begins with a check");
    };
    assert!((a.perplexity / b.perplexity - 1.0).abs() < 1e-5);
    assert!((a.margin - b.margin).abs() < 1e-4);
}

#[test]
fn the_gpu_takes_the_steps_of_the_cpu() {
    let losses = |device: &Device| {
        let plain = decoder("llama", device);
        let material = material(plain.spec().vocab_size);
        let mut tuner = block_on(Tuner::new(
            &plain,
            &layers(&[1]),
            &material,
            recipe(Objective::default()),
        ))
        .unwrap();
        finish(&mut tuner);
        tuner
            .state()
            .steps
            .iter()
            .map(|step| step.loss)
            .collect::<Vec<f64>>()
    };
    let (cpu, gpu) = (
        losses(&Device::flex()),
        losses(&Device::wgpu(DeviceKind::DefaultDevice)),
    );
    for (a, b) in cpu.iter().zip(&gpu) {
        assert!((a - b).abs() < 1e-3 * a.abs(), "{cpu:?} {gpu:?}");
    }
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let plain = decoder("llama", &Device::flex());
    let material = material(plain.spec().vocab_size);
    let refused = |recipe: Recipe, chosen: &[usize]| {
        let tuner = block_on(Tuner::new(&plain, &layers(chosen), &material, recipe));
        tuner.err().unwrap().to_string()
    };
    let usual = recipe(Objective::default());
    assert!(
        refused(
            Recipe {
                pairs: 0,
                ..usual.clone()
            },
            &[1]
        )
        .contains("pairs")
    );
    assert!(
        refused(
            Recipe {
                learning_rate: f64::NAN,
                ..usual.clone()
            },
            &[1]
        )
        .contains("learning rate")
    );
    let objective = Objective::Dpo { beta: 0.0 };
    assert!(
        refused(
            Recipe {
                objective,
                ..usual.clone()
            },
            &[1]
        )
        .contains("beta")
    );
    assert!(refused(usual.clone(), &[]).contains("layers"));
    assert!(refused(usual, &[99]).contains("no layer 99"));
}
