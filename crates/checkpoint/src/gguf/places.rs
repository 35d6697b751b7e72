//! Where the tensors of a file lie, once they have been found to lie within it and apart from each other.

use std::collections::BTreeMap;

use super::{
    GgufError,
    header::{Described, Header, malformed},
    types::{Known, known},
};
use crate::tensors::{Arrangement, StoredType, TensorEntry};

/// Tensors that are named; the rest are counted.
const NAMED: usize = 3;

/// The tensors of a file by their names in it. Nothing is allocated for their values.
pub(super) fn entries(
    file: &str,
    size: u64,
    header: &Header,
) -> Result<BTreeMap<String, TensorEntry>, GgufError> {
    check_types(file, &header.tensors)?;
    let mut entries = BTreeMap::new();
    for described in &header.tensors {
        let entry = entry(file, size, header, described)?;
        if entries.insert(described.name.clone(), entry).is_some() {
            let problem = format!("the tensor `{}` is there twice", described.name);
            return Err(malformed(file, problem));
        }
    }
    let mut by_place: Vec<(&String, &TensorEntry)> = entries.iter().collect();
    by_place.sort_by_key(|(_, entry)| entry.offset);
    for pair in by_place.windows(2) {
        if let [(first, before), (second, after)] = pair
            && before.offset + before.bytes > after.offset
        {
            let problem = format!("the tensors `{first}` and `{second}` overlap");
            return Err(malformed(file, problem));
        }
    }
    Ok(entries)
}

/// Refuses types that are not read, all tensors of the first such type at once.
fn check_types(file: &str, tensors: &[Described]) -> Result<(), GgufError> {
    let unread = |tensor: &&Described| !matches!(known(tensor.kind), Known::Read(_));
    let Some(first) = tensors.iter().find(unread) else {
        return Ok(());
    };
    let stored = match known(first.kind) {
        Known::Unread(name) => name.to_owned(),
        _ => {
            let problem = format!(
                "tensor `{}` is of type {}, which ggml does not have",
                first.name, first.kind
            );
            return Err(malformed(file, problem));
        }
    };
    let alike = tensors.iter().filter(|tensor| tensor.kind == first.kind);
    let count = alike.clone().count();
    let names: Vec<&str> = alike
        .take(NAMED)
        .map(|tensor| tensor.name.as_str())
        .collect();
    let more = match count.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let verb = if count == 1 { "is" } else { "are" };
    Err(GgufError::UnreadType {
        file: file.to_owned(),
        tensors: format!("{}{more} {verb} stored as", names.join(", ")),
        stored,
    })
}

fn entry(
    file: &str,
    size: u64,
    header: &Header,
    described: &Described,
) -> Result<TensorEntry, GgufError> {
    let Described {
        name,
        shape,
        kind,
        offset,
    } = described;
    let bad = |problem: String| malformed(file, format!("tensor `{name}` {problem}"));
    if !offset.is_multiple_of(header.alignment) {
        return Err(bad(format!(
            "begins at byte {offset} of the data, which is no multiple of {}",
            header.alignment
        )));
    }
    let dtype = match known(*kind) {
        Known::Read(dtype) => dtype,
        _ => return Err(bad(format!("is of type {kind}, which is not read"))),
    };
    let bytes = bytes_of(dtype, shape).map_err(&bad)?;
    let place = header.data.checked_add(*offset);
    let end = place.and_then(|place| place.checked_add(bytes));
    let (Some(place), Some(end)) = (place, end) else {
        return Err(bad("begins beyond any file's end".to_owned()));
    };
    if end > size {
        return Err(GgufError::Truncated {
            file: file.to_owned(),
            what: format!("tensor `{name}`"),
            expected: end,
            found: size,
        });
    }
    // Each is at most the number of bytes that the file has, but for what 32 bits cannot count.
    let shape: Result<Vec<usize>, _> = shape.iter().map(|size| usize::try_from(*size)).collect();
    Ok(TensorEntry {
        file: file.to_owned(),
        dtype,
        shape: shape.map_err(|_| bad("is larger than this machine can count".to_owned()))?,
        offset: place,
        bytes,
        arrangement: Arrangement::AsIs,
    })
}

/// Bytes of a tensor, whose rows are whole blocks.
fn bytes_of(dtype: StoredType, shape: &[u64]) -> Result<u64, String> {
    let too_large = || format!("of shape {shape:?} is larger than any file");
    let Some(block) = dtype.block() else {
        return Err(format!("is stored as {dtype}, which is not read"));
    };
    let row = shape.last().copied().unwrap_or(1);
    if shape.contains(&0) {
        return Err(format!("of shape {shape:?} has no values"));
    }
    if !row.is_multiple_of(block.values as u64) {
        return Err(format!(
            "has rows of {row} values, which are no whole blocks of {} ({dtype})",
            block.values
        ));
    }
    let values = shape
        .iter()
        .try_fold(1u64, |values, size| values.checked_mul(*size))
        .ok_or_else(too_large)?;
    let bytes = (values / block.values as u64).checked_mul(block.bytes as u64);
    bytes.ok_or_else(too_large)
}
