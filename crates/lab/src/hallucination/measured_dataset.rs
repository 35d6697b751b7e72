//! The pairs of one dataset, or of a part of it, and what was measured of them.

use layerlab_eval::{Dataset, Items, Pair, Shard, TokenPair, pairs, tokenise};
use layerlab_model::Decoder;

use super::{
    locate::{LocateRequest, LocatedDataset, contrasted},
    measure::{MeasuredPairs, measure_pairs},
    mine::{Mined, mine},
    tokens::LocatedPairs,
};
use crate::{LabError, OpenModel, Run};

/// Pairs of a dataset as tokens.
pub(crate) struct FoundPairs {
    pub pairs: Vec<TokenPair>,
    /// Those whose prompt lost its beginning.
    pub truncated: usize,
    /// How they were mined, if they were.
    pub mined: Option<Mined>,
}

/// The pairs of a part of a dataset as tokens, mined where it has none of its own.
pub(crate) async fn token_pairs<F>(
    model: &OpenModel<F>,
    decoder: &Decoder,
    (dataset, shard): (&Dataset, Shard),
    request: &LocateRequest,
    run: &mut Run<'_>,
) -> Result<FoundPairs, LabError> {
    let (found, mined): (Vec<Pair>, Option<Mined>) = match &dataset.items {
        Items::Answers(items) => {
            let own = &items[shard.range(items.len())];
            let (options, mining) = (&request.eval, request.mining);
            let tokenizer = &model.tokenizer;
            let mined = mine(decoder, tokenizer, (dataset, own), options, mining, run).await?;
            (mined.0, Some(mined.1))
        }
        _ => {
            // The wrong side is drawn for one question after the other.
            let mut pairs = pairs(dataset, request.contrast.seed)?;
            let own = shard.range(pairs.len());
            (pairs.drain(own).collect(), None)
        }
    };
    let context = decoder.spec().context;
    let (tokenizer, options) = (&model.tokenizer, &request.eval);
    let (pairs, truncated) = tokenise(&dataset.name, &found, tokenizer, context, options)?;
    Ok(FoundPairs {
        pairs,
        truncated,
        mined,
    })
}

/// That there are enough pairs to tell anything by.
pub(crate) fn enough_pairs(dataset: &str, pairs: usize) -> Result<(), LabError> {
    let dataset = dataset.to_owned();
    match pairs < 2 {
        true => Err(LabError::FewPairs { dataset, pairs }),
        false => Ok(()),
    }
}

/// The pairs of a dataset or of a part of it, measured.
pub(crate) struct MeasuredDataset {
    /// What is known of the dataset; nothing is contrasted yet.
    pub dataset: LocatedDataset,
    pub pairs: Vec<TokenPair>,
    pub measured: MeasuredPairs,
}

impl MeasuredDataset {
    pub async fn of<F>(
        model: &OpenModel<F>,
        dataset: &Dataset,
        shard: Shard,
        request: &LocateRequest,
        run: &mut Run<'_>,
    ) -> Result<Self, LabError> {
        let decoder = &model.decoder;
        let found = token_pairs(model, decoder, (dataset, shard), request, run).await?;
        if shard == Shard::WHOLE {
            enough_pairs(&dataset.name, found.pairs.len())?;
        }
        let measured = measure_pairs(decoder, &found.pairs, request, run).await?;
        Ok(Self {
            dataset: LocatedDataset {
                dataset: dataset.name.clone(),
                sha256: dataset.sha256.clone(),
                pairs: found.pairs.len(),
                of: dataset.of,
                items: dataset.items.len(),
                mapping: dataset.mapping.clone(),
                skipped: dataset.skipped.len(),
                truncated: found.truncated,
                mined: found.mined,
                answer_tokens: [0.0; 2],
                controls: None,
                margins: None,
                taps: Vec::new(),
            },
            pairs: found.pairs,
            measured,
        })
    }

    /// Appends the pairs that follow of the same dataset.
    pub fn append(&mut self, next: Self) {
        self.dataset.pairs += next.dataset.pairs;
        self.dataset.truncated += next.dataset.truncated;
        if let (Some(mined), Some(next)) = (&mut self.dataset.mined, next.dataset.mined) {
            mined.add(next);
        }
        self.pairs.extend(next.pairs);
        self.measured.append(next.measured);
    }

    /// Contrasts both sides of the pairs at every layer.
    pub async fn contrasted(
        self,
        request: &LocateRequest,
        run: &mut Run<'_>,
    ) -> Result<(LocatedDataset, LocatedPairs), LabError> {
        let Self {
            dataset,
            pairs,
            measured,
        } = self;
        enough_pairs(&dataset.dataset, pairs.len())?;
        let mean = |count: &dyn Fn(&TokenPair) -> usize| {
            pairs.iter().map(|pair| count(pair) as f64).sum::<f64>() / pairs.len() as f64
        };
        let found = contrasted(&measured, &pairs, request, run).await?;
        let located = LocatedDataset {
            answer_tokens: [
                mean(&|pair| pair.factual.ids.len() - pair.factual.start),
                mean(&|pair| pair.hallucinated.ids.len() - pair.hallucinated.start),
            ],
            controls: Some(found.controls),
            margins: found.margins,
            taps: found.taps,
            ..dataset
        };
        let pairs = LocatedPairs::of(&located.dataset, pairs, &measured);
        Ok((located, pairs))
    }
}
