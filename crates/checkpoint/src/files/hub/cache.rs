//! Where downloads are kept, laid out as other programs of the Hub do: `blobs` by entity tag, `snapshots` of commits that
//! point to them, `refs` from revisions to commits.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use super::{HubError, HubOptions, names::is_name, repository::Repository};

/// What the cache has of one repository at one revision.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    revision: String,
}

/// Where downloads are kept: the usual place where none is given.
pub(super) fn place(options: &HubOptions) -> Result<PathBuf, HubError> {
    let usual = || {
        Some(
            env::home_dir()?
                .join(".cache")
                .join("huggingface")
                .join("hub"),
        )
    };
    let given = options.cache.clone();
    given.or_else(usual).ok_or(HubError::NoHome)
}

/// The token that is kept beside the cache, and where.
pub(super) fn token(options: &HubOptions) -> Option<(String, PathBuf)> {
    let path = place(options).ok()?.parent()?.join("token");
    let token = fs::read_to_string(&path).ok()?;
    Some((token, path))
}

impl Cache {
    pub fn of(repository: &Repository, options: &HubOptions) -> Result<Self, HubError> {
        let name = format!("{}s--{}", repository.kind, repository.id.replace('/', "--"));
        Ok(Self {
            folder: place(options)?.join(name),
            revision: repository.revision.clone(),
        })
    }

    /// A file of the revision; an empty name is its folder.
    pub fn get(&self, file: &str) -> Option<PathBuf> {
        let commit = fs::read_to_string(self.reference()).ok()?;
        let path = self
            .snapshot(&commit)
            .filter(|_| is_name(&commit))?
            .join(file);
        path.exists().then_some(path)
    }

    /// Where the content of that entity tag lies.
    pub fn blob(&self, tag: &str) -> PathBuf {
        self.folder.join("blobs").join(tag)
    }

    /// Makes a blob known as `file` of a commit, and that commit as the revision's.
    pub fn link(&self, tag: &str, commit: &str, file: &str) -> io::Result<PathBuf> {
        let outside = || io::Error::from(io::ErrorKind::InvalidInput);
        let path = self.snapshot(commit).ok_or_else(outside)?.join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if !path.exists() {
            // One that leads nowhere is in the way.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let up = "../".repeat(2 + file.matches('/').count());
            point(
                Path::new(&format!("{up}blobs/{tag}")),
                &self.blob(tag),
                &path,
            )?;
        }
        let reference = self.reference();
        if let Some(folder) = reference.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(reference, commit)?;
        Ok(path)
    }

    fn snapshot(&self, commit: &str) -> Option<PathBuf> {
        is_name(commit).then(|| self.folder.join("snapshots").join(commit))
    }

    fn reference(&self) -> PathBuf {
        self.folder.join("refs").join(&self.revision)
    }
}

#[cfg(unix)]
fn point(relative: &Path, _blob: &Path, from: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(relative, from)
}

/// Links need a permission that few have; the file itself does as well.
#[cfg(not(unix))]
fn point(_relative: &Path, blob: &Path, from: &Path) -> io::Result<()> {
    fs::copy(blob, from).map(|_| ())
}
