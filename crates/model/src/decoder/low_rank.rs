//! Adapters as a checkpoint stores the maps that they lie on.

use layerlab_checkpoint::{
    DecoderSpec,
    families::{self, Map},
};

use super::adapters::{Adapters, place};
use crate::ModelError;

/// The change of one map, of which its checkpoint may store several as one: `scale · b · a`, added to `[outputs, inputs]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LowRank {
    /// Name of the map in the checkpoint, without `.weight`.
    pub name: String,
    /// Rank: that of the adapter, times the number of maps that are stored as one.
    pub rank: usize,
    /// Inputs of the map.
    pub inputs: usize,
    /// Outputs of the map.
    pub outputs: usize,
    /// `[rank, inputs]`.
    pub a: Vec<f32>,
    /// `[outputs, rank]`.
    pub b: Vec<f32>,
    /// What the product is multiplied by.
    pub scale: f64,
}

impl Adapters {
    /// The change of every map as the checkpoint of the decoder's family stores it. Where the family stores several maps as
    /// one, as query, key and value, their changes become one of so many times the rank, each in its own rows.
    ///
    /// # Errors
    /// When the family is unknown or the device fails.
    pub async fn low_rank(&self, spec: &DecoderSpec) -> Result<Vec<LowRank>, ModelError> {
        let names = families::named(spec.family)?.names;
        let stored = self.stored().await?;
        let values = |layer, map: Map, end: &str| {
            let name = format!("{}.{end}", place(layer, map));
            let mut found = stored.iter().filter(|tensor| tensor.name == name);
            found.next().map_or(&[][..], |tensor| &tensor.values)
        };
        let rank = self.shape.rank;
        let mut changes = Vec::new();
        for &layer in self.layers.iter().filter(|_| rank > 0) {
            for stored_map in names.stored_maps() {
                let shapes = stored_map.parts.iter().map(|map| map.shape(spec));
                let Some(shapes) = shapes.collect::<Option<Vec<_>>>() else {
                    continue;
                };
                let whole = rank * shapes.len();
                let inputs = shapes[0][0];
                let outputs = shapes.iter().map(|[_, outputs]| outputs).sum();
                let mut a = Vec::with_capacity(whole * inputs);
                let mut b = vec![0f32; outputs * whole];
                for (part, (&map, [_, outputs])) in stored_map.parts.iter().zip(&shapes).enumerate()
                {
                    let (down, up) = (values(layer, map, "down"), values(layer, map, "up"));
                    for column in 0..rank {
                        a.extend((0..inputs).map(|input| down[input * rank + column]));
                        for output in 0..*outputs {
                            let row = stored_map.row(spec, part, output);
                            b[row * whole + part * rank + column] = up[column * outputs + output];
                        }
                    }
                }
                let block = names.block.replace("{}", &layer.to_string());
                changes.push(LowRank {
                    name: format!("{}{block}{}", names.prefix, stored_map.name),
                    rank: whole,
                    inputs,
                    outputs,
                    a,
                    b,
                    scale: self.shape.scale(),
                });
            }
        }
        Ok(changes)
    }
}
