//! Sequences on their way through the whole model and the pruned one, side by side.

use std::ops::Range;

use burn::tensor::{Int, Tensor};
use layerlab_model::{
    Decoder, ModelError, NoObserver, Observer, PaddingSide, Parting, Stream, Target, TokenBatch,
    each_part, yield_now,
};
use layerlab_stats::Tap;

use crate::{HealError, OnProgress};

/// Tokens of all parts that are passed at a time.
const TOKENS_AT_ONCE: usize = 2048;

/// Some sequences of one length, between two blocks of each model.
pub(crate) struct Pair {
    sequences: Vec<Vec<u32>>,
    whole: Stream,
    pruned: Stream,
}

/// What a block before a gap gives, of all tokens of a pair.
pub(crate) struct Seen {
    /// What was watched `[tokens, channels of the tap]`.
    pub tapped: Tensor<2>,
    /// The pruned model's stream behind the block `[tokens, channels]`.
    pub stream: Tensor<2>,
    /// The whole model's stream behind the gap `[tokens, channels]`.
    pub wanted: Tensor<2>,
}

/// All sequences of a text.
pub(crate) struct SideBySide<'a> {
    whole: &'a Decoder,
    pairs: Vec<Pair>,
    /// The next block of each model.
    next: [usize; 2],
    parting: Parting,
}

impl<'a> SideBySide<'a> {
    /// Before the first block. Neighbouring sequences of one length are passed together, so that nothing is padded.
    pub fn begin(whole: &'a Decoder, sequences: &[Vec<u32>]) -> Result<Self, HealError> {
        let longest = sequences.iter().map(Vec::len).max().unwrap_or(1);
        let parting = Parting::of((TOKENS_AT_ONCE / longest).max(1), &whole.device());
        let same_length = sequences.chunk_by(|a, b| a.len() == b.len());
        let pairs = same_length.flat_map(|same| same.chunks(parting.size));
        let pairs = pairs.map(|sequences| {
            let batch = TokenBatch::new(sequences, PaddingSide::Right)?;
            let begun = whole.begin(&batch)?;
            Ok(Pair {
                sequences: sequences.to_vec(),
                whole: begun.clone(),
                pruned: begun,
            })
        });
        Ok(Self {
            pairs: pairs.collect::<Result<_, ModelError>>()?,
            whole,
            next: [0, 0],
            parting,
        })
    }

    /// Parts that are reported one by one.
    pub fn parts(&self) -> usize {
        self.pairs.len().div_ceil(self.parting.parts)
    }

    /// Tokens in all.
    pub fn tokens(&self) -> usize {
        let sequences = self.pairs.iter().flat_map(|pair| &pair.sequences);
        sequences.map(Vec::len).sum()
    }

    /// Passes the whole model's blocks before `of_whole` and those of `pruned` before `of_pruned`, and applies `work` to every pair.
    /// What `work` finds goes to `take` before the next pairs are begun.
    pub async fn each<T: Send>(
        &mut self,
        pruned: &Decoder,
        [of_whole, of_pruned]: [usize; 2],
        work: impl AsyncFn(&mut Pair) -> Result<T, HealError> + Sync,
        mut take: impl FnMut(T),
        mut tell: impl FnMut() -> Result<(), HealError>,
    ) -> Result<(), HealError> {
        let [whole_blocks, pruned_blocks] = [self.next[0]..of_whole, self.next[1]..of_pruned];
        let (whole, device) = (self.whole, self.whole.device());
        for pairs in self.pairs.chunks_mut(self.parting.parts) {
            let found = each_part(&device, pairs, async |pair| {
                pair.whole = passed(whole, &pair.whole, whole_blocks.clone())?;
                pair.pruned = passed(pruned, &pair.pruned, pruned_blocks.clone())?;
                work(pair).await
            });
            found.await?.into_iter().for_each(&mut take);
            tell()?;
            yield_now().await;
        }
        self.next = [of_whole.max(self.next[0]), of_pruned.max(self.next[1])];
        Ok(())
    }

    /// Loss per token in nats of `pruned` from where its sequences stand.
    pub async fn loss(&mut self, pruned: &Decoder) -> Result<f64, HealError> {
        let device = self.whole.device();
        let first = self.next[1];
        let (mut sum, mut tokens) = (0.0, 0);
        for pairs in self.pairs.chunks_mut(self.parting.parts) {
            let found = each_part(&device, pairs, async |pair| pair.loss(pruned, first).await);
            for (loss, of) in found.await? {
                sum += loss;
                tokens += of;
            }
            yield_now().await;
        }
        Ok(sum / tokens.max(1) as f64)
    }
}

impl Pair {
    /// Passes block `layer` of the pruned model, the next one, and watches it at a tap. The pair stays where it was.
    pub fn seen(&self, pruned: &Decoder, layer: usize, tap: Tap) -> Result<Seen, HealError> {
        let mut watch = Watch {
            layer,
            tap,
            seen: None,
        };
        let stream = pruned.advance(self.pruned.clone(), layer, &mut watch)?;
        let rows = |tensor: Tensor<3>| {
            let [batch, tokens, channels] = tensor.dims();
            tensor.reshape([batch * tokens, channels])
        };
        let tapped = watch.seen.ok_or(HealError::NotFinite { layer })?;
        Ok(Seen {
            tapped: rows(tapped),
            stream: rows(stream.hidden()),
            wanted: rows(self.whole.hidden()),
        })
    }

    async fn loss(&self, pruned: &Decoder, first: usize) -> Result<(f64, usize), HealError> {
        let stream = passed(pruned, &self.pruned, first..pruned.spec().layers())?;
        let targets = Target::next_tokens(&self.sequences);
        let found = pruned.log_likelihoods(pruned.finish(stream), &targets);
        let found = found.ok_or(ModelError::EmptySequence)?;
        let found = found.into_data_async().await.map_err(ModelError::from)?;
        let sum: f64 = found.iter::<f32>().map(f64::from).sum();
        Ok((-sum, targets.len()))
    }
}

fn passed(decoder: &Decoder, stream: &Stream, blocks: Range<usize>) -> Result<Stream, ModelError> {
    let mut stream = stream.clone();
    for layer in blocks {
        stream = decoder.advance(stream, layer, &mut NoObserver)?;
    }
    Ok(stream)
}

/// Tells a caller how far it has come.
pub(crate) struct Told<'a, 'b> {
    pub done: usize,
    pub total: usize,
    pub progress: &'a mut OnProgress<'b>,
}

impl Told<'_, '_> {
    pub fn step(&mut self) -> Result<(), HealError> {
        self.done += 1;
        match (self.progress)(self.done.min(self.total), self.total).is_break() {
            true => Err(HealError::Interrupted),
            false => Ok(()),
        }
    }
}

/// Keeps one activation of one block.
struct Watch {
    layer: usize,
    tap: Tap,
    seen: Option<Tensor<3>>,
}

impl Observer for Watch {
    fn wants(&self, layer: usize, tap: Tap) -> bool {
        (layer, tap) == (self.layer, self.tap)
    }

    fn observe(&mut self, _: usize, _: Tap, hidden: Tensor<3>, _: &Tensor<2, Int>) {
        self.seen = Some(hidden);
    }
}
