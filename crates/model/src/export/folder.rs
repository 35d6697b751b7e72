//! An exported folder on disk, whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{ExportError, ExportTarget};

/// A folder that is written beside its place and renamed when it is whole. Dropped before
/// [`commit`](FolderTarget::commit), it leaves nothing.
#[derive(Debug)]
pub struct FolderTarget {
    path: PathBuf,
    force: bool,
    work: TempDir,
    file: Option<File>,
}

impl FolderTarget {
    /// Prepares to write the folder `path`, read from the folder `source` if it is one.
    ///
    /// # Errors
    /// When `path` is the source, exists and may not be replaced or is no model, or its parent cannot
    /// be written to.
    pub fn new(path: &Path, source: Option<&Path>, force: bool) -> Result<Self, ExportError> {
        let shown = || path.display().to_string();
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        // Links and `..` may hide that two names mean one folder.
        let real = |path: &Path| path.canonicalize().ok();
        if real(path).is_some() && real(path) == source.and_then(real) {
            return Err(ExportError::IsSource { path: shown() });
        }
        if path.exists() {
            let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
            if !force {
                return Err(ExportError::Exists { path: shown() });
            }
            // What may be replaced is of the kinds that are written.
            let is_ours = ["config.json", "adapter_config.json"]
                .iter()
                .any(|name| path.join(name).exists());
            if !is_ours && !is_empty() {
                return Err(ExportError::NotAModel { path: shown() });
            }
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".layerlab-").suffix(".part");
        // As any other new folder; private by default.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        let work = builder
            .tempdir_in(parent)
            .map_err(|source| failed(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            force,
            work,
            file: None,
        })
    }

    /// Puts the folder in its place.
    ///
    /// # Errors
    /// When the disk refuses; what was at the place before is then still there.
    pub fn commit(mut self) -> Result<(), ExportError> {
        self.close()?;
        let failed = |source| failed(&self.path, source);
        if self.force && self.path.exists() {
            let parent = self.work.path().parent().unwrap_or(Path::new("."));
            let aside = TempDir::new_in(parent).map_err(failed)?;
            let old = aside.path().join("old");
            fs::rename(&self.path, &old).map_err(failed)?;
            if let Err(error) = fs::rename(self.work.path(), &self.path) {
                fs::rename(&old, &self.path).map_err(failed)?;
                return Err(failed(error));
            }
        } else {
            fs::rename(self.work.path(), &self.path).map_err(failed)?;
        }
        Ok(())
    }

    /// Makes sure that what was written is on the disk, so that a full one shows now.
    fn close(&mut self) -> Result<(), ExportError> {
        match self.file.take() {
            Some(file) => file.sync_all().map_err(|source| failed(&self.path, source)),
            None => Ok(()),
        }
    }
}

impl ExportTarget for FolderTarget {
    async fn begin(&mut self, name: &str) -> Result<(), ExportError> {
        self.close()?;
        let file = File::create(self.work.path().join(name));
        self.file = Some(file.map_err(|source| failed(&self.path.join(name), source))?);
        Ok(())
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        match &mut self.file {
            Some(file) => file
                .write_all(bytes)
                .map_err(|source| failed(&self.path, source)),
            None => Err(failed(&self.path, io::ErrorKind::NotFound.into())),
        }
    }
}

fn failed(path: &Path, source: io::Error) -> ExportError {
    ExportError::Write {
        path: path.display().to_string(),
        source,
    }
}
