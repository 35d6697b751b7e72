//! Refit: what leaves the block before a gap becomes what the block behind it had read (after ReplaceMe, arXiv 2505.02819).

use std::collections::BTreeSet;

use layerlab_model::Decoder;

use crate::{
    GapRecord, HealError, HealText, Healed, OnProgress, RefitOptions, Tried, gaps,
    side_by_side::{SideBySide, Told},
    sums::{End, Found, Sums},
};

/// Removes blocks from `whole` and fits the end of the block before each gap: its map from the MLP's inner activation back, or, where a norm
/// follows that map, the norm's scales. Minimised is Σ w ‖nD − r‖² + λ s ‖D‖² over the tokens learned from, where n are the inputs of the map, D
/// is its change, r is the whole model's stream behind the gap less the pruned model's before it, w is one over the root mean square of the
/// whole model's stream, and s is the mean diagonal of Σ w nᵀn. Without w the squared error is nearly all that of a few tokens with enormous
/// activations; the norm of the next block makes tokens equal, but w² would forget that attention sinks must stay large. λ is the one with the
/// least loss over other sequences, of losses within 1e-4 nats the largest; where none lowers the loss, the block stays as it was.
///
/// # Errors
/// When there is nothing before a gap, a layer does not exist, there are too few tokens, the model gives what is no number or cannot read a
/// sequence, or the caller asks to stop.
pub async fn refit(
    whole: &Decoder,
    removed: &BTreeSet<usize>,
    text: &HealText,
    options: &RefitOptions,
    progress: &mut OnProgress<'_>,
) -> Result<Healed, HealError> {
    let gaps = gaps(removed)?;
    let mut decoder = whole.without(removed)?;
    let (end, multiplier) = (End::of(whole.spec()), whole.spec().residual_multiplier);
    let mut learn = SideBySide::begin(whole, &text.learn)?;
    let mut choose = SideBySide::begin(whole, &text.choose)?;
    let tries = options.lambdas.len();
    let mut told = Told {
        done: 0,
        total: gaps.len() * (learn.parts() + tries),
        progress,
    };
    let mut records = Vec::with_capacity(gaps.len());
    let mut middle = tries / 2;
    for (number, gap) in gaps.iter().enumerate() {
        let place = gap.place(removed);
        let to = [gap.removed.end() + 1, place];
        let mut sums = Sums::new(end, whole.spec());
        if learn.tokens() * 10 < sums.inputs() {
            return Err(HealError::FewTokens {
                tokens: learn.tokens(),
                inputs: sums.inputs(),
            });
        }
        let pruned = &decoder;
        let found = learn.each(
            pruned,
            to,
            async |pair| Found::of(pair.seen(pruned, place, end.tap())?, end, multiplier).await,
            |found| sums.add(&found),
            || told.step(),
        );
        found.await?;
        let layer = gap.before;
        if !sums.is_finite() {
            return Err(HealError::NotFinite { layer });
        }
        let stay = choose.each(pruned, to, async |_| Ok(()), |()| (), || Ok(()));
        stay.await?;
        let before = choose.loss(pruned).await?;
        let mut search = Search {
            options,
            tried: vec![None; tries],
        };
        let mut fits: Vec<Option<Fitted>> = (0..tries).map(|_| None).collect();
        while let Some(place_of_lambda) = search.next(middle) {
            let lambda = options.lambdas[place_of_lambda];
            // Too small for so few tokens: another will do.
            let loss = match sums.fitted(pruned, place, lambda) {
                Ok((decoder, left)) => {
                    let loss = choose.loss(&decoder).await?;
                    fits[place_of_lambda] = Some(Fitted {
                        decoder,
                        left,
                        loss,
                    });
                    loss
                }
                Err(HealError::Singular) => f64::INFINITY,
                Err(error) => return Err(error),
            };
            search.tried[place_of_lambda] = Some(loss);
            told.step()?;
        }
        told.done = (number + 1) * (learn.parts() + tries);
        let mut record = GapRecord {
            layer,
            removed: gap.removed.clone().collect(),
            tokens: sums.tokens,
            inputs: Some(sums.inputs()),
            loss_before: before,
            loss_after: before,
            factor: None,
            lambda: None,
            left: None,
            tried: search.tried(),
        };
        if let Some((chosen, fitted)) = best(fits).filter(|(_, fitted)| fitted.loss < before) {
            middle = chosen;
            record.loss_after = fitted.loss;
            record.lambda = Some(options.lambdas[chosen]);
            record.left = Some(fitted.left);
            decoder = fitted.decoder;
        }
        records.push(record);
    }
    Ok(Healed {
        decoder,
        gaps: records,
    })
}

/// What one λ leads to.
struct Fitted {
    decoder: Decoder,
    /// Share of the squared error that is left.
    left: f64,
    /// Over the sequences that choose.
    loss: f64,
}

/// Losses that are as near as this are equal: λ would be chosen by the order in which a device adds numbers.
const EQUAL: f64 = 1e-4;

/// The fit with the least loss and its place among the λ; of equals the one with the largest λ, which changes the least.
fn best(fits: Vec<Option<Fitted>>) -> Option<(usize, Fitted)> {
    let losses = fits.iter().flatten().map(|fitted| fitted.loss);
    let least = losses.reduce(f64::min)?;
    let found = fits.into_iter().enumerate().rev();
    let mut found = found.filter_map(|(place, fitted)| Some((place, fitted?)));
    found.find(|(_, fitted)| fitted.loss <= least + EQUAL)
}

/// Which λ is tried next: the loss falls towards the best and rises behind it, so that neighbours of the best are enough.
struct Search<'a> {
    options: &'a RefitOptions,
    tried: Vec<Option<f64>>,
}

impl Search<'_> {
    /// A neighbour of the best so far that was not tried; `first` to begin with.
    fn next(&self, first: usize) -> Option<usize> {
        let known = self.tried.iter().enumerate();
        let known = known.filter_map(|(place, loss)| Some((place, (*loss)?)));
        let Some((best, _)) = known.min_by(|a, b| a.1.total_cmp(&b.1)) else {
            return (first < self.tried.len()).then_some(first);
        };
        let neighbours = [best.checked_sub(1), Some(best + 1)];
        let open = |place: &usize| matches!(self.tried.get(*place), Some(None));
        neighbours.into_iter().flatten().find(open)
    }

    fn tried(&self) -> Vec<Tried> {
        let all = self.options.lambdas.iter().zip(&self.tried);
        let tried = all.filter_map(|(lambda, loss)| {
            let loss = (*loss)?;
            loss.is_finite().then_some(Tried {
                lambda: *lambda,
                loss,
            })
        });
        tried.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_a_valley_is_found_without_trying_all() {
        let options = RefitOptions::default();
        for bottom in 0..options.lambdas.len() {
            let mut search = Search {
                options: &options,
                tried: vec![None; options.lambdas.len()],
            };
            while let Some(place) = search.next(4) {
                search.tried[place] = Some((place as f64 - bottom as f64).abs());
            }
            assert_eq!(search.tried[bottom], Some(0.0));
            assert!(search.tried().len() <= bottom.abs_diff(4) + 3);
        }
    }
}
