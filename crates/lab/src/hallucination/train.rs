//! A training from its beginning, or from where it was broken off, to its end.

use layerlab_tune::{Ending, Event, Tuner};

use crate::{LabError, OpenModel, Progress, Run, stage_cache::StageCache};

/// Steps from one kept checkpoint to the next.
const KEEP_EVERY: usize = 50;

/// Trains to the end, from where an earlier run was broken off; to an early one if the caller asks for it. Says how it
/// ended. A training that was ended early is not kept: asked for again, it goes on from its last checkpoint.
pub(super) async fn train<F>(
    tuner: &mut Tuner,
    model: &OpenModel<F>,
    (runs, of): (usize, usize),
    kept: &mut StageCache<'_>,
    run: &mut Run<'_>,
) -> Result<Ending, LabError> {
    let name = format!("{}/training-{runs}.safetensors", kept.fingerprint);
    if let Some(bytes) = kept.stages.load_bytes(&name) {
        tuner.resume(&model.decoder, &bytes)?;
    }
    let total = tuner.recipe().steps;
    loop {
        if run.must_end_training() {
            tuner.stop();
        }
        let progress = match tuner.advance().await? {
            Event::Step(record) => {
                if kept.stages.keeps_bytes() && (record.step + 1).is_multiple_of(KEEP_EVERY) {
                    kept.stages.save_bytes(&name, &tuner.checkpoint().await?)?;
                }
                Progress::Tuning {
                    runs,
                    of,
                    total,
                    record,
                }
            }
            Event::Check(record) => Progress::Checking { runs, record },
            Event::Ended(ending) => {
                if kept.stages.keeps_bytes() && ending != Ending::Stopped {
                    kept.stages.save_bytes(&name, &tuner.checkpoint().await?)?;
                }
                return Ok(ending);
            }
        };
        run.step(progress).await?;
    }
}
