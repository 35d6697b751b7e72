//! Every family's hidden states and logits on the device, against those that `transformers` left in `tests/goldens`.

use std::{fs, ops::ControlFlow, path::Path};

use burn::tensor::Tensor;
use layerlab_lab::OpenDevice;
use layerlab_model::{
    Checkpoint, Decoder, Folder, NoObserver, PaddingSide, TokenBatch, WeightFormat,
};
use safetensors::SafeTensors;

use crate::Failed;

/// Of a layer's root mean square, as on native wgpu in `crates/model/tests`.
const TOLERANCE: f64 = 1e-3;

/// Prints how many families there are, how many of them are off, and by how much the worst is.
pub async fn compare(folder: &str, device: &OpenDevice) -> Result<(), Failed> {
    let (mut families, mut off, mut largest) = (0u32, 0u32, 0.0f64);
    let mut folders: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    folders.sort_by_key(fs::DirEntry::path);
    for entry in folders {
        let path = entry.path();
        if !path.join("golden.safetensors").exists() {
            continue;
        }
        let error = family(&path, device).await?;
        eprintln!("{}: {error:.1e}", path.display());
        families += 1;
        // What is no number is off as well.
        off += u32::from(error.is_nan() || error > TOLERANCE);
        largest = largest.max(error);
    }
    if families == 0 {
        return Err(format!("{folder} holds no goldens").into());
    }
    println!("families compared with transformers\t{families}");
    println!("of these, off by more than {TOLERANCE}\t{off}");
    println!("largest difference over a layer's root mean square\t{largest:e}");
    Ok(())
}

async fn family(path: &Path, device: &OpenDevice) -> Result<f64, Failed> {
    let checkpoint = Checkpoint::open(Folder::new(path)).await?;
    let mut go_on = |_| ControlFlow::Continue(());
    let format = WeightFormat::Stored;
    let decoder = Decoder::load(&checkpoint, &device.device, format, &mut go_on).await?;
    let bytes = fs::read(path.join("golden.safetensors"))?;
    let golden = SafeTensors::deserialize(&bytes)?;
    let mut worst = 0.0f64;
    for (side, prefix) in [(PaddingSide::Right, "right"), (PaddingSide::Left, "left")] {
        let ids = ints(&golden, &format!("{prefix}.input_ids"))?;
        let mask = ints(&golden, &format!("{prefix}.attention_mask"))?;
        let shape = golden
            .tensor(&format!("{prefix}.input_ids"))?
            .shape()
            .to_vec();
        let rows = ids.chunks(shape[1]).zip(mask.chunks(shape[1]));
        let sequences: Vec<Vec<u32>> = rows
            .map(|(ids, mask)| {
                let real = ids.iter().zip(mask).filter(|(_, mask)| **mask == 1);
                real.map(|(id, _)| *id as u32).collect()
            })
            .collect();
        let batch = TokenBatch::new(&sequences, side)?;
        let hidden = decoder.hidden_states(&batch, None, &mut NoObserver)?;
        for (name, found) in [
            ("final", hidden.clone()),
            ("logits", decoder.logits(hidden)),
        ] {
            let expected = golden.tensor(&format!("{prefix}.{name}"))?.data();
            let error = difference(found, expected, &mask).await?;
            worst = if error > worst || error.is_nan() {
                error
            } else {
                worst
            };
        }
    }
    Ok(worst)
}

fn ints(golden: &SafeTensors<'_>, name: &str) -> Result<Vec<i64>, Failed> {
    let words = golden.tensor(name)?;
    let words = words.data().as_chunks::<8>().0.iter();
    Ok(words.map(|word| i64::from_le_bytes(*word)).collect())
}

/// The largest difference over tokens that are no padding, over the root mean square of what is expected there.
async fn difference(found: Tensor<3>, expected: &[u8], mask: &[i64]) -> Result<f64, Failed> {
    let channels = found.dims()[2];
    let found = found.into_data_async().await?;
    let expected = expected.as_chunks::<4>().0.iter();
    let expected = expected.map(|word| f64::from(f32::from_le_bytes(*word)));
    let (mut largest, mut squares, mut count) = (0.0f64, 0.0, 0u32);
    for (place, (found, expected)) in found.iter::<f64>().zip(expected).enumerate() {
        if mask[place / channels] == 1 {
            let error = (found - expected).abs();
            largest = if error > largest || error.is_nan() {
                error
            } else {
                largest
            };
            squares += expected * expected;
            count += 1;
        }
    }
    Ok(largest / (squares / f64::from(count)).sqrt())
}
