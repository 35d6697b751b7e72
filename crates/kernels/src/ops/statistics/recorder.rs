//! What is measured during one pass: started at once, fetched together.

use burn::{
    backend::Dispatch,
    tensor::{DType, Int, IntDType, Tensor},
};

use super::{
    Slot, StatisticsOps,
    collect::{BatchStatistics, Reading, collect},
    layout::threshold_bits,
    page::Page,
};
use crate::{KernelError, ops::pairs::pair_sums};

/// Takes measurements of activations `[batch, tokens, channels]` with one mask. Those of a GPU share pages, so that a
/// page is merged by one dispatch and read back in two pieces, however many layers and taps it is of.
#[derive(Debug)]
pub struct Recorder {
    /// 1 = real token, `[batch, tokens]`.
    mask: Tensor<2, Int>,
    /// How many measurements are still to come.
    expected: usize,
    pages: Vec<Page>,
    readings: Vec<Reading>,
    /// Pair sums `[batch, tokens, 4]` of comparisons alone.
    pairs: Vec<Tensor<3>>,
}

impl Recorder {
    /// For about `expected` measurements over the tokens that `mask` `[batch, tokens]` marks with 1.
    pub fn new(mask: Tensor<2, Int>, expected: usize) -> Self {
        Self {
            mask: mask.cast(IntDType::I32),
            expected,
            pages: Vec::new(),
            readings: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Starts statistics of `hidden` `[batch, tokens, channels]`, counting elements below `absolute_epsilon` if it is
    /// given. With `input`, the block's input of the same shape, the two are compared token by token on the way. The
    /// activation is read once.
    pub fn measure(
        &mut self,
        hidden: Tensor<3>,
        input: Option<Tensor<3>>,
        absolute_epsilon: Option<f64>,
    ) {
        let hidden = hidden.cast(DType::F32);
        let has_pairs = input.is_some();
        let input = input.map_or_else(|| hidden.clone(), |input| input.cast(DType::F32));
        let number = self.page_for(&hidden);
        let page = &mut self.pages[number];
        let (partials, results, counts) = <Dispatch as StatisticsOps>::statistics(
            hidden.into_dispatch(),
            input.into_dispatch(),
            self.mask.clone().into_dispatch(),
            page.partials.clone().into_dispatch(),
            page.results.clone().into_dispatch(),
            page.counts.clone().into_dispatch(),
            Slot {
                slot: page.used,
                slots: page.slots,
                threshold_bits: threshold_bits(absolute_epsilon),
                with_pair: has_pairs,
            },
        );
        page.partials = Tensor::from_dispatch(partials);
        page.results = Tensor::from_dispatch(results);
        page.counts = Tensor::from_dispatch(counts);
        self.readings.push(Reading::Statistics {
            page: number,
            slot: page.used,
            has_pairs,
            absolute_epsilon,
        });
        page.used += 1;
        self.expected = self.expected.saturating_sub(1);
    }

    /// Starts a comparison of two hidden states `[batch, tokens, channels]` alone.
    pub fn compare(&mut self, input: Tensor<3>, output: Tensor<3>) {
        let pairs = pair_sums(input.cast(DType::F32), output.cast(DType::F32));
        self.readings.push(Reading::Pairs(self.pairs.len()));
        self.pairs.push(pairs);
    }

    /// What was found, in the order in which it was started.
    ///
    /// # Errors
    /// When the device fails or returns less than it should.
    pub async fn collect(self) -> Result<Vec<BatchStatistics>, KernelError> {
        let [batch, tokens] = self.mask.dims();
        let pages = self.pages.into_iter();
        let pages = pages.map(|page| page.merged(batch, tokens)).collect();
        collect(self.mask, pages, self.pairs, &self.readings).await
    }

    /// A page with room for one more of the same channels.
    fn page_for(&mut self, hidden: &Tensor<3>) -> usize {
        let [batch, tokens, channels] = hidden.dims();
        let has_room = |page: &Page| page.channels == channels && page.used < page.slots;
        match self.pages.iter().position(has_room) {
            Some(number) => number,
            None => {
                let shape = [batch, tokens, channels];
                let page = Page::new(shape, self.expected, &hidden.device());
                self.pages.push(page);
                self.pages.len() - 1
            }
        }
    }
}
