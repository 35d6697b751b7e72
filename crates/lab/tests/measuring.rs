//! Statistics of a whole pass equal a float64 reference over the same hidden states, and the score
//! experiment gives the same on every device.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Int, Tensor};
use layerlab_lab::{
    Cancel, DeviceChoice, Epsilon, LabError, MeasureOptions, Measured, OpenModel, Progress, Run,
    ScoreOptions, ScoreRequest, Tap, TextOptions, files::Folder, measure,
};
use layerlab_model::{Observer, PaddingSide, Parting, TokenBatch};
use layerlab_stats::{ModelStatistics, SequencePair, SequenceStatistics, reference};
use pollster::block_on;
use support::{open, score, scoring, short, text};

/// Keeps what it is shown.
#[derive(Default)]
struct Recorder(BTreeMap<(usize, Tap), Tensor<3>>);

impl Observer for Recorder {
    fn wants(&self, _layer: usize, _tap: Tap) -> bool {
        true
    }

    fn observe(&mut self, layer: usize, tap: Tap, hidden: Tensor<3>, _mask: &Tensor<2, Int>) {
        self.0.insert((layer, tap), hidden);
    }
}

fn measured(
    model: &OpenModel<Folder>,
    sequences: &[Vec<u32>],
    options: &MeasureOptions,
) -> ModelStatistics {
    let cancel = Cancel::default();
    let mut run = |_| ();
    let mut run = Run::new(&mut run, &cancel);
    block_on(measure(&model.decoder, sequences, options, &mut run)).unwrap()
}

fn close(found: f64, expected: f64, scale: f64) {
    assert!(
        (found - expected).abs() <= 1e-4 * scale.max(expected.abs()),
        "{found} instead of {expected}"
    );
}

/// The page scores again what it has measured, at thresholds that were not those of the pass and lie inside bins of the
/// histogram.
#[test]
fn what_was_measured_is_scored_again_at_any_absolute_threshold() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let cancel = Cancel::default();
    let with = |epsilon: f64| ScoreOptions {
        epsilon: Epsilon::Absolute(epsilon),
        ..ScoreOptions::authors()
    };
    let measured_below = |epsilon: f64| {
        let request = ScoreRequest {
            score: with(epsilon),
            ..ScoreRequest::default()
        };
        let mut silent = |_| ();
        let mut run = Run::new(&mut silent, &cancel);
        block_on(Measured::of(&model, &text, &request, &mut run)).unwrap()
    };
    let (measured, of_asked) = (measured_below(1e-5), measured_below(0.3));
    let sparsities = |measured: &Measured, epsilon: f64| {
        let report = measured.score(&with(epsilon)).unwrap();
        let layers = report.statistics.into_iter();
        layers
            .map(|layer| layer.taps[&Tap::Output].sparsity.clone())
            .collect::<Vec<_>>()
    };
    let of_pass = sparsities(&measured, 1e-5);
    let again = sparsities(&measured, 0.3);
    let exact = sparsities(&of_asked, 0.3);
    for ((of_pass, again), exact) in of_pass.iter().zip(&again).zip(&exact) {
        assert_eq!((of_pass.uncertainty, exact.uncertainty), (0.0, 0.0));
        assert!(again.uncertainty > 0.0);
        assert!((again.share - exact.share).abs() <= again.uncertainty);
        assert!(again.share > of_pass.share);
    }
    // And back.
    assert_eq!(sparsities(&measured, 1e-5), of_pass);
}

fn assert_sequence(found: &SequenceStatistics, expected: &SequenceStatistics) {
    assert_eq!(found.tokens, expected.tokens);
    assert_eq!(found.moments.count, expected.moments.count);
    assert_eq!(found.below_epsilon, expected.below_epsilon);
    assert_eq!(found.histogram, expected.histogram);
    close(
        found.moments.mean,
        expected.moments.mean,
        expected.moments.rms(),
    );
    close(found.moments.variance(), expected.moments.variance(), 0.0);
    close(found.pooled_variance, expected.pooled_variance, 0.0);
    close(found.channel_m2, expected.channel_m2, 0.0);
}

fn assert_pair(found: &SequencePair, expected: &SequencePair) {
    assert_eq!(found.tokens, expected.tokens);
    close(
        found.one_minus_cosine_sum,
        expected.one_minus_cosine_sum,
        1e-3,
    );
    close(found.angle_sum, expected.angle_sum, 1e-2);
    close(
        found.relative_magnitude_sum,
        expected.relative_magnitude_sum,
        0.0,
    );
    close(
        found.last_angle.unwrap(),
        expected.last_angle.unwrap(),
        1e-2,
    );
}

