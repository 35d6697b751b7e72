//! A weight in the blocks of its file.

use std::{ops::Range, sync::Arc};

use burn::tensor::{Device, Tensor, TensorData};
use layerlab_stored::{Block, StoredType};

use super::panels::{InPanels, Panel};

/// The weight of a linear map as its file has it: for each output a row of whole blocks, which hold its inputs. It lies in the
/// host's memory; clones share it.
#[derive(Debug, Clone)]
pub struct Blocks {
    bytes: Arc<Vec<u8>>,
    stored: StoredType,
    block: Block,
    /// Which of the rows are meant.
    outputs: Range<usize>,
    inputs: usize,
}

impl Blocks {
    /// Of `[outputs, inputs]` values. None where the type is not read, rows are no whole blocks, or there are more or fewer
    /// bytes than so many values take.
    pub fn new(stored: StoredType, bytes: Vec<u8>, [outputs, inputs]: [usize; 2]) -> Option<Self> {
        let block = stored.block()?;
        let row = (inputs / block.values).checked_mul(block.bytes)?;
        let fits = inputs.is_multiple_of(block.values) && outputs.checked_mul(row)? == bytes.len();
        fits.then(|| Self {
            bytes: Arc::new(bytes),
            stored,
            block,
            outputs: 0..outputs,
            inputs,
        })
    }

    /// How its values are stored.
    pub fn stored(&self) -> StoredType {
        self.stored
    }

    /// Outputs and inputs.
    pub fn shape(&self) -> [usize; 2] {
        [self.outputs.len(), self.inputs]
    }

    /// Some neighbouring outputs, without a copy; those that there are not are left out.
    pub fn narrow(&self, outputs: Range<usize>) -> Self {
        let place = |output: usize| self.outputs.start + output.min(self.outputs.len());
        Self {
            outputs: place(outputs.start)..place(outputs.end),
            ..self.clone()
        }
    }

    /// A weight of some of the outputs, in the order in which they are named.
    ///
    /// # Panics
    /// Where there is no such output.
    pub fn taken(&self, outputs: &[usize]) -> Self {
        let row = self.inputs / self.block.values * self.block.bytes;
        let mut bytes = Vec::with_capacity(outputs.len() * row);
        for output in outputs {
            let place = (self.outputs.start + output) * row;
            bytes.extend_from_slice(&self.bytes[place..place + row]);
        }
        Self {
            bytes: Arc::new(bytes),
            outputs: 0..outputs.len(),
            ..self.clone()
        }
    }

    /// Values of some outputs, in the order in which they are named, as float32: `[outputs, inputs]`.
    ///
    /// # Panics
    /// Where there is no such output.
    pub fn rows(&self, outputs: &[u32]) -> Vec<f32> {
        let mut values = vec![0.0; outputs.len() * self.inputs];
        let rows = values.chunks_exact_mut(self.inputs.max(1));
        for (row, output) in rows.zip(outputs) {
            self.decode(*output as usize, 0..self.inputs, row);
        }
        values
    }

    /// All values `[outputs, inputs]` as float32.
    pub fn tensor(&self, device: &Device) -> Tensor<2> {
        let mut values = vec![0.0; self.outputs.len() * self.inputs];
        let rows = values.chunks_exact_mut(self.inputs.max(1));
        for (output, row) in rows.enumerate() {
            self.decode(output, 0..self.inputs, row);
        }
        Tensor::from_data(TensorData::new(values, self.shape()), device)
    }

    /// Some inputs of an output, which begin and end with a block.
    fn decode(&self, output: usize, inputs: Range<usize>, values: &mut [f32]) {
        let row = (self.outputs.start + output) * (self.inputs / self.block.values);
        let place = |input: usize| (row + input / self.block.values) * self.block.bytes;
        let bytes = &self.bytes[place(inputs.start)..place(inputs.end)];
        self.stored.decode(bytes, values);
    }
}

/// The map itself: from inputs to outputs.
pub(super) struct Forwards<'a>(pub &'a Blocks);

impl InPanels for Forwards<'_> {
    fn shape(&self) -> [usize; 2] {
        let [outputs, inputs] = self.0.shape();
        [inputs, outputs]
    }

    fn together(&self) -> usize {
        16
    }

    fn panel(&self, first: usize, width: usize) -> Panel {
        let inputs = self.0.inputs;
        let mut values = vec![0.0; width * inputs];
        let rows = values.chunks_exact_mut(inputs.max(1));
        for (output, row) in rows.enumerate() {
            self.0.decode(first + output, 0..inputs, row);
        }
        Panel {
            values,
            shape: [inputs, width],
            outputs_first: true,
        }
    }

    fn is_outputs_first(&self) -> bool {
        true
    }

    fn output(&self, output: usize, values: &mut [f32]) {
        self.0.decode(output, 0..self.0.inputs, values);
    }
}

/// The way of gradients: from outputs to inputs.
pub(super) struct Backwards<'a>(pub &'a Blocks);

impl InPanels for Backwards<'_> {
    fn shape(&self) -> [usize; 2] {
        self.0.shape()
    }

    fn together(&self) -> usize {
        self.0.block.values
    }

    fn panel(&self, first: usize, width: usize) -> Panel {
        let outputs = self.0.outputs.len();
        let mut values = vec![0.0; outputs * width];
        let rows = values.chunks_exact_mut(width.max(1));
        for (output, row) in rows.enumerate() {
            self.0.decode(output, first..first + width, row);
        }
        Panel {
            values,
            shape: [outputs, width],
            outputs_first: false,
        }
    }

    fn is_outputs_first(&self) -> bool {
        false
    }

    fn output(&self, input: usize, values: &mut [f32]) {
        values.copy_from_slice(&self.panel(input, 1).values);
    }
}
