//! A folder on disk, or one file in it that is the whole model.

use std::{
    fs::{DirEntry, File},
    io::{ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{FileError, ModelFiles};
use crate::gguf;

/// A model folder in Hugging Face layout, or a GGUF file.
#[derive(Debug, Clone)]
pub struct Folder {
    /// What was named: the folder, or the file.
    path: PathBuf,
    /// Where the files lie.
    folder: PathBuf,
    /// The names of the one GGUF file, or of all its parts, where that was named and not a folder.
    only: Option<Vec<String>>,
}

impl Folder {
    /// The folder at `path`, or the GGUF file there: then nothing else of its folder is seen, but for the other parts of a
    /// model that is split. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path: PathBuf = path.into();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| gguf::is_gguf(name) && !path.is_dir());
        match name {
            None => Self {
                folder: path.clone(),
                only: None,
                path,
            },
            Some(name) => Self {
                folder: path.parent().map(Path::to_owned).unwrap_or_default(),
                only: Some(gguf::siblings(name).unwrap_or_else(|| vec![name.to_owned()])),
                path,
            },
        }
    }

    /// Where it is: the folder, or the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn is_seen(&self, name: &str) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|only| only.iter().any(|one| one == name))
    }

    fn error(&self, name: &str, source: std::io::Error) -> FileError {
        let name = self.folder.join(name).display().to_string();
        match source.kind() {
            ErrorKind::NotFound => FileError::Missing { name },
            _ => FileError::Read { name, source },
        }
    }
}

impl ModelFiles for Folder {
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        if !self.is_seen(name) {
            return Ok(None);
        }
        match std::fs::metadata(self.folder.join(name)) {
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
            let mut file = File::open(self.folder.join(name))?;
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
        if let Some(only) = &self.only {
            let is_there = |name: &&String| self.folder.join(name).is_file();
            return only.iter().filter(is_there).cloned().collect();
        }
        let mut names = Vec::new();
        for entry in entries(&self.folder) {
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