/// One sequence at a time through the model, every tap and span against the reference: whether the taps
/// are where they should be, batches are padded without a trace, and every result lands in its place.
fn equals_reference(device: DeviceChoice) {
    let model = open(device);
    let mut sequences = text(&model, short()).sequences;
    sequences.truncate(3);
    sequences[1].truncate(7);
    let epsilon = 0.02;
    let options = MeasureOptions {
        taps: BTreeSet::from(Tap::ALL),
        epsilon: Epsilon::Absolute(epsilon),
        spans: BTreeSet::from([1, 2]),
        batch: 3,
    };
    let statistics = measured(&model, &sequences, &options);
    let layers = model.decoder.spec().layers();
    assert_eq!(statistics.layers.len(), layers);

    for (index, sequence) in sequences.iter().enumerate() {
        let batch = TokenBatch::new(&[sequence], PaddingSide::Right).unwrap();
        let mut recorder = Recorder::default();
        model
            .decoder
            .hidden_states(&batch, None, &mut recorder)
            .unwrap();
        let real = vec![true; sequence.len()];
        let values = |layer, tap| {
            let tensor = recorder.0[&(layer, tap)].clone();
            let channels = tensor.dims()[2];
            let data = block_on(tensor.into_data_async()).unwrap();
            (data.iter::<f32>().collect::<Vec<f32>>(), channels)
        };
        for (layer, found) in statistics.layers.iter().enumerate() {
            for tap in Tap::ALL {
                let (values, channels) = values(layer, tap);
                let expected = reference::sequence(&values, channels, &real, Some(epsilon));
                // A padded batch may round otherwise than a sequence alone: an element on the very edge of
                // a bin or of ε may fall to the other side, so counts are compared where it was alone.
                let found = &found.taps[&tap].sequences[index];
                close(found.moments.variance(), expected.moments.variance(), 0.0);
                assert_eq!(found.tokens, expected.tokens);
                let alone = MeasureOptions {
                    batch: 1,
                    ..options.clone()
                };
                let alone = measured(&model, std::slice::from_ref(sequence), &alone);
                assert_sequence(&alone.layers[layer].taps[&tap].sequences[0], &expected);
            }
            for span in [1, 2] {
                let Some(found) = found.spans.get(&span) else {
                    assert!(layer + span > layers);
                    continue;
                };
                let (input, channels) = values(layer, Tap::Input);
                let (output, _) = values(layer + span - 1, Tap::Output);
                let expected = reference::pair(&input, &output, channels, &real);
                assert_pair(&found.sequences[index], &expected);
            }
        }
    }
}

#[test]
fn a_pass_on_the_cpu_equals_the_reference() {
    equals_reference(DeviceChoice::Cpu);
}

#[test]
fn a_pass_on_the_gpu_equals_the_reference() {
    equals_reference(DeviceChoice::Gpu);
}

#[test]
fn devices_agree_on_every_score() {
    let request = ScoreRequest {
        spans: BTreeSet::from([1, 2]),
        ..ScoreRequest::default()
    };
    let reports = [DeviceChoice::Cpu, DeviceChoice::Gpu].map(|device| {
        let model = open(device);
        score(&model, &text(&model, short()), &request).unwrap()
    });
    let [cpu, gpu] = reports.map(|report| scoring(&report).scores.methods.clone());
    assert_eq!(cpu.len(), gpu.len());
    for (cpu, gpu) in cpu.iter().zip(&gpu) {
        assert_eq!(cpu.id, gpu.id);
        for (a, b) in cpu.layers.iter().zip(&gpu.layers) {
            assert_eq!(a.rank, b.rank, "{} layer {}", cpu.id, a.layer);
            if let (Some(a), Some(b)) = (a.value, b.value) {
                assert!((a - b).abs() <= 1e-3 * a.abs(), "{}: {a} and {b}", cpu.id);
            }
        }
    }
}

