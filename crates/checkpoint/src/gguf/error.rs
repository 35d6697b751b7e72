//! What can be wrong with GGUF files.

use thiserror::Error;

use crate::files::FileError;

/// A GGUF file that cannot be read.
#[derive(Debug, Error)]
pub enum GgufError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Several files that do not belong together.
    #[error(
        "{place} has several GGUF files: {names}; which of them is the model cannot be told, give one by its path"
    )]
    Several {
        /// Where they lie.
        place: String,
        /// Their names.
        names: String,
    },
    /// Parts of a split model that are not there.
    #[error("{missing} is missing: the model is in {count} files, which must all lie together")]
    MissingPart {
        /// The first of them.
        missing: String,
        /// How many there should be.
        count: usize,
    },
    /// A part that says something else of itself than its name does.
    #[error("{file} is part {part} of {count} by what it says; {cure}")]
    WrongPart {
        /// The file.
        file: String,
        /// Its number, from 1 on.
        part: u64,
        /// How many parts there are.
        count: u64,
        /// What can be done.
        cure: &'static str,
    },
    /// The file is something else.
    #[error("{file} is no GGUF file: {what}")]
    NotGguf {
        /// The file.
        file: String,
        /// What it is instead, and what can be done.
        what: String,
    },
    /// A version of the format that is not read.
    #[error(
        "{file} is GGUF of version {found}; read are versions 2 and 3, which llama.cpp's converter has written since autumn 2023"
    )]
    Version {
        /// The file.
        file: String,
        /// The version.
        found: u32,
    },
    /// Numbers are the other way round.
    #[error(
        "{file} is big-endian; read are little-endian files, into which `gguf-convert-endian` of the Python package gguf turns it"
    )]
    BigEndian {
        /// The file.
        file: String,
    },
    /// The file ends before what it holds.
    #[error(
        "{file} is cut short: {what} needs {expected} bytes, of which {found} are there; download it again"
    )]
    Truncated {
        /// The file.
        file: String,
        /// What does not fit into it.
        what: String,
        /// Bytes that there should be.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// A header that breaks the format.
    #[error("{file}: the GGUF header is malformed: {problem}")]
    Header {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// Types of blocks that are not read.
    #[error(
        "{file}: {tensors} {stored}, which is not read; use a file of Q4_K_M, Q8_0 or F16 of the same model"
    )]
    UnreadType {
        /// The file.
        file: String,
        /// Which tensors, with a verb.
        tensors: String,
        /// Their type.
        stored: String,
    },
    /// A kind of model that is not read.
    #[error("`general.architecture` is `{found}`: {why}")]
    Architecture {
        /// The architecture.
        found: String,
        /// Why it is not read.
        why: String,
    },
    /// Something of the metadata is absent.
    #[error("the GGUF metadata has no `{key}`{more}")]
    Missing {
        /// The key.
        key: String,
        /// What can be done; empty where nothing can.
        more: &'static str,
    },
    /// Something of the metadata is not what it should be.
    #[error("`{key}` of the GGUF metadata {problem}")]
    Metadata {
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// Something of the metadata asks for what cannot be done.
    #[error("`{key}` of the GGUF metadata is {found}, which is not read; {supported}")]
    Unsupported {
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What would work, or what can be done.
        supported: String,
    },
    /// A tensor that is not what the metadata makes of it.
    #[error("tensor `{name}` {problem}")]
    Tensor {
        /// Its name in the file.
        name: String,
        /// What is wrong.
        problem: String,
    },
}
