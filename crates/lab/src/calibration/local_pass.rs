//! A pass by this session alone.

use layerlab_model::{Decoder, Parting, each_part};
use web_time::Instant;

use super::{
    Calibration, PassProgress, PassRequest, PassResult, Passes, observer::merge, part::Chunk,
};
use crate::{LabError, Run};

impl Calibration<'_> {
    /// Passes the sequences. Blocks below a candidate are passed once for all candidates and for the statistics,
    /// so that L candidates of L blocks take about half of L² block passes. Statistics of all layers of a batch
    /// come back in one read-back.
    pub async fn pass_locally(
        &self,
        decoder: &Decoder,
        wanted: &PassRequest,
        run: &mut Run<'_>,
    ) -> Result<PassResult, LabError> {
        let decoder = &decoder.without(&wanted.removed)?;
        let layers = decoder.spec().layers();
        wanted.check(layers)?;
        if self.batch == 0 {
            return Err(LabError::EmptyBatch);
        }
        let device = decoder.device();
        let parting = Parting::of(self.batch, &device);
        let mut found = PassResult::nothing(layers);
        let mut place = PassProgress::start(self.passages.len(), parting.size, wanted);
        run.step(place.progress()).await?;
        for passages in self.passages.chunks(parting.together()) {
            let parts = passages.chunks(parting.size);
            let parts = parts.map(|part| Chunk::begin(decoder, part, wanted.statistics.as_ref()));
            let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
            let mut next = 0;
            for &layer in &wanted.without {
                let advance = each_part(&device, &mut parts, async |part| {
                    part.advance(decoder, next..layer).await
                });
                timed(&mut found.pass_seconds, advance).await?;
                next = layer;
                let without = each_part(&device, &mut parts, async |part| {
                    part.losses_without(decoder, self.instead, layer).await
                });
                let without = timed(&mut found.loss_seconds, without).await?;
                found.losses.without[layer].extend(without.into_iter().flatten());
                place.found_losses(parts.len());
                run.step(place.progress()).await?;
            }
            if wanted.is_whole() {
                let rest = each_part(&device, &mut parts, async |part| {
                    part.advance(decoder, next..layers).await?;
                    part.statistics().await
                });
                let results = timed(&mut found.pass_seconds, rest).await?;
                if let Some(options) = &wanted.statistics {
                    for results in results {
                        merge(results, options, &mut found.layers);
                    }
                }
            }
            if wanted.whole {
                let whole = each_part(&device, &mut parts, async |part| part.losses(decoder).await);
                let whole = timed(&mut found.loss_seconds, whole).await?;
                found.losses.whole.extend(whole.into_iter().flatten());
                place.found_losses(parts.len());
            }
            found.losses.tokens.extend(passages.counted());
            for _ in 0..passages.len() {
                found.passes.add(Passes::of(layers, wanted));
            }
            place.sequences[0] += passages.len();
            run.step(place.progress()).await?;
        }
        Ok(found)
    }
}

/// Seconds that something takes.
async fn timed<T>(seconds: &mut f64, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let found = work.await;
    *seconds += start.elapsed().as_secs_f64();
    found
}