#[test]
fn the_size_of_batches_does_not_matter() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let scores = [1, 5, 64].map(|batch| {
        let request = ScoreRequest {
            batch,
            ..ScoreRequest::default()
        };
        scoring(&score(&model, &text, &request).unwrap())
            .scores
            .clone()
    });
    for other in &scores[1..] {
        for (a, b) in scores[0].methods.iter().zip(&other.methods) {
            for (a, b) in a.layers.iter().zip(&b.layers) {
                assert_eq!(a.rank, b.rank);
                let (a, b) = (a.value.unwrap(), b.value.unwrap());
                assert!((a - b).abs() <= 1e-4 * a.abs(), "{a} and {b}");
            }
        }
    }
}

/// The authors' recipe from its description, in float64 over the very hidden states: for each sequence the
/// mean over tokens, its unbiased variance, mean over sequences; share of |a| < 1e-5; their quotient.
#[test]
fn the_authors_recipe_is_their_formula() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let request = ScoreRequest {
        score: ScoreOptions::authors(),
        ..ScoreRequest::default()
    };
    let report = score(&model, &text, &request).unwrap();
    let avss = scoring(&report)
        .scores
        .methods
        .iter()
        .find(|method| method.id.to_string() == "avss")
        .unwrap();
    for layer in 0..report.model.layers {
        let (mut variances, mut below, mut elements) = (Vec::new(), 0.0, 0.0);
        for sequence in &text.sequences {
            let batch = TokenBatch::new(&[sequence], PaddingSide::Right).unwrap();
            let mut recorder = Recorder::default();
            model
                .decoder
                .hidden_states(&batch, None, &mut recorder)
                .unwrap();
            let hidden = recorder.0[&(layer, Tap::Output)].clone();
            let channels = hidden.dims()[2];
            let hidden: Vec<f64> = block_on(hidden.into_data_async())
                .unwrap()
                .iter::<f64>()
                .collect();
            let mut means = vec![0.0; channels];
            for (index, value) in hidden.iter().enumerate() {
                means[index % channels] += value / sequence.len() as f64;
                below += f64::from(value.abs() < 1e-5);
                elements += 1.0;
            }
            let mean: f64 = means.iter().sum::<f64>() / channels as f64;
            let squares: f64 = means.iter().map(|value| (value - mean).powi(2)).sum();
            variances.push(squares / (channels - 1) as f64);
        }
        let variance = variances.iter().sum::<f64>() / variances.len() as f64;
        let expected = variance / f64::max(below / elements, 1.0 / elements);
        let found = avss.layers[layer].value.unwrap();
        assert!(
            (found - expected).abs() <= 1e-4 * expected,
            "{found} instead of {expected}"
        );
    }
}

#[test]
fn a_run_reports_its_steps_and_stops_when_asked() {
    let model = open(DeviceChoice::Cpu);
    let request = ScoreRequest::default();
    let together = Parting::of(request.batch, &model.decoder.device()).together();
    let text = text(
        &model,
        TextOptions {
            max_sequences: 2 * together,
            ..short()
        },
    );
    let cancel = Cancel::default();
    let mut steps = Vec::new();
    let mut progress = |step| {
        steps.push(step);
        if matches!(step, Progress::Measuring { sequences: 1.., .. }) {
            cancel.cancel();
        }
    };
    let mut run = Run::new(&mut progress, &cancel);
    let created = String::new();
    let result = block_on(layerlab_lab::score_layers(
        &model, &text, &request, created, &mut run,
    ));
    assert!(matches!(result, Err(LabError::Cancelled)));
    let total = text.sequences.len();
    let step = |sequences| Progress::Measuring { sequences, total };
    assert!(together < total);
    assert_eq!(steps, [step(0), step(together)]);
}

#[test]
fn options_out_of_range_are_refused() {
    let model = open(DeviceChoice::Cpu);
    let text = text(
        &model,
        TextOptions {
            max_sequences: 2,
            ..short()
        },
    );
    let layers = model.decoder.spec().layers();
    let refuses = |change: &dyn Fn(&mut ScoreRequest)| {
        let mut request = ScoreRequest::default();
        change(&mut request);
        score(&model, &text, &request).unwrap_err().to_string()
    };
    let said = refuses(&|request| request.spans.extend([layers + 1]));
    assert!(said.contains(&format!("span of {}", layers + 1)), "{said}");
    assert!(refuses(&|request| request.spans.extend([0])).contains("span of 0"));
    assert!(refuses(&|request| request.batch = 0).contains("at least one sequence"));
    assert!(refuses(&|request| request.score.confidence = 1.0).contains("confidence"));
    assert!(refuses(&|request| request.score.lowest = Some(layers)).contains("at least one"));
}
