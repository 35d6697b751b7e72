//! Files that are in memory already.

use std::{
    collections::BTreeMap,
    io::{Error, ErrorKind},
};

use super::{FileError, ModelFiles};

/// Files by name: an embedded model, or a test's.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles {
    name: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl MemoryFiles {
    /// Files by name, under a name for them all.
    pub fn new(
        name: impl Into<String>,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Self {
        Self {
            name: name.into(),
            files: files.into_iter().collect(),
        }
    }
}

impl ModelFiles for MemoryFiles {
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        Ok(self.files.get(name).map(|file| file.len() as u64))
    }

    async fn read_range(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), FileError> {
        let file = self.files.get(name).ok_or_else(|| FileError::Missing {
            name: name.to_owned(),
        })?;
        let range = usize::try_from(offset)
            .ok()
            .and_then(|start| file.get(start..)?.get(..buffer.len()));
        match range {
            Some(range) => {
                buffer.copy_from_slice(range);
                Ok(())
            }
            None => Err(FileError::Read {
                name: name.to_owned(),
                source: Error::from(ErrorKind::UnexpectedEof),
            }),
        }
    }

    fn describe(&self) -> String {
        self.name.clone()
    }

    fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }
}
