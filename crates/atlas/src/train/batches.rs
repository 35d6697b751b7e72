//! Which tokens are read at which step.

use layerlab_model::Tokenizer;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Recipe, TrainError};

/// Training texts as tokens. Each epoch joins all texts in an order of its own and cuts them into
/// sequences, so that what a step reads follows from its number alone.
#[derive(Debug)]
pub struct Batches {
    texts: Vec<Vec<u32>>,
    sequence: usize,
    batch: usize,
    seed: u64,
    steps_per_epoch: usize,
    /// The epoch that is laid out, and its tokens.
    epoch: Option<(usize, Vec<u32>)>,
}

impl Batches {
    /// Tokenises the texts; each begins with BOS and ends with EOS.
    ///
    /// # Errors
    /// When the tokenizer fails, or there is not enough text for one step.
    pub fn new(
        texts: &[String],
        tokenizer: &Tokenizer,
        recipe: &Recipe,
    ) -> Result<Self, TrainError> {
        let encode = |text: &String| {
            let mut ids = tokenizer.encode_text(text)?;
            ids.extend(tokenizer.eos());
            Ok(ids)
        };
        let texts: Vec<Vec<u32>> = texts
            .iter()
            .map(encode)
            .collect::<Result<_, TrainError>>()?;
        let tokens: usize = texts.iter().map(Vec::len).sum();
        let steps_per_epoch = tokens.saturating_sub(1) / (recipe.sequence * recipe.batch);
        if steps_per_epoch == 0 {
            let problem = format!("{tokens} tokens are too few for one step");
            return Err(TrainError::Vocabulary(problem));
        }
        Ok(Self {
            texts,
            sequence: recipe.sequence,
            batch: recipe.batch,
            seed: recipe.seed,
            steps_per_epoch,
            epoch: None,
        })
    }

    /// The tokens of each text.
    pub fn texts(&self) -> &[Vec<u32>] {
        &self.texts
    }

    /// Steps in which every text is read about once.
    pub fn steps_per_epoch(&self) -> usize {
        self.steps_per_epoch
    }

    /// Sequences of a step, each one token longer than what is read, since the last is only predicted.
    pub fn of_step(&mut self, step: usize) -> Vec<Vec<u32>> {
        let epoch = step / self.steps_per_epoch;
        let laid_out = match self.epoch.take() {
            Some((known, tokens)) if known == epoch => tokens,
            _ => self.lay_out(epoch),
        };
        let first = step % self.steps_per_epoch * self.batch;
        let sequences = (first..first + self.batch).map(|index| {
            let start = index * self.sequence;
            laid_out[start..start + self.sequence + 1].to_vec()
        });
        let sequences = sequences.collect();
        self.epoch = Some((epoch, laid_out));
        sequences
    }

    fn lay_out(&self, epoch: usize) -> Vec<u32> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(epoch as u64);
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        order.shuffle(&mut random);
        order
            .into_iter()
            .flat_map(|text| self.texts[text].iter().copied())
            .collect()
    }
}
