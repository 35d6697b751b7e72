#![allow(missing_docs, clippy::unwrap_used)]
//! Pruned models that learn to predict what whole ones predict.

mod support;

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use layerlab_model::{Decoder, NoObserver, PaddingSide, TokenBatch};
use layerlab_tune::{DistilEvent, DistilRecipe, Distiller, Ending, TuneError};
use pollster::block_on;
use support::{decoder, ids, layers};

fn recipe() -> DistilRecipe {
    DistilRecipe {
        rank: 4,
        alpha: 8.0,
        steps: 24,
        sequences: 3,
        learning_rate: 1e-2,
        warm_up: 2,
        check_every: 4,
        patience: 9,
        seed: 1,
    }
}

fn texts(whole: &Decoder) -> [Vec<Vec<u32>>; 2] {
    let vocabulary = whole.spec().vocab_size;
    // Of several lengths, so that there is padding.
    let text = |seed: u32| ids(seed, 9 + (seed % 3) as usize, vocabulary);
    [(0..9).map(text).collect(), (20..24).map(text).collect()]
}

fn distiller(whole: &Decoder, recipe: DistilRecipe) -> Distiller {
    let pruned = whole.without(&layers(&[2])).unwrap();
    let [learn, choose] = texts(whole);
    let adapted: Vec<usize> = (1..pruned.spec().layers()).collect();
    let texts = [&learn[..], &choose[..]];
    block_on(Distiller::new(
        whole,
        &pruned,
        &layers(&adapted),
        texts,
        recipe,
    ))
    .unwrap()
}

fn finish(distiller: &mut Distiller) -> Ending {
    loop {
        if let DistilEvent::Ended(ending) = block_on(distiller.advance()).unwrap() {
            return ending;
        }
    }
}

fn hidden(decoder: &Decoder, sequence: &[u32]) -> Tensor<2> {
    let batch = TokenBatch::new(&[sequence], PaddingSide::Right).unwrap();
    let found = decoder
        .hidden_states(&batch, None, &mut NoObserver)
        .unwrap();
    found.squeeze_dim(0)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f32>().map(f64::from).collect()
}

/// The definition in float64, on the host.
fn divergence(decoder: &Decoder, wanted: Tensor<2>, found: Tensor<2>) -> f64 {
    let vocabulary = decoder.spec().vocab_size;
    let [p, q] = [wanted, found].map(|hidden| numbers(decoder.logits(hidden.unsqueeze_dim(0))));
    let log_softmax = |row: &[f64]| -> Vec<f64> {
        let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|logit| (logit - highest).exp()).sum();
        row.iter().map(|logit| logit - highest - sum.ln()).collect()
    };
    let rows = p.chunks(vocabulary).zip(q.chunks(vocabulary));
    let of_row = |(p, q): (&[f64], &[f64])| -> f64 {
        let (p, q) = (log_softmax(p), log_softmax(q));
        p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum()
    };
    rows.map(of_row).sum()
}

#[test]
fn divergence_and_its_gradient_are_those_of_the_definition() {
    // With a cap and without, with a divisor, tied and untied.
    for family in ["llama", "llama_tied", "gemma2", "granite", "phi"] {
        let whole = decoder(family, &Device::flex());
        let pruned = whole.without(&layers(&[1])).unwrap();
        let sequence = ids(3, 5, whole.spec().vocab_size);
        let (wanted, found) = (hidden(&whole, &sequence), hidden(&pruned, &sequence));
        let expected = divergence(&pruned, wanted.clone(), found.clone());
        let plain = pruned.divergence(wanted.clone(), found.clone());
        assert!(plain.gradient.is_none());
        let sum = numbers(plain.sum)[0];
        assert!(
            (sum - expected).abs() < 1e-4 * expected.abs() + 1e-6,
            "{family}: {sum}, {expected}"
        );
        let tracked = pruned.clone().no_grad().train();
        let moved = tracked.divergence(wanted.clone().autodiff(), found.clone().autodiff());
        let gradient = numbers(moved.gradient.unwrap());
        let values = numbers(found.clone());
        let [tokens, channels] = found.dims();
        for place in [0, 1, channels + 2, values.len() - 1] {
            let with = |by: f64| {
                let mut values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
                values[place] += by as f32;
                let values = TensorData::new(values, [tokens, channels]);
                divergence(
                    &pruned,
                    wanted.clone(),
                    Tensor::from_data(values, &Device::flex()),
                )
            };
            let slope = (with(1e-2) - with(-1e-2)) / 2e-2;
            let size = gradient
                .iter()
                .fold(0.0f64, |most, one| most.max(one.abs()));
            assert!(
                (slope - gradient[place]).abs() < 2e-2 * size,
                "{family} {place}: {slope}, {}",
                gradient[place]
            );
        }
    }
}

