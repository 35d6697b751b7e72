//! Where a model's files lie.

#[cfg(not(target_arch = "wasm32"))]
mod folder;
#[cfg(not(target_arch = "wasm32"))]
pub mod hub;
mod impostor;
mod memory;

#[cfg(not(target_arch = "wasm32"))]
pub use folder::Folder;
pub(crate) use impostor::TELLING;
pub use impostor::check_genuine;
pub use memory::MemoryFiles;

use thiserror::Error;

/// The files of one model: a folder natively, dropped or embedded files elsewhere. Files are read
/// by range, so that no whole weight file is ever held.
#[allow(
    async_fn_in_trait,
    reason = "callers are generic and need no Send bound: browsers have one thread"
)]
pub trait ModelFiles {
    /// Size of a file in bytes; none where there is no such file.
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError>;

    /// Fills `buffer` from `offset` on.
    async fn read_range(&self, name: &str, offset: u64, buffer: &mut [u8])
    -> Result<(), FileError>;

    /// What to call this place in messages and reports.
    fn describe(&self) -> String;

    /// Names of the files that there are, those of folders within by their way from here, for messages that say what was
    /// found instead of what was looked for; none where that cannot be told.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// A whole small file; none where there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than any text file of a model is, or is a Git LFS pointer or a web page
    /// in place of the file.
    async fn read_small(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        const LIMIT: u64 = 256 << 20;
        let Some(size) = self.size(name).await? else {
            return Ok(None);
        };
        if size > LIMIT {
            return Err(FileError::TooLarge {
                name: name.to_owned(),
                size,
            });
        }
        let mut contents = vec![0; size as usize];
        self.read_range(name, 0, &mut contents).await?;
        check_genuine(name, &contents)?;
        Ok(Some(contents))
    }
}

/// A file that cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system refused.
    #[error("cannot read {name}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// There is no such file.
    #[error("{name} is missing")]
    Missing {
        /// The file.
        name: String,
    },
    /// Git LFS has not fetched the file itself.
    #[error(
        "{name} is a Git LFS pointer, not the file itself; `git lfs pull` in its repository fetches that"
    )]
    Pointer {
        /// The file.
        name: String,
    },
    /// A server answered with a page for people.
    #[error(
        "{name} is a web page (HTML), not the file itself; download it again, signed in where that is needed"
    )]
    WebPage {
        /// The file.
        name: String,
    },
    /// A file that should be text is far larger than any.
    #[error("{name} has {size} bytes, which is no text file of a model")]
    TooLarge {
        /// The file.
        name: String,
        /// Its size in bytes.
        size: u64,
    },
}
