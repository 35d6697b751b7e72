//! The header of a safetensors file.

use std::collections::BTreeMap;

use safetensors::Dtype;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Arrangement, CheckpointError, TensorEntry};
use crate::{
    ModelFiles,
    files::{TELLING, check_genuine},
};

/// Bytes before the header: its length as a little-endian u64.
const PREFIX: u64 = 8;
/// The format's own limit.
const LONGEST: u64 = 100_000_000;
/// The one key of the header that is not a tensor: free text about the file.
const METADATA: &str = "__metadata__";

/// A tensor as the header has it. Places are counted in 64 bits, which safetensors' own type does not do in a browser.
#[derive(Deserialize)]
struct TensorInfo {
    dtype: Dtype,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// Tensors of one file, after checking that the header is sound and the file holds all its data.
/// Nothing is allocated on the word of the header alone.
pub(super) async fn read<F: ModelFiles>(
    files: &F,
    file: &str,
    size: u64,
) -> Result<BTreeMap<String, TensorEntry>, CheckpointError> {
    if size < PREFIX {
        return Err(CheckpointError::Truncated {
            file: file.into(),
            expected: PREFIX,
            found: size,
        });
    }
    let mut prefix = [0; PREFIX as usize];
    files.read_range(file, 0, &mut prefix).await?;
    let length = u64::from_le_bytes(prefix);
    if length > LONGEST || length > size - PREFIX {
        let mut beginning = vec![0; (TELLING as u64).min(size) as usize];
        files.read_range(file, 0, &mut beginning).await?;
        check_genuine(file, &beginning)?;
        if let Some(text) = as_text(&beginning) {
            return Err(CheckpointError::Text {
                file: file.into(),
                text,
            });
        }
        return Err(CheckpointError::HeaderLength {
            file: file.into(),
            length,
            size,
        });
    }
    let mut header = vec![0; length as usize];
    files.read_range(file, PREFIX, &mut header).await?;
    let malformed = |problem| CheckpointError::Header {
        file: file.into(),
        problem,
    };
    let tensors = parse(&header).map_err(malformed)?;
    let data = layout(&tensors).map_err(malformed)?;
    let start = PREFIX + length;
    let expected = start
        .checked_add(data)
        .ok_or_else(|| malformed("the tensors claim more bytes than any file has".into()))?;
    if size < expected {
        return Err(CheckpointError::Truncated {
            file: file.into(),
            expected,
            found: size,
        });
    }
    if size > expected {
        let surplus = size - expected;
        return Err(malformed(format!("{surplus} bytes follow the last tensor")));
    }
    let entry = |info: TensorInfo| TensorEntry {
        file: file.into(),
        dtype: info.dtype.into(),
        offset: start + info.data_offsets.0,
        bytes: info.data_offsets.1 - info.data_offsets.0,
        arrangement: Arrangement::AsIs,
        shape: info.shape,
    };
    Ok(tensors
        .into_iter()
        .map(|(name, info)| (name, entry(info)))
        .collect())
}

/// The beginning of a file that is nothing but text, such as what a server said instead of sending the file.
fn as_text(beginning: &[u8]) -> Option<String> {
    let printable = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let text = beginning.iter().all(printable);
    text.then(|| {
        let words = String::from_utf8_lossy(beginning);
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        words.chars().take(60).collect()
    })
}

/// The tensors that a header lists, in the order of their data.
fn parse(header: &[u8]) -> Result<Vec<(String, TensorInfo)>, String> {
    let mut fields: Map<String, Value> =
        serde_json::from_slice(header).map_err(|error| error.to_string())?;
    fields.remove(METADATA);
    let mut tensors = fields
        .into_iter()
        .map(|(name, value)| match serde_json::from_value(value) {
            Ok(info) => Ok((name, info)),
            Err(error) => Err(format!("tensor `{name}`: {error}")),
        })
        .collect::<Result<Vec<(String, TensorInfo)>, String>>()?;
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    Ok(tensors)
}

/// Bytes of data in all, after checking that tensors in the order of their data lie end to end and
/// that each is as long as its shape and type make it.
fn layout(tensors: &[(String, TensorInfo)]) -> Result<u64, String> {
    let (mut end, mut before) = (0, "the header");
    for (
        name,
        TensorInfo {
            dtype,
            shape,
            data_offsets: (first, last),
        },
    ) in tensors
    {
        if *first < end {
            return Err(format!(
                "tensor `{name}` begins at byte {first} of the data and overlaps `{before}`, \
                 which ends at {end}"
            ));
        }
        if *first > end {
            return Err(format!(
                "bytes {end} to {first} of the data, before tensor `{name}`, belong to no tensor"
            ));
        }
        let bits = shape
            .iter()
            .try_fold(dtype.bitsize() as u64, |bits, size| {
                bits.checked_mul(*size as u64)
            })
            .ok_or_else(|| format!("tensor `{name}` of shape {shape:?} is larger than any file"))?;
        if bits % 8 != 0 || last.checked_sub(*first) != Some(bits / 8) {
            return Err(format!(
                "tensor `{name}` of shape {shape:?} and type {dtype:?} does not take \
                 the bytes {first} to {last} that it claims"
            ));
        }
        (end, before) = (*last, name);
    }
    Ok(end)
}
