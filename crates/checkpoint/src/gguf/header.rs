//! The header of one GGUF file: metadata, and which tensors there are.

use crate::{
    ModelFiles,
    files::{TELLING, check_genuine},
};

use super::{
    GgufError,
    cursor::{Cursor, Stop},
    metadata::Metadata,
};

/// Bytes read at first; as many again as there are until the header has ended.
const FIRST: u64 = 64 << 10;
/// A header beyond this is none: those of the largest vocabularies have some ten megabytes.
const LONGEST: u64 = 256 << 20;
const MAGIC: [u8; 4] = *b"GGUF";
/// How ggml's files began before there was GGUF.
const OLDER: [&[u8; 4]; 4] = [b"lmgg", b"tjgg", b"algg", b"fmgg"];
/// Where tensors begin, if the metadata does not say it: at multiples of this.
const ALIGNMENT: u64 = 32;
/// Dimensions that ggml's tensors have at most.
const DIMENSIONS: u32 = 4;
/// Bytes that the description of a tensor takes at least: its name's length, one dimension, type, place.
const LEAST_TENSOR: u64 = 8 + 4 + 8 + 4 + 8;

/// A tensor as the header describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    /// Its name in the file.
    pub name: String,
    /// Its dimensions, slowest first, as everywhere but in GGUF.
    pub shape: Vec<u64>,
    /// The number of its type.
    pub kind: u32,
    /// Where its data begin, in bytes from where all data do.
    pub offset: u64,
}

/// What a file's header says.
#[derive(Debug)]
pub(super) struct Header {
    pub metadata: Metadata,
    pub tensors: Vec<Described>,
    /// Where tensors may begin: at multiples of this, counted from `data`.
    pub alignment: u64,
    /// Where data begin, in bytes from the start of the file.
    pub data: u64,
}

/// Reads a header, a growing part of the file at a time.
pub(super) async fn read<F: ModelFiles>(
    files: &F,
    file: &str,
    size: u64,
) -> Result<Header, GgufError> {
    let mut bytes = Vec::new();
    let mut wanted = FIRST;
    loop {
        let length = wanted.min(size) as usize;
        let before = bytes.len();
        bytes.resize(length, 0);
        files
            .read_range(file, before as u64, &mut bytes[before..])
            .await?;
        if before == 0 {
            check_beginning(file, &bytes)?;
        }
        match parse(&bytes, size) {
            Ok((mut header, end)) => {
                bytes.truncate(end);
                header.metadata = header.metadata.with_header(bytes);
                return Ok(header);
            }
            Err(Stop::More(needed)) if needed > LONGEST => {
                return Err(malformed(file, "it goes on beyond 256 MB".to_owned()));
            }
            Err(Stop::More(needed)) => {
                wanted = needed.max(length as u64 * 2).min(LONGEST);
            }
            Err(Stop::End { what, needed }) => {
                return Err(GgufError::Truncated {
                    file: file.to_owned(),
                    what: what.to_owned(),
                    expected: needed,
                    found: size,
                });
            }
            Err(Stop::Bad(problem)) => return Err(malformed(file, problem)),
        }
    }
}

pub(super) fn malformed(file: &str, problem: String) -> GgufError {
    GgufError::Header {
        file: file.to_owned(),
        problem,
    }
}

/// Refuses what is no GGUF file, or none of a version that is read.
fn check_beginning(file: &str, bytes: &[u8]) -> Result<(), GgufError> {
    let not = |what: &str| {
        Err(GgufError::NotGguf {
            file: file.to_owned(),
            what: what.to_owned(),
        })
    };
    let Some((magic, rest)) = bytes.split_first_chunk::<4>() else {
        return not("it is empty or nearly so; download it again");
    };
    if OLDER.contains(&magic) {
        return not(
            "it is of the format that ggml had before; convert the original model with llama.cpp's convert_hf_to_gguf.py",
        );
    }
    if *magic != MAGIC {
        check_genuine(file, &bytes[..bytes.len().min(TELLING)])?;
        return not("it does not begin with the letters GGUF; download it again");
    }
    let Some((version, _)) = rest.split_first_chunk() else {
        return not("it ends after four bytes; download it again");
    };
    match (u32::from_le_bytes(*version), u32::from_be_bytes(*version)) {
        (2 | 3, _) => Ok(()),
        (_, 1..=3) => Err(GgufError::BigEndian {
            file: file.to_owned(),
        }),
        (found, _) => Err(GgufError::Version {
            file: file.to_owned(),
            found,
        }),
    }
}

/// The header, and where it ends.
fn parse(bytes: &[u8], size: u64) -> Result<(Header, usize), Stop> {
    let mut cursor = Cursor::new(bytes, size);
    cursor.take(8, "the beginning")?;
    let tensors = cursor.count(LEAST_TENSOR, "tensors")?;
    let pairs = cursor.count(Metadata::least_pair(), "pairs of metadata")?;
    let metadata = Metadata::read(&mut cursor, pairs)?;
    let alignment = alignment(&metadata)?;
    let mut described = Vec::new();
    for _ in 0..tensors {
        described.push(tensor(&mut cursor)?);
    }
    let end = cursor.place();
    let data = (end as u64).checked_next_multiple_of(alignment);
    let header = Header {
        metadata,
        tensors: described,
        alignment,
        data: data.unwrap_or(u64::MAX),
    };
    Ok((header, end))
}

fn alignment(metadata: &Metadata) -> Result<u64, Stop> {
    const KEY: &str = "general.alignment";
    let alignment = match metadata.natural(KEY) {
        Ok(alignment) => alignment.unwrap_or(ALIGNMENT),
        Err(error) => return Err(Stop::Bad(error.to_string())),
    };
    match alignment.is_power_of_two() {
        true => Ok(alignment),
        false => Err(Stop::Bad(format!(
            "`{KEY}` is {alignment}, which is no power of two"
        ))),
    }
}

fn tensor(cursor: &mut Cursor<'_>) -> Result<Described, Stop> {
    const WHAT: &str = "the description of a tensor";
    let name = cursor.string("the name of a tensor")?.to_owned();
    let dimensions = cursor.u32(WHAT)?;
    if dimensions > DIMENSIONS {
        return Err(Stop::Bad(format!(
            "tensor `{name}` has {dimensions} dimensions; there are {DIMENSIONS} at most"
        )));
    }
    let mut shape = Vec::with_capacity(dimensions as usize);
    for _ in 0..dimensions {
        shape.push(cursor.u64(WHAT)?);
    }
    shape.reverse();
    Ok(Described {
        name,
        shape,
        kind: cursor.u32(WHAT)?,
        offset: cursor.u64(WHAT)?,
    })
}
