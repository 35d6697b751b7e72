//! Which layers another program has removed.

use std::collections::BTreeSet;

use layerlab_model::{Checkpoint, ModelError, ModelFiles};

use crate::LabError;

/// The layers of `whole` that `pruned` lacks, by comparing weights: each of its layers must be one of the whole model's, in their order.
///
/// # Errors
/// When a model cannot be read, the two are of other families or sizes, or a layer is none of the whole model's.
pub async fn removed_layers<F: ModelFiles, G: ModelFiles>(
    whole: &Checkpoint<F>,
    pruned: &Checkpoint<G>,
) -> Result<Vec<usize>, LabError> {
    let (of_whole, of_pruned) = (whole.inventory().await?, pruned.inventory().await?);
    let sizes = |spec: &layerlab_model::DecoderSpec| {
        (
            spec.family,
            spec.hidden_size,
            spec.mlp.inner_size,
            spec.vocab_size,
        )
    };
    if sizes(of_whole.spec()) != sizes(of_pruned.spec()) {
        return Err(LabError::OtherModel);
    }
    let mut kept = BTreeSet::new();
    let mut next = 0;
    for layer in 0..of_pruned.spec().layers() {
        let wanted =
            first_values(pruned, &of_pruned.layout().block(layer).down.weight.name).await?;
        let mut found = None;
        for candidate in next..of_whole.spec().layers() {
            let name = of_whole.layout().block(candidate).down.weight.name;
            if are_near(&first_values(whole, &name).await?, &wanted) {
                found = Some(candidate);
                break;
            }
        }
        let Some(candidate) = found else {
            return Err(LabError::UnknownLayer { layer });
        };
        kept.insert(candidate);
        next = candidate + 1;
    }
    Ok((0..of_whole.spec().layers())
        .filter(|layer| !kept.contains(layer))
        .collect())
}

/// The first values of a tensor; no two layers share them.
async fn first_values<F: ModelFiles>(
    checkpoint: &Checkpoint<F>,
    name: &str,
) -> Result<Vec<f32>, LabError> {
    let values = checkpoint.read_f32_part(name, 0..VALUES).await;
    Ok(values.map_err(ModelError::from)?)
}

/// Values of a tensor that are compared.
const VALUES: usize = 1024;

/// Whether values are the same but for rounding to the coarsest type that others write, bfloat16.
fn are_near(a: &[f32], b: &[f32]) -> bool {
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= a.abs() / 128.0 + 1e-7;
    a.len() == b.len() && a.iter().zip(b).all(near)
}
