//! Scale: the residual stream behind a gap is as large as it was (Prune&Comp, arXiv 2507.18212).

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use layerlab_model::{Decoder, ModelError};
use layerlab_stats::Tap;

use crate::{
    GapRecord, HealError, HealText, Healed, OnProgress, gaps,
    side_by_side::{Seen, SideBySide, Told},
};

/// Removes blocks from `whole` and multiplies the stream at each gap: by the mean over tokens and channels of the magnitude that it has behind
/// the gap in the whole model, over that before it in the pruned one. Where that does not lower the loss over sequences that were not
/// learned from, the stream stays as it is.
///
/// # Errors
/// As [`refit`](crate::refit), and when the family's blocks read the stream without a norm.
pub async fn scale(
    whole: &Decoder,
    removed: &BTreeSet<usize>,
    text: &HealText,
    progress: &mut OnProgress<'_>,
) -> Result<Healed, HealError> {
    if !whole.spec().norm_placement.is_before() {
        let family = whole.spec().family.into();
        return Err(HealError::NoNormBefore { family });
    }
    let gaps = gaps(removed)?;
    let mut decoder = whole.without(removed)?;
    let mut learn = SideBySide::begin(whole, &text.learn)?;
    let mut choose = SideBySide::begin(whole, &text.choose)?;
    let mut told = Told {
        done: 0,
        total: gaps.len() * learn.parts(),
        progress,
    };
    let mut records = Vec::with_capacity(gaps.len());
    for gap in &gaps {
        let (place, layer) = (gap.place(removed), gap.before);
        let to = [gap.removed.end() + 1, place];
        let pruned = &decoder;
        let mut sums = [0.0, 0.0];
        let found = learn.each(
            pruned,
            to,
            async |pair| {
                let Seen { stream, wanted, .. } = pair.seen(pruned, place, Tap::Output)?;
                Ok([magnitude(wanted).await?, magnitude(stream).await?])
            },
            |[after, before]| {
                sums[0] += after;
                sums[1] += before;
            },
            || told.step(),
        );
        found.await?;
        let factor = sums[0] / sums[1];
        if !factor.is_finite() {
            return Err(HealError::NotFinite { layer });
        }
        let stay = choose.each(pruned, to, async |_| Ok(()), |()| (), || Ok(()));
        stay.await?;
        let before = choose.loss(pruned).await?;
        let scaled = pruned.with_scaled_output(place, factor)?;
        let after = choose.loss(&scaled).await?;
        let is_better = after < before;
        records.push(GapRecord {
            layer,
            removed: gap.removed.clone().collect(),
            tokens: learn.tokens(),
            inputs: None,
            loss_before: before,
            loss_after: if is_better { after } else { before },
            factor: is_better.then_some(factor),
            lambda: None,
            left: None,
            tried: Vec::new(),
        });
        if is_better {
            decoder = scaled;
        }
    }
    Ok(Healed {
        decoder,
        gaps: records,
    })
}

/// Summed magnitude of all values.
async fn magnitude(stream: Tensor<2>) -> Result<f64, HealError> {
    let rows = stream.abs().mean_dim(1).into_data_async().await;
    let rows = rows.map_err(ModelError::from)?;
    Ok(rows.iter::<f32>().map(f64::from).sum())
}