#[test]
fn the_pruned_model_comes_nearer_to_the_whole_one() {
    let whole = decoder("demo", &Device::flex());
    let mut distiller = distiller(&whole, recipe());
    assert_eq!(finish(&mut distiller), Ending::Finished);
    let state = distiller.state();
    assert_eq!(state.steps.len(), 24);
    let (first, best) = (
        state.checks[0].divergence,
        state.checks[state.best].divergence,
    );
    assert!(best < 0.9 * first, "{first} to {best}");
    // What a check says is what the healed model does.
    let [_, choose] = texts(&whole);
    let healed = distiller.healed();
    let sums: Vec<f64> = choose
        .iter()
        .map(|sequence| divergence(&healed, hidden(&whole, sequence), hidden(&healed, sequence)))
        .collect();
    let tokens: usize = choose.iter().map(Vec::len).sum();
    let found = sums.iter().sum::<f64>() / tokens as f64;
    assert!((found - best).abs() < 1e-4 * best, "{found}, {best}");
}

#[test]
fn a_distillation_that_was_broken_off_goes_on_to_the_same_end() {
    let whole = decoder("llama", &Device::flex());
    let mut straight = distiller(&whole, recipe());
    finish(&mut straight);
    let mut first = distiller(&whole, recipe());
    for _ in 0..9 {
        block_on(first.advance()).unwrap();
    }
    let bytes = block_on(first.checkpoint()).unwrap();
    let mut second = distiller(&whole, recipe());
    second.resume(&bytes).unwrap();
    finish(&mut second);
    // What was read from JSON may be rounded in its last digit.
    let figures = |distiller: &Distiller| -> Vec<[f64; 2]> {
        let state = distiller.state();
        let steps = state.steps.iter().map(|step| [step.divergence, step.rate]);
        let checks = state
            .checks
            .iter()
            .map(|check| [check.divergence, check.step as f64]);
        steps.chain(checks).collect()
    };
    let (resumed, expected) = (figures(&second), figures(&straight));
    assert_eq!(resumed.len(), expected.len());
    for (found, expected) in resumed.iter().flatten().zip(expected.iter().flatten()) {
        let off = (found - expected).abs();
        assert!(
            off <= 2.0 * f64::EPSILON * expected.abs(),
            "{found} for {expected}"
        );
    }
    let [one, other] = [&second, &straight].map(Distiller::state);
    assert_eq!((one.best, one.ending), (other.best, other.ending));
    let stored = |distiller: &Distiller| block_on(distiller.best().stored()).unwrap();
    assert_eq!(stored(&second), stored(&straight));
    let mut other = distiller(
        &whole,
        DistilRecipe {
            seed: 2,
            ..recipe()
        },
    );
    assert!(matches!(
        other.resume(&bytes),
        Err(TuneError::Checkpoint(_))
    ));
    assert!(matches!(
        other.resume(&bytes[..40]),
        Err(TuneError::Checkpoint(_))
    ));
}

#[test]
fn who_stops_early_has_the_best_until_then() {
    let whole = decoder("llama", &Device::flex());
    let mut distiller = distiller(&whole, recipe());
    for _ in 0..3 {
        block_on(distiller.advance()).unwrap();
    }
    distiller.stop();
    assert_eq!(finish(&mut distiller), Ending::Stopped);
    assert_eq!(distiller.state().steps.len(), 2);
    assert_eq!(distiller.state().checks.last().unwrap().step, 2);
}

#[test]
fn what_cannot_be_distilled_is_refused() {
    let whole = decoder("llama", &Device::flex());
    let [learn, choose] = texts(&whole);
    let pruned = whole.without(&layers(&[1])).unwrap();
    let begin = |pruned: &Decoder, adapted: &[usize], texts: [&[Vec<u32>]; 2], recipe| {
        block_on(Distiller::new(
            &whole,
            pruned,
            &layers(adapted),
            texts,
            recipe,
        ))
        .err()
        .unwrap()
    };
    let both = [&learn[..], &choose[..]];
    for (adapted, texts) in [
        (&[][..], both),
        (&[0][..], [&[][..], &choose]),
        (&[0], [&learn, &[]]),
    ] {
        let refused = begin(&pruned, adapted, texts, recipe());
        assert!(matches!(refused, TuneError::Nothing { .. }), "{refused}");
    }
    let zero = DistilRecipe {
        steps: 0,
        ..recipe()
    };
    assert!(matches!(
        begin(&pruned, &[0], both, zero),
        TuneError::Recipe { .. }
    ));
    let endless = DistilRecipe {
        learning_rate: f64::NAN,
        ..recipe()
    };
    assert!(matches!(
        begin(&pruned, &[0], both, endless),
        TuneError::Recipe { .. }
    ));
    let other = decoder("demo", &Device::flex());
    let refused = begin(&other, &[0], both, recipe());
    assert!(matches!(refused, TuneError::OtherModel { .. }), "{refused}");
    assert!(refused.to_string().contains("do not fit together"));
}
