//! What leaving out each layer costs.

use std::{hint::black_box, time::Instant};

use layerlab_lab::{Measured, OpenModel, Run, ScoreRequest, Text, files::Folder};
use layerlab_model::Target;

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
