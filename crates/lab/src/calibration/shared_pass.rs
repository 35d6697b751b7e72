//! A pass that peers do, each some of the sequences.

use std::{borrow::Cow, pin::pin};

use futures_util::StreamExt;
use layerlab_model::Decoder;
use web_time::Instant;

use super::{Calibration, PassProgress, PassRequest, PassResult};
use crate::{
    LabError, Run,
    peers::{PassShare, Peers, Share, shared},
};

impl Calibration<'_> {
    /// As [`pass_locally`](Self::pass_here). Seconds are of this session's time, divided as the peers spent theirs.
    pub async fn pass_with(
        &self,
        peers: &dyn Peers,
        decoder: &Decoder,
        wanted: &PassRequest,
        run: &mut Run<'_>,
    ) -> Result<PassResult, LabError> {
        let start = Instant::now();
        let each = self.passages.len().div_ceil(peers.count().max(1));
        let size = self.batch.min(each);
        let cancel = run.wishes();
        let shares = self.passages.chunks(size).map(|passages| {
            let share = PassShare {
                passages,
                batch: self.batch,
                wanted: Cow::Borrowed(wanted),
            };
            let here = share.clone();
            let here = async move {
                let mut silent = |_| ();
                here.perform(decoder, &mut Run::new(&mut silent, cancel))
                    .await
            };
            (Share::Pass(share), here)
        });
        let mut answers = pin!(shared(peers, shares));
        let layers = decoder.spec().layers() - wanted.removed.len();
        let mut found = PassResult::nothing(layers);
        let mut place = PassProgress::start(self.passages.len(), size, wanted);
        run.step(place.progress()).await?;
        while let Some(part) = answers.next().await {
            let part = part?;
            place.sequences[0] += part.losses.tokens.len();
            place.found_losses(wanted.losses());
            found.append(part);
            run.report(place.progress())?;
        }
        let spent = (found.pass_seconds + found.loss_seconds).max(f64::MIN_POSITIVE);
        let scale = start.elapsed().as_secs_f64() / spent;
        found.pass_seconds *= scale;
        found.loss_seconds *= scale;
        Ok(found)
    }
}
