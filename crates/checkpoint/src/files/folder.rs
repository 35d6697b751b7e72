//! A folder on disk.

use std::{
    fs::{DirEntry, File},
    io::{ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{FileError, ModelFiles};

/// A model folder in Hugging Face layout.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`; nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, name: &str, source: std::io::Error) -> FileError {
        let name = self.path.join(name).display().to_string();
        match source.kind() {
            ErrorKind::NotFound => FileError::Missing { name },
            _ => FileError::Read { name, source },
        }
    }
}

impl ModelFiles for Folder {
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        match std::fs::metadata(self.path.join(name)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error(name, error)),
        }
    }

    async fn read_range(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), FileError> {
        let read = || {
            let mut file = File::open(self.path.join(name))?;
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(buffer)
        };
        let read: Result<(), std::io::Error> = { read }();
        read.map_err(|error| self.error(name, error))
    }

    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for entry in entries(&self.path) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            match path.is_dir() {
                true => names.extend(
                    entries(&path)
                        .map(|within| format!("{name}/{}", within.file_name().to_string_lossy())),
                ),
                false => names.push(name),
            }
        }
        names.sort();
        names
    }
}

/// What a folder holds; nothing where it cannot be read.
fn entries(path: &Path) -> impl Iterator<Item = DirEntry> {
    std::fs::read_dir(path).into_iter().flatten().flatten()
}
