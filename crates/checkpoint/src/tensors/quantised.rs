//! Weights that are quantised without a word of it in `config.json`, told by what lies beside them.

use super::CheckpointError;

/// How names of tensors end that only quantised weights have beside them, and what makes such.
const SIGNS: [(&str, &str); 13] = [
    (".g_idx", "GPTQ"),
    (".qweight", "GPTQ or AWQ"),
    (".qzeros", "GPTQ or AWQ"),
    (".scales", "GPTQ, AWQ or MLX"),
    (".weight_packed", "compressed-tensors"),
    (".weight_scale_inv", "FP8"),
    (".weight_scale", "FP8 or compressed-tensors"),
    (".absmax", "bitsandbytes, 4 bits"),
    (".quant_map", "bitsandbytes, 4 bits"),
    (".SCB", "bitsandbytes, 8 bits"),
    (".W_q", "HQQ"),
    (".codebooks", "AQLM"),
    ("._data", "quanto"),
];

/// Refuses weights of which one has such a name, among those that the decoder does not ask for.
pub(super) fn check<'a>(unused: impl Iterator<Item = &'a str>) -> Result<(), CheckpointError> {
    for name in unused {
        if let Some((_, scheme)) = SIGNS.iter().find(|(end, _)| name.ends_with(end)) {
            return Err(CheckpointError::Quantised {
                scheme,
                name: name.to_owned(),
            });
        }
    }
    Ok(())
}
