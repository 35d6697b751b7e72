//! Tensors on their way from the checkpoint to the device.

use std::ops::ControlFlow;

use burn::{
    module::Param,
    tensor::{DType, Tensor, TensorData},
};
use half::{bf16, f16};
use layerlab_kernels::{Capability, ops::linear::Blocks};

use super::{LoadProgress, Loader, WeightFormat};
use crate::{
    ModelError, ModelFiles,
    decoder::weight::Weight,
    families::{ExpectedTensor, LinearLayout},
    tensors::StoredValues,
};

/// Values that go to a GPU together, 16 MB.
pub(super) const AT_ONCE: usize = 1 << 22;

/// Values in the form in which a device is to hold them.
pub(super) enum HeldValues {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
    /// Of a matrix whose rows are outputs.
    Blocks(Blocks),
}

impl<F: ModelFiles> Loader<'_, F> {
    /// The bytes of a tensor are counted as moved.
    pub(super) fn count(&mut self, wanted: &ExpectedTensor) {
        let entry = self.checkpoint.entry(&wanted.name);
        self.bytes += entry.map_or(0, |entry| entry.bytes);
    }

    pub(super) fn report(&mut self) -> Result<(), ModelError> {
        let progress = (self.progress)(LoadProgress {
            bytes: self.bytes,
            total: self.checkpoint.weight_bytes(),
        });
        match progress {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ModelError::Interrupted),
        }
    }

    /// Values of a tensor.
    pub(super) async fn values(&mut self, wanted: &ExpectedTensor) -> Result<Vec<f32>, ModelError> {
        self.count(wanted);
        let values = self.checkpoint.read_f32(&wanted.name).await?;
        self.report()?;
        Ok(values)
    }

    /// Values of a matrix as the device is to hold them.
    pub(super) async fn held_values(
        &mut self,
        wanted: &ExpectedTensor,
        layout: LinearLayout,
    ) -> Result<HeldValues, ModelError> {
        // GPUs do not read blocks.
        if self.keeps_stored() && (!self.has_own_memory() || self.keeps_halves(wanted)) {
            let stored = self.checkpoint.read_as_stored(&wanted.name).await?;
            let held = stored.and_then(|stored| match (stored, layout, &wanted.shape[..]) {
                (StoredValues::F16(values), ..) => Some(HeldValues::F16(values)),
                (StoredValues::Bf16(values), ..) => Some(HeldValues::Bf16(values)),
                (
                    StoredValues::Blocks(stored, bytes),
                    LinearLayout::OutputsFirst,
                    &[outputs, inputs],
                ) => Blocks::new(stored, bytes, [outputs, inputs]).map(HeldValues::Blocks),
                // No family has blocks otherwise; float32 is right for any.
                _ => None,
            });
            if let Some(held) = held {
                self.count(wanted);
                self.report()?;
                return Ok(held);
            }
        }
        Ok(HeldValues::F32(self.values(wanted).await?))
    }

    /// The weight of a map, or an embedding.
    pub(super) async fn weight(
        &mut self,
        wanted: &ExpectedTensor,
        layout: LinearLayout,
    ) -> Result<Weight, ModelError> {
        let Ok(shape) = <[usize; 2]>::try_from(wanted.shape.as_slice()) else {
            return Err(ModelError::TensorShape {
                name: wanted.name.clone(),
                expected: vec![0; 2],
                found: wanted.shape.clone(),
            });
        };
        if self.has_own_memory() {
            if layout == LinearLayout::OutputsFirst
                && let Some(weight) = self.halves_by_rows(wanted, shape).await?
            {
                return Ok(weight);
            }
            if !self.keeps_halves(wanted) {
                return Ok(turned(self.tensor(wanted).await?, layout));
            }
        }
        let held = self.held_values(wanted, layout).await?;
        Ok(self.held(held, shape, layout))
    }

    /// A weight of values in the given layout, which have this shape there.
    pub(super) fn held(&self, held: HeldValues, shape: [usize; 2], layout: LinearLayout) -> Weight {
        let held = match self.has_own_memory() {
            true => match self.packed(held, shape, layout) {
                Ok(weight) => return weight,
                Err(held) => held,
            },
            false => held,
        };
        let (data, dtype) = match held {
            HeldValues::F32(values) => (TensorData::new(values, shape), DType::F32),
            HeldValues::F16(values) => (TensorData::new(values, shape), DType::F16),
            HeldValues::Bf16(values) => (TensorData::new(values, shape), DType::BF16),
            HeldValues::Blocks(blocks) => return Weight::of_stored(blocks),
        };
        turned(Tensor::from_data(data, (self.device, dtype)), layout)
    }

    /// Values of a tensor, as a tensor. It goes to a GPU in parts of whole rows: what is held meanwhile is a few of them. On the
    /// CPU the values become the tensor without a copy.
    pub(super) async fn tensor<const D: usize>(
        &mut self,
        wanted: &ExpectedTensor,
    ) -> Result<Tensor<D>, ModelError> {
        let Ok(shape) = <[usize; D]>::try_from(wanted.shape.as_slice()) else {
            return Err(ModelError::TensorShape {
                name: wanted.name.clone(),
                expected: vec![0; D],
                found: wanted.shape.clone(),
            });
        };
        let width: usize = shape[1..].iter().product();
        let rows = (AT_ONCE / width.max(1)).max(1);
        if shape[0] <= rows || !self.has_own_memory() {
            let values = self.values(wanted).await?;
            let uploaded = self.upload(values, shape);
            self.settle(&uploaded).await?;
            return Ok(uploaded);
        }
        self.count(wanted);
        let mut parts = Vec::new();
        for first in (0..shape[0]).step_by(rows) {
            let mut part = shape;
            part[0] = rows.min(shape[0] - first);
            let values = first * width..(first + part[0]) * width;
            let values = self.checkpoint.read_f32_part(&wanted.name, values).await?;
            let uploaded = self.upload(values, part);
            self.settle(&uploaded).await?;
            parts.push(uploaded);
        }
        self.report()?;
        let tensor = Tensor::cat(parts, 0);
        self.settle(&tensor).await?;
        Ok(tensor)
    }

    fn has_own_memory(&self) -> bool {
        Capability::of(self.device).has_own_memory
    }

    /// Whether weights stay as the file has them, where the device can.
    pub(super) fn keeps_stored(&self) -> bool {
        self.format == WeightFormat::Stored
    }

    /// Waits until a GPU has what was handed over, now and then: until then the values are held here.
    async fn settle<const D: usize>(&mut self, uploaded: &Tensor<D>) -> Result<(), ModelError> {
        self.unsettled += uploaded.shape().num_elements();
        if self.unsettled >= AT_ONCE && self.has_own_memory() {
            self.unsettled = 0;
            let one = uploaded.clone().slice([const { 0..1 }; D]);
            one.into_data_async().await?;
        }
        Ok(())
    }

    pub(super) fn upload<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), self.device)
    }

    pub(super) async fn vector(
        &mut self,
        wanted: &ExpectedTensor,
    ) -> Result<Param<Tensor<1>>, ModelError> {
        Ok(Param::from_tensor(self.tensor(wanted).await?))
    }
}

/// Burn wants `[inputs, outputs]`; PyTorch's order is turned by a view, not by a copy.
fn turned(stored: Tensor<2>, layout: LinearLayout) -> Weight {
    Weight::of_values(match layout {
        LinearLayout::OutputsFirst => stored.transpose(),
        LinearLayout::InputsFirst => stored,
    })
}
