//! What is measured during one pass: started at once, fetched together.

use burn::{
    backend::Dispatch,
    tensor::{DType, Device, Int, IntDType, Tensor, TensorData},
};

use crate::{
    BatchStatistics, Capability, KernelError,
    collect::{Reading, collect},
    layout::{PAIR_PARTS, count, row_floats, threshold_bits},
    statistics::{CHUNK, PARTIAL_PARTS, StatisticsOps, Wanted},
};

/// Bytes of partial results that a page may take.
const PAGE_BYTES: usize = 1 << 24;
/// Measurements of a page at most: what is not used of one is read back all the same.
const MOST_SLOTS: usize = 16;

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

/// Room for measurements of so many channels. See [`layout`](crate::layout) for what lies where.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub channels: usize,
    /// Measurements that it has room for.
    pub slots: usize,
    used: usize,
    partials: Tensor<1>,
    pub results: Tensor<1>,
    pub counts: Tensor<1, Int>,
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
            Wanted {
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
        let pairs = <Dispatch as StatisticsOps>::pair_sums(
            input.cast(DType::F32).into_dispatch(),
            output.cast(DType::F32).into_dispatch(),
            self.mask.clone().into_dispatch(),
        );
        self.readings.push(Reading::Pairs(self.pairs.len()));
        self.pairs.push(Tensor::from_dispatch(pairs));
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

impl Page {
    fn new([batch, tokens, channels]: [usize; 3], expected: usize, device: &Device) -> Self {
        // The CPU has results at once, and nothing to save by leaving them together.
        let has_own_memory = Capability::of(device).has_own_memory;
        let partials = batch * tokens.div_ceil(CHUNK) * PARTIAL_PARTS * channels;
        let most = PAGE_BYTES / (size_of::<f32>() * partials.max(1));
        let slots = if has_own_memory {
            expected.min(most).clamp(1, MOST_SLOTS)
        } else {
            1
        };
        let rows = if has_own_memory { slots * batch } else { 0 };
        let floats = |count: usize| Tensor::<1>::empty([count], (device, DType::F32));
        // Zeros are uploaded, which costs no dispatch.
        let zeros = TensorData::new(vec![0i32; rows * count::PARTS], [rows * count::PARTS]);
        Self {
            channels,
            slots,
            used: 0,
            partials: floats(if has_own_memory { slots * partials } else { 0 }),
            results: floats(rows * (row_floats(channels) + tokens * PAIR_PARTS)),
            counts: Tensor::from_data(zeros, (device, DType::I32)),
        }
    }

    /// With everything that results must have.
    fn merged(self, batch: usize, tokens: usize) -> Self {
        let results = <Dispatch as StatisticsOps>::merge(
            self.partials.clone().into_dispatch(),
            self.results.into_dispatch(),
            self.used * batch,
            tokens.div_ceil(CHUNK),
            self.channels,
        );
        Self {
            results: Tensor::from_dispatch(results),
            ..self
        }
    }
}
