//! Healing a cut: in closed form, and by steps of a distillation.

use std::{collections::BTreeSet, fs, hint::black_box, time::Instant};

use layerlab_lab::{
    DistilRecipe, HealRequest, Healing, OpenModel, Run, Text, files::Folder, heal_with,
};
use layerlab_tune::{DistilEvent, Distiller};

use crate::{Failed, Options, median, peak_memory, pruning::loss};

/// Steps of a turn.
const STEPS: usize = 4;
/// As in `tests/bench/pytorch.py`.
const RANK: usize = 16;
const AT_ONCE: usize = 4;

/// A quarter of the layers, in the middle.
fn middle(layers: usize) -> BTreeSet<usize> {
    let first = layers / 2 - layers / 8;
    (first..first + layers.div_ceil(4)).collect()
}

/// Prints the time of a refit over that of three passes of the whole model to the text's loss, and its peak memory over the weights.
pub async fn measure_refit(
    model: &OpenModel<Folder>,
    text: &Text,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<(), Failed> {
    let removed = middle(model.decoder.spec().layers());
    let request = HealRequest {
        ways: vec![Healing::Refit],
        ..HealRequest::default()
    };
    // Linux counts the peak anew after this; elsewhere no peak is known.
    let is_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    let mut seconds = [const { Vec::new() }; 2];
    for turn in 0..=options.repeats {
        for (job, seconds) in seconds.iter_mut().enumerate() {
            let start = Instant::now();
            match job {
                0 => loss(model, text, options.batch).await?,
                _ => {
                    black_box(heal_with(model, &removed, text, &request, run).await?);
                }
            }
            if turn > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    let [pass, refit] = seconds.map(median);
    println!("refit over three passes\t{:.3}", refit / (3.0 * pass));
    if let (true, Some(peak)) = (is_reset, peak_memory()?) {
        let weights = model.checkpoint.weight_bytes() as f64;
        println!("refit peak memory over weights\t{:.3}", peak / weights);
    }
    Ok(())
}

/// Prints steps per second of a distillation.
pub async fn measure_distil(
    model: &OpenModel<Folder>,
    text: &Text,
    options: &Options,
) -> Result<(), Failed> {
    let whole = &model.decoder;
    let removed = middle(whole.spec().layers());
    let pruned = whole.without(&removed)?;
    let first = removed.first().map_or(0, |first| first - 1);
    let layers: BTreeSet<usize> = (first..pruned.spec().layers()).collect();
    let steps = STEPS * (options.repeats + 1);
    let recipe = DistilRecipe {
        rank: RANK,
        sequences: AT_ONCE,
        steps,
        check_every: steps,
        ..DistilRecipe::default()
    };
    let choose = &text.sequences[..1];
    let mut distiller =
        Distiller::new(whole, &pruned, &layers, [&text.sequences, choose], recipe).await?;
    let mut seconds = Vec::new();
    loop {
        let start = Instant::now();
        match distiller.advance().await? {
            // The first steps warm up.
            DistilEvent::Step(record) if record.step >= STEPS => {
                seconds.push(start.elapsed().as_secs_f64());
            }
            DistilEvent::Step(_) | DistilEvent::Check(_) => {}
            DistilEvent::Ended(_) => break,
        }
    }
    println!("layerlab distil steps\t{:.3}", 1.0 / median(seconds));
    Ok(())
}
