//! What leaving out each layer costs, and what judging many cuts does.

use std::{collections::BTreeSet, fs, hint::black_box, ops::ControlFlow, time::Instant};

use layerlab_eval::{Dataset, EvalOptions, evaluate_cuts};
use layerlab_lab::{Measured, OpenModel, Run, ScoreRequest, Text, files::Folder};
use layerlab_model::{Cuts, Target};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{Failed, Options, median, scoring::pass};

/// Prints the time of leaving out each of L layers, and none, over that of L + 1 passes to the text's loss.
pub async fn measure_leave_one_out(
    model: &OpenModel<Folder>,
    text: &Text,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<(), Failed> {
    let request = |loss_change| ScoreRequest {
        loss_change,
        batch: options.batch,
        ..ScoreRequest::default()
    };
    let mut seconds = [const { Vec::new() }; 3];
    for turn in 0..=options.repeats {
        for (job, seconds) in seconds.iter_mut().enumerate() {
            let start = Instant::now();
            match job {
                0 => loss(model, text, options.batch).await?,
                job => {
                    let request = request(job == 2);
                    black_box(Measured::of(model, text, &request, run).await?);
                }
            }
            if turn > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    let [pass, scored, with_losses] = seconds.map(median);
    let layers = model.decoder.spec().layers() as f64;
    let left_out = (with_losses - scored) / ((layers + 1.0) * pass);
    println!("leaving out each of L layers and none, over L + 1 passes\t{left_out:.3}");
    Ok(())
}

/// Windows of the text that cuts are judged on.
const WINDOWS: usize = 4;

/// Prints the seconds of judging so many cuts of up to a quarter of the layers by perplexity, and the blocks that are passed over those of
/// passing each cut alone. Cuts are those of random orders of removal, each of which is measured all along.
pub async fn measure_cuts(model: &OpenModel<Folder>, options: &Options) -> Result<(), Failed> {
    let layers = model.decoder.spec().layers();
    let along = layers.div_ceil(4);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut removed: Vec<BTreeSet<usize>> = Vec::new();
    while removed.len() < options.cuts {
        let mut order: Vec<usize> = (0..layers).collect();
        order.shuffle(&mut random);
        let sets = (1..=along).map(|count| order[..count].iter().copied().collect());
        removed.extend(sets);
    }
    removed.truncate(options.cuts);
    let cuts = Cuts::new(layers, &removed)?;
    let dataset = Dataset::of_text(&options.text, fs::read_to_string(&options.text)?);
    let eval = EvalOptions {
        window: Some(options.sequence_length),
        max_windows: Some(WINDOWS),
        ..EvalOptions::default()
    };
    let mut seconds = Vec::new();
    for turn in 0..=options.repeats {
        let start = Instant::now();
        let mut go_on = |_, _| ControlFlow::Continue(());
        let (decoder, tokenizer) = (&model.decoder, &model.tokenizer);
        let found = evaluate_cuts(decoder, &cuts, tokenizer, &dataset, &eval, &mut go_on);
        black_box(found.await?);
        if turn > 0 {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    println!(
        "layerlab judging {} cuts, seconds\t{:.3}",
        options.cuts,
        median(seconds)
    );
    let share = cuts.passes() as f64 / cuts.plain_passes() as f64;
    println!(
        "block passes of {} cuts over those of each alone\t{share:.3}",
        options.cuts
    );
    Ok(())
}

/// A pass to the loss of every token.
pub async fn loss(model: &OpenModel<Folder>, text: &Text, batch: usize) -> Result<(), Failed> {
    pass(model, text, batch, async |hidden, sequences| {
        let targets = Target::next_tokens(sequences);
        let found = model.decoder.log_likelihoods(hidden, &targets);
        let found = found.ok_or("a sequence has one token")?;
        Ok(found.into_data_async().await?)
    })
    .await
}
