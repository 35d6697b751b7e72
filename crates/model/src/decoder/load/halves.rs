//! Weights of two bytes a value on their way to a GPU.

use half::{bf16, f16};
use layerlab_kernels::ops::linear::PackedHalves;

use super::{
    Loader,
    tensors::{AT_ONCE, HeldValues},
};
use crate::{
    ModelError, ModelFiles,
    decoder::weight::Weight,
    families::{ExpectedTensor, LinearLayout},
    tensors::{CheckpointError, StoredType},
};

impl<F: ModelFiles> Loader<'_, F> {
    /// The weight `[outputs, inputs]` as the file has it, which goes to the GPU in parts of whole rows: what is held meanwhile
    /// is a few of them. None where its values have another size or lie otherwise.
    pub(super) async fn halves_by_rows(
        &mut self,
        wanted: &ExpectedTensor,
        [outputs, inputs]: [usize; 2],
    ) -> Result<Option<Weight>, ModelError> {
        if !self.keeps_halves(wanted) {
            return Ok(None);
        }
        let rows = (AT_ONCE / inputs.max(1)).max(1);
        let (mut parts, mut bad) = (Vec::new(), 0);
        for first in (0..outputs).step_by(rows) {
            let some = first..outputs.min(first + rows);
            let shape = [some.len(), inputs];
            let Some(read) = self.checkpoint.read_rows(&wanted.name, some).await? else {
                return Ok(None);
            };
            let pairs = read.bytes.as_chunks().0.iter();
            let bits: Vec<u16> = pairs.map(|pair| u16::from_le_bytes(*pair)).collect();
            bad += not_finite(read.stored, &bits);
            let Some(part) = PackedHalves::new(read.stored, &bits, shape, self.device) else {
                return Ok(None);
            };
            self.unsettled += bits.len() / 2;
            if self.unsettled >= AT_ONCE {
                self.unsettled = 0;
                part.settled().await?;
            }
            parts.push(part);
        }
        if bad > 0 {
            return Err(ModelError::from(CheckpointError::NotFinite {
                name: wanted.name.clone(),
                count: bad,
                total: outputs * inputs,
            }));
        }
        self.count(wanted);
        self.report()?;
        let weight = PackedHalves::joined(parts);
        Ok(weight.map(Weight::of_stored))
    }

    /// Whether the tensor stays at two bytes a value on a GPU.
    pub(super) fn keeps_halves(&self, wanted: &ExpectedTensor) -> bool {
        let stored = self.checkpoint.entry(&wanted.name).map(|entry| entry.dtype);
        self.keeps_stored() && matches!(stored, Some(StoredType::F16 | StoredType::BF16))
    }

    /// Values in the given layout, which have this shape there, as a GPU is to hold them; given back where they are of another
    /// size.
    pub(super) fn packed(
        &self,
        held: HeldValues,
        [rows, columns]: [usize; 2],
        layout: LinearLayout,
    ) -> Result<Weight, HeldValues> {
        let (stored, bits): (_, Vec<u16>) = match &held {
            HeldValues::F16(values) => {
                let bits = values.iter().map(|value| value.to_bits());
                (StoredType::F16, bits.collect())
            }
            HeldValues::Bf16(values) => {
                let bits = values.iter().map(|value| value.to_bits());
                (StoredType::BF16, bits.collect())
            }
            _ => return Err(held),
        };
        let (bits, shape) = match layout {
            LinearLayout::OutputsFirst => (bits, [rows, columns]),
            LinearLayout::InputsFirst => {
                let turned = (0..columns)
                    .flat_map(|column| bits.iter().skip(column).step_by(columns).copied());
                (turned.collect(), [columns, rows])
            }
        };
        match PackedHalves::new(stored, &bits, shape, self.device) {
            Some(weight) => Ok(Weight::of_stored(weight)),
            None => Err(held),
        }
    }
}

fn not_finite(stored: StoredType, bits: &[u16]) -> usize {
    let is_finite = |bits: u16| match stored {
        StoredType::F16 => f16::from_bits(bits).is_finite(),
        _ => bf16::from_bits(bits).is_finite(),
    };
    bits.iter().filter(|bits| !is_finite(**bits)).count()
}
