//! One file after another from the Hub into the cache.

use std::{fs, io, path::PathBuf, thread, time::Duration};

use hf_hub::{
    CacheRepo,
    api::{
        Progress, RepoInfo,
        sync::{ApiError, ApiRepo},
    },
};

use super::{DownloadProgress, HubError};

/// How often a broken transfer is taken up again before it counts as failed.
const RETRIES: u32 = 3;
/// The pause before the first retry; it doubles each time.
const PAUSE: Duration = Duration::from_millis(250);

/// The download of one model. `hf_hub` keeps what has come of a file beside the cache's blobs, and
/// goes on from there.
pub(super) struct Download<'a> {
    pub id: &'a str,
    pub repo: ApiRepo,
    pub cached: &'a CacheRepo,
    pub progress: &'a mut dyn FnMut(DownloadProgress),
}

impl Download<'_> {
    /// A file that the model cannot do without.
    pub fn needed(&mut self, file: &str) -> Result<PathBuf, HubError> {
        self.wanted(file)?.ok_or_else(|| self.not_found(file))
    }

    /// A file that the model cannot do without, asked for even where it is in the cache: so the
    /// cache learns which revision is the newest.
    pub fn newest(&mut self, file: &str) -> Result<PathBuf, HubError> {
        self.fetch(file)?.ok_or_else(|| self.not_found(file))
    }

    /// A file, if the model has it.
    pub fn wanted(&mut self, file: &str) -> Result<Option<PathBuf>, HubError> {
        match self.cached.get(file) {
            Some(path) => Ok(Some(path)),
            None => self.fetch(file),
        }
    }

    /// Names of all files, if the repository has the revision.
    pub fn listed(&mut self) -> Result<Option<Vec<String>>, HubError> {
        let info = self.retried("the list of files", |download| download.repo.info())?;
        let names = |info: RepoInfo| info.siblings.into_iter().map(|file| file.rfilename);
        Ok(info.map(|info| names(info).collect()))
    }

    fn fetch(&mut self, file: &str) -> Result<Option<PathBuf>, HubError> {
        self.retried(file, |download| download.once(file))
    }

    /// Asks until there is an answer, or none to hope for; nothing where the server has none.
    fn retried<T>(
        &mut self,
        file: &str,
        ask: impl Fn(&mut Self) -> Result<T, ApiError>,
    ) -> Result<Option<T>, HubError> {
        // hf_hub's own retries are not used: after one it may write from the beginning behind what
        // an earlier session left.
        let mut retries = 0;
        loop {
            let error = match ask(self) {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) => error,
            };
            let status = status(&error);
            if matches!(error, ApiError::InvalidResume) || status == Some(416) {
                self.discard_parts();
            }
            let broken = matches!(error, ApiError::IoError(_) | ApiError::InvalidResume)
                || status.is_some_and(|status| status == 416 || status >= 500);
            if broken && retries < RETRIES {
                thread::sleep(PAUSE * 2u32.pow(retries));
                retries += 1;
                continue;
            }
            let (id, file, source) = (self.id.into(), file.into(), Box::new(error));
            return match (status, &*source) {
                (Some(404), _) => Ok(None),
                (Some(401 | 403), _) => Err(HubError::Unauthorised { id }),
                (None, ApiError::RequestError(_)) => Err(HubError::Offline { id, file, source }),
                _ => Err(HubError::Download { id, file, source }),
            };
        }
    }

    fn once(&mut self, file: &str) -> Result<PathBuf, ApiError> {
        let mut reporter = Reporter {
            file,
            bytes: 0,
            total: 0,
            progress: self.progress,
        };
        let path = self.repo.download_with_progress(file, &mut reporter)?;
        let (found, expected) = (fs::metadata(&path)?.len(), reporter.total);
        if found == expected {
            return Ok(path);
        }
        // A server that does not serve ranges sends the whole file behind what was there.
        fs::remove_file(fs::canonicalize(&path)?)?;
        fs::remove_file(&path)?;
        let problem = format!("{found} bytes came instead of {expected}");
        Err(io::Error::new(io::ErrorKind::InvalidData, problem).into())
    }

    /// Removes the beginnings of files that cannot be gone on from. Which of them it is cannot be
    /// told from outside `hf_hub`.
    fn discard_parts(&self) {
        let blobs = self.cached.blob_path("");
        let entries = fs::read_dir(blobs).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.extension() == Some("part".as_ref()) {
                // What cannot be removed fails again, and is then reported with its reason.
                let _ = fs::remove_file(path);
            }
        }
    }

    pub fn not_found(&self, file: &str) -> HubError {
        HubError::NotFound {
            id: self.id.into(),
            file: file.into(),
        }
    }
}

/// The HTTP status that a request failed with.
fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

struct Reporter<'a> {
    file: &'a str,
    bytes: u64,
    total: u64,
    progress: &'a mut dyn FnMut(DownloadProgress),
}

impl Progress for &mut Reporter<'_> {
    fn init(&mut self, size: usize, _filename: &str) {
        self.bytes = 0;
        self.total = size as u64;
    }

    fn update(&mut self, size: usize) {
        self.bytes += size as u64;
        (self.progress)(DownloadProgress {
            file: self.file.to_owned(),
            bytes: self.bytes,
            total: self.total,
        });
    }

    fn finish(&mut self) {}
}
