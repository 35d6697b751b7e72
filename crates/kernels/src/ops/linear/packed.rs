//! A weight of two bytes a value on a GPU. WebGPU has such a type on some adapters only, and Burn's products want float32:
//! here two values lie in an integer of four bytes, and become float32 within a product.

use std::ops::Range;

use burn::{
    backend::Cube,
    tensor::{Device, ExecutionError, Int, Tensor, TensorData},
};
use half::{bf16, f16};
use layerlab_stored::StoredType;

use super::packed_gpu::unpacked;

/// The weight of a linear map: for each output a row of its inputs. It lies where its tensor does; clones share it.
#[derive(Debug, Clone)]
pub struct PackedHalves {
    /// `[outputs, inputs / 2]`, rounded up: the earlier of two values in the lower half.
    words: Tensor<2, Int>,
    form: Form,
    inputs: usize,
}

/// Values of two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    F16,
    Bf16,
}

impl PackedHalves {
    /// Of the bits of values `[outputs, inputs]`, which go to `device`. None where `stored` is no type of two bytes, or there
    /// are more or fewer values.
    pub fn new(
        stored: StoredType,
        bits: &[u16],
        [outputs, inputs]: [usize; 2],
        device: &Device,
    ) -> Option<Self> {
        let form = match stored {
            StoredType::F16 => Form::F16,
            StoredType::BF16 => Form::Bf16,
            _ => return None,
        };
        if inputs == 0 || outputs.checked_mul(inputs)? != bits.len() {
            return None;
        }
        let pairs = bits.chunks(inputs).flat_map(|row| row.chunks(2));
        let words = pairs.map(|pair| {
            let high = pair.get(1).copied().unwrap_or_default();
            (u32::from(high) << 16 | u32::from(pair[0])).cast_signed()
        });
        let words = TensorData::new(words.collect(), [outputs, inputs.div_ceil(2)]);
        Some(Self {
            words: Tensor::from_data(words, device),
            form,
            inputs,
        })
    }

    /// One weight of the outputs of several that have the same inputs; none where there is none.
    pub fn joined(parts: Vec<Self>) -> Option<Self> {
        let (form, inputs) = parts.first().map(|part| (part.form, part.inputs))?;
        let words = parts.into_iter().map(|part| part.words).collect();
        Some(Self {
            words: Tensor::cat(words, 0),
            form,
            inputs,
        })
    }

    /// Outputs and inputs.
    pub fn shape(&self) -> [usize; 2] {
        [self.words.dims()[0], self.inputs]
    }

    /// Waits until the device has the weight, by asking for a part of it.
    pub async fn settled(&self) -> Result<(), ExecutionError> {
        let one = self.words.clone().slice([0..1, 0..1]);
        one.into_data_async().await.map(|_| ())
    }

    pub(super) fn narrow(&self, outputs: Range<usize>) -> Self {
        let count = self.shape()[0];
        let (start, end) = (outputs.start.min(count), outputs.end.min(count));
        Self {
            words: self.words.clone().narrow(0, start, end - start),
            ..self.clone()
        }
    }

    /// A weight of some of the outputs, in the order in which they are named.
    pub(super) fn rows(&self, outputs: &[u32]) -> Self {
        // No vocabulary comes near 2^31.
        let places: Vec<i32> = outputs.iter().map(|output| output.cast_signed()).collect();
        let places = TensorData::new(places, [outputs.len()]);
        let places = Tensor::from_data(places, &self.words.device());
        Self {
            words: self.words.clone().select(0, places),
            ..self.clone()
        }
    }

    /// All values `[outputs, inputs]` as float32, on the device where the weight lies.
    pub(super) fn values(&self) -> Tensor<2> {
        let (form, shape) = (self.form, self.shape());
        match self.words.clone().try_into_primitive::<Cube>() {
            Ok(words) => Tensor::from_primitive::<Cube>(unpacked(words, form, shape)),
            Err(_) => self.by_definition(),
        }
    }

    /// The same on the host.
    fn by_definition(&self) -> Tensor<2> {
        let per_row = self.inputs.div_ceil(2).max(1);
        let words: Vec<u32> = self
            .words
            .to_data()
            .iter::<i32>()
            .map(i32::cast_unsigned)
            .collect();
        let widened = |bits: u16| match self.form {
            Form::F16 => f16::from_bits(bits).to_f32(),
            Form::Bf16 => bf16::from_bits(bits).to_f32(),
        };
        let rows = words.chunks(per_row).flat_map(|row| {
            let pairs = row
                .iter()
                .flat_map(|word| [*word as u16, (*word >> 16) as u16]);
            pairs.take(self.inputs).map(widened)
        });
        Tensor::from_data(
            TensorData::new(rows.collect::<Vec<f32>>(), self.shape()),
            &self.words.device(),
        )
    }

    pub(super) fn words(&self) -> (Tensor<2, Int>, Form) {
        (self.words.clone(), self.form)
    }
}
