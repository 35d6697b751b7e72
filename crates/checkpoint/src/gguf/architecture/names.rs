//! Names of tensors in GGUF files, those of Hugging Face for them, and what else is different there.

use std::collections::BTreeMap;

use super::rope::FACTOR_TENSORS;
use crate::{
    gguf::GgufError,
    tensors::{Arrangement, TensorEntry},
};

/// The names of one kind of model: those of the file, and those of Hugging Face. Both go without `.weight` and `.bias`.
pub(in crate::gguf) struct Names {
    /// Of what belongs to no block.
    pub shared: &'static [(&'static str, &'static str, Change)],
    /// What Hugging Face's names of a block begin with; `{}` is the layer.
    pub block: &'static str,
    /// Of what belongs to a block: in the file it begins with `blk.{}.`.
    pub within: &'static [&'static [(&'static str, &'static str, Change)]],
}

/// What must be done to a tensor, beside giving it its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gguf) enum Change {
    /// Nothing.
    Same,
    /// Rows within the heads of queries are put in order.
    Queries,
    /// Likewise of keys.
    Keys,
    /// Queries, keys and values are put together for each head.
    PerHead,
    /// Matrices are transposed.
    Transposed,
    /// One is taken away.
    MinusOne,
    /// It is cut into one for each head; `{}` of the name is the head.
    OneAHead,
    /// It is left out: the decoder makes it itself.
    LeftOut,
}

/// Heads of queries, and of keys and values.
pub(in crate::gguf) type HeadCounts = (u64, u64);

/// Tensors under the names of Hugging Face.
///
/// # Errors
/// When one is none of this kind of model, or is not of the size that the metadata makes it.
pub(in crate::gguf) fn renamed(
    names: &Names,
    heads: HeadCounts,
    tensors: &BTreeMap<String, TensorEntry>,
) -> Result<BTreeMap<String, TensorEntry>, GgufError> {
    let mut renamed = BTreeMap::new();
    for (name, entry) in tensors {
        // What they hold is in the configuration.
        if FACTOR_TENSORS.contains(&name.as_str()) {
            continue;
        }
        let Some((new, end, change)) = names.of(name) else {
            return Err(GgufError::Tensor {
                name: name.clone(),
                problem: "is none of this architecture's that are read: with it, the model computes something else than \
                          what can be run here"
                    .to_owned(),
            });
        };
        for (new, entry) in
            changed(&new, end, change, heads, entry).map_err(|problem| GgufError::Tensor {
                name: name.clone(),
                problem,
            })?
        {
            // Different names in the file may not become one.
            if renamed.insert(new.clone(), entry).is_some() {
                return Err(GgufError::Tensor {
                    name: name.clone(),
                    problem: format!("and another are both `{new}`"),
                });
            }
        }
    }
    Ok(renamed)
}

impl Names {
    /// The name in the file of what Hugging Face calls so, with its end, and what was done to it.
    pub fn in_file(&self, name: &str) -> Option<(String, Change)> {
        let (stem, end) = name.rsplit_once('.')?;
        if let Some((old, _, change)) = self.shared.iter().find(|(_, new, _)| *new == stem) {
            return Some((format!("{old}.{end}"), *change));
        }
        let (before, after) = self.block.split_once("{}")?;
        let (layer, within) = stem.strip_prefix(before)?.split_once(after)?;
        let mut pairs = self.within.iter().copied().flatten();
        let (old, _, change) = pairs.find(|(_, new, _)| *new == within)?;
        Some((format!("blk.{layer}.{old}.{end}"), *change))
    }

    /// Hugging Face's name without its end, the end, and what is to be done.
    fn of<'a>(&self, name: &'a str) -> Option<(String, &'a str, Change)> {
        let (stem, end) = ["weight", "bias"]
            .into_iter()
            .find_map(|end| Some((name.strip_suffix(end)?.strip_suffix('.')?, end)))?;
        let end = &name[name.len() - end.len()..];
        if let Some((_, new, change)) = self.shared.iter().find(|(old, ..)| *old == stem) {
            return Some(((*new).to_owned(), end, *change));
        }
        let (layer, within) = stem.strip_prefix("blk.")?.split_once('.')?;
        // As it is written: 007 is no layer.
        let is_number = layer
            .parse::<u32>()
            .is_ok_and(|number| number.to_string() == layer);
        let mut pairs = self.within.iter().copied().flatten();
        let (_, new, change) = pairs.find(|(old, ..)| *old == within)?;
        is_number.then(|| {
            let new = format!("{}{new}", self.block.replace("{}", layer));
            (new, end, *change)
        })
    }
}

/// What becomes of one tensor.
fn changed(
    name: &str,
    end: &str,
    change: Change,
    (heads, kv_heads): HeadCounts,
    entry: &TensorEntry,
) -> Result<Vec<(String, TensorEntry)>, String> {
    let mut entry = entry.clone();
    let full = || format!("{name}.{end}");
    let count = |heads: u64| usize::try_from(heads).unwrap_or(usize::MAX);
    entry.arrangement = match change {
        Change::Same => Arrangement::AsIs,
        Change::Queries => Arrangement::HalvesByTurns {
            heads: count(heads),
        },
        Change::Keys => Arrangement::HalvesByTurns {
            heads: count(kv_heads),
        },
        Change::PerHead => Arrangement::Thirds {
            heads: count(heads),
        },
        Change::Transposed if entry.shape.len() == 2 => {
            entry.shape.reverse();
            Arrangement::Transposed
        }
        Change::Transposed => Arrangement::AsIs,
        Change::MinusOne => Arrangement::PlusOne,
        Change::OneAHead => return one_a_head(name, end, &entry),
        Change::LeftOut => return Ok(Vec::new()),
    };
    let rows = entry.shape.first().copied().unwrap_or(1);
    if !entry.arrangement.fits(rows) {
        return Err(format!(
            "has {rows} rows, which do not make {heads} heads of queries and {kv_heads} of keys"
        ));
    }
    Ok(vec![(full(), entry)])
}

/// A matrix with a row for each head as so many vectors.
fn one_a_head(
    name: &str,
    end: &str,
    entry: &TensorEntry,
) -> Result<Vec<(String, TensorEntry)>, String> {
    // Of one head, it is a vector.
    let (heads, width) = match entry.shape[..] {
        [width] => (1, width),
        [heads, width] => (heads, width),
        _ => {
            return Err(format!(
                "has shape {:?}; there is a row for each head",
                entry.shape
            ));
        }
    };
    let bytes = entry.bytes / heads as u64;
    let of_head = |head: usize| {
        let name = format!("{}.{end}", name.replace("{}", &head.to_string()));
        let entry = TensorEntry {
            shape: vec![width],
            offset: entry.offset + head as u64 * bytes,
            bytes,
            ..entry.clone()
        };
        (name, entry)
    };
    Ok((0..heads).map(of_head).collect())
}
