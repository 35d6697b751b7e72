//! Text, one token after the other, and several texts beside each other.

use std::{ops::ControlFlow, time::Instant};

use layerlab_lab::{OpenModel, Text, files::Folder};
use layerlab_model::{GenerateOptions, generate, generate_batch};

use crate::{Failed, Options, median};

/// Tokens of a prompt, and of what continues it.
const TOKENS: usize = 32;
/// Prompts continued together.
const TOGETHER: usize = 16;

/// Prints how many tokens a second the model writes after one prompt and after several together. The time of the prompts is taken
/// off: it is that of a text of one token.
pub async fn measure_generation(
    model: &OpenModel<Folder>,
    text: &Text,
    options: &Options,
) -> Result<(), Failed> {
    let prompts = text.sequences.iter().cycle().take(TOGETHER);
    let prompts: Vec<&[u32]> = prompts.map(|ids| &ids[..TOKENS.min(ids.len())]).collect();
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for turn in 0..=options.repeats {
        let mut seconds = [0.0; 4];
        for (place, tokens) in [(0, 1), (1, 1 + TOKENS)] {
            let greedy = GenerateOptions::greedy(tokens, &[]);
            let start = Instant::now();
            generate(&model.decoder, prompts[0], &greedy, &mut |_| {
                ControlFlow::Continue(())
            })
            .await?;
            seconds[place] = start.elapsed().as_secs_f64();
            let start = Instant::now();
            generate_batch(
                &model.decoder,
                &prompts,
                &greedy,
                &mut |_| false,
                &mut || ControlFlow::Continue(()),
            )
            .await?;
            seconds[place + 2] = start.elapsed().as_secs_f64();
        }
        if turn > 0 {
            alone.push(seconds[1] - seconds[0]);
            together.push(seconds[3] - seconds[2]);
        }
    }
    let tokens = TOKENS as f64;
    println!("layerlab generation\t{:.1}", tokens / median(alone));
    println!(
        "layerlab generation, {TOGETHER} texts together\t{:.1}",
        tokens * TOGETHER as f64 / median(together)
    );
    Ok(())
}
