//! The scoring pass with and without statistics.

use std::{hint::black_box, time::Instant};

use burn::tensor::{Tensor, TensorData};
use layerlab_lab::{
    MeasureOptions, OpenModel, Run, ScoreOptions, Tap, Text, files::Folder, measure,
};
use layerlab_model::{NoObserver, PaddingSide, Parting, TokenBatch, each_part};

use crate::{Failed, Options, median, pruning::loss};

/// What a pass is for.
enum Pass {
    Bare,
    /// The loss of every token.
    Loss,
    Measured(MeasureOptions),
}

/// Prints tokens per second of the forward pass alone, to the loss, and with statistics at one, the score's, and all taps.
pub async fn measure_passes(
    model: &OpenModel<Folder>,
    text: &Text,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<(), Failed> {
    let with = |taps: &[Tap], spans: &[usize]| MeasureOptions {
        taps: taps.iter().copied().collect(),
        epsilon: ScoreOptions::default().epsilon,
        spans: spans.iter().copied().collect(),
        batch: options.batch,
    };
    let of_score = [Tap::Input, Tap::Output, Tap::Update];
    let variants = [
        ("forward pass", Pass::Bare),
        ("pass to the loss", Pass::Loss),
        (
            "with statistics of one tap",
            Pass::Measured(with(&[Tap::Output], &[1])),
        ),
        (
            "with statistics of the score's taps",
            Pass::Measured(with(&of_score, &[1])),
        ),
        (
            "with statistics of all taps",
            Pass::Measured(with(&Tap::ALL, &[1])),
        ),
    ];
    // Variants take turns, so that a slow minute of the machine hits all of them alike. The first
    // turn warms up and does not count.
    let mut seconds = vec![Vec::new(); variants.len()];
    for turn in 0..=options.repeats {
        for ((_, with), seconds) in variants.iter().zip(&mut seconds) {
            let start = Instant::now();
            match with {
                Pass::Bare => forward(model, text, options.batch).await?,
                Pass::Loss => loss(model, text, options.batch).await?,
                Pass::Measured(with) => {
                    black_box(measure(&model.decoder, &text.sequences, with, run).await?);
                }
            }
            if turn > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    for ((name, _), seconds) in variants.iter().zip(seconds) {
        println!(
            "layerlab {name}\t{:.1}",
            text.tokens() as f64 / median(seconds)
        );
    }
    Ok(())
}

/// The forward pass that nobody watches, waited for by reading one number of its end.
async fn forward(model: &OpenModel<Folder>, text: &Text, batch: usize) -> Result<(), Failed> {
    pass(model, text, batch, async |hidden, _| {
        let last = hidden.slice([0..1, 0..1, 0..1]);
        Ok(last.into_data_async().await?)
    })
    .await
}

/// Passes the text as the lab does, and lets `read` fetch something of the hidden states `[batch, tokens, channels]`.
pub async fn pass(
    model: &OpenModel<Folder>,
    text: &Text,
    batch: usize,
    read: impl AsyncFn(Tensor<3>, &[Vec<u32>]) -> Result<TensorData, Failed> + Sync,
) -> Result<(), Failed> {
    let decoder = &model.decoder;
    let device = decoder.device();
    let parting = Parting::of(batch, &device);
    for sequences in text.sequences.chunks(parting.together()) {
        let mut parts: Vec<&[Vec<u32>]> = sequences.chunks(parting.size).collect();
        let found = each_part(&device, &mut parts, async |sequences| {
            let batch = TokenBatch::new(sequences, PaddingSide::Right)?;
            let hidden = decoder.hidden_states(&batch, None, &mut NoObserver)?;
            read(hidden, sequences).await
        });
        // Some devices give what they have yet to fetch.
        for data in found.await? {
            black_box(data.iter::<f32>().next());
        }
    }
    Ok(())
}
