//! Steps of a repair.

use std::{collections::BTreeSet, time::Instant};

use layerlab_eval::{Continued, TokenPair};
use layerlab_lab::{OpenModel, Recipe, files::Folder};
use layerlab_tune::{Event, Material, Tuner};

use crate::{Failed, Options, median};

/// Tokens of a prompt, of an answer, and of a neutral sequence.
const PROMPT: usize = 20;
const ANSWER: usize = 4;
const NEUTRAL: usize = 64;
/// Pairs that are trained on.
const PAIRS: usize = 64;

/// Prints steps per second of training adapters on the last quarter of the layers; the frozen layers below are passed
/// once, before.
pub async fn measure_steps(model: &OpenModel<Folder>, options: &Options) -> Result<(), Failed> {
    let spec = model.decoder.spec();
    let last = spec.layers() - spec.layers().div_ceil(4)..spec.layers();
    let layers: BTreeSet<usize> = last.collect();
    let ids = |seed: usize, count: usize| -> Vec<u32> {
        let id = |place| (seed * 7919 + place * 104_729) % spec.vocab_size;
        (0..count).map(|place| id(place) as u32).collect()
    };
    let pair = |number: usize| {
        let side = |side: usize| Continued {
            ids: [ids(number, PROMPT), ids(number + side * PAIRS, ANSWER)].concat(),
            start: PROMPT,
        };
        TokenPair {
            group: number.to_string(),
            factual: side(1),
            hallucinated: side(2),
        }
    };
    let neutral = |first: usize| (first..first + 16).map(|seed| ids(seed, NEUTRAL)).collect();
    let material = Material {
        train: (0..PAIRS).map(pair).collect(),
        validation: (PAIRS..PAIRS + 2).map(pair).collect(),
        neutral_train: neutral(1000),
        neutral_validation: neutral(2000),
    };
    let steps = 10 * (options.repeats + 1);
    let recipe = Recipe {
        steps,
        check_every: steps,
        tolerance: 1e9,
        ..Recipe::default()
    };
    let mut tuner = Tuner::new(&model.decoder, &layers, &material, recipe).await?;
    let mut seconds = Vec::new();
    loop {
        let start = Instant::now();
        match tuner.advance().await? {
            // The first steps warm up.
            Event::Step(record) if record.step >= 10 => {
                seconds.push(start.elapsed().as_secs_f64());
            }
            Event::Step(_) | Event::Check(_) => {}
            Event::Ended(_) => break,
        }
    }
    println!("layerlab repair steps\t{:.2}", 1.0 / median(seconds));
    Ok(())
}
