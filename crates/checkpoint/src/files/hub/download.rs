//! One file after another from the Hub into the cache.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    DownloadProgress, HubError, HubOptions,
    cache::Cache,
    names::{in_address, is_inside},
    repository::Repository,
    server::{Answer, Server, TransferError},
};

/// How often a broken transfer is taken up again, without getting any further, before it counts as failed.
const RETRIES: u32 = 3;
/// The pause before the first retry; it doubles each time.
const PAUSE: Duration = Duration::from_millis(250);

/// The download of one repository. What has come of a file is kept beside the cache's blobs, and gone on from.
pub(super) struct Download<'a> {
    repository: &'a Repository,
    server: Server,
    cached: &'a Cache,
    progress: &'a mut dyn FnMut(DownloadProgress),
}

impl<'a> Download<'a> {
    /// # Errors
    /// When the endpoint or the token cannot be used.
    pub fn new(
        repository: &'a Repository,
        cached: &'a Cache,
        options: &HubOptions,
        progress: &'a mut dyn FnMut(DownloadProgress),
    ) -> Result<Self, HubError> {
        Ok(Self {
            repository,
            server: Server::of(options)?,
            cached,
            progress,
        })
    }

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
        if !is_inside(file) {
            return Err(HubError::Name {
                id: self.repository.id.clone(),
                name: file.escape_default().to_string(),
            });
        }
        match self.cached.get(file) {
            Some(path) => Ok(Some(path)),
            None => self.fetch(file),
        }
    }

    /// Names of all files, if the repository has the revision.
    pub fn listed(&mut self) -> Result<Option<Vec<String>>, HubError> {
        #[derive(Deserialize)]
        struct Listing {
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        const LIST: &str = "the list of files";
        let address = self.repository.listing(&self.server.endpoint);
        let text = self.retried(LIST, |download, _| download.server.text(&address))?;
        let Some(text) = text else {
            return Ok(None);
        };
        let listing: Listing = serde_json::from_slice(&text).map_err(|_| self.no_hub(LIST))?;
        let names = listing.siblings.into_iter().map(|file| file.rfilename);
        Ok(Some(names.collect()))
    }

    fn fetch(&mut self, file: &str) -> Result<Option<PathBuf>, HubError> {
        let address = self
            .repository
            .file(&self.server.endpoint, &in_address(file));
        self.retried(file, |download, farthest| {
            download.once(file, &address, farthest)
        })
    }

    /// Asks until there is an answer, or none to hope for; nothing where the server has none. `ask` counts in its second
    /// argument how far it has ever come.
    fn retried<T>(
        &mut self,
        file: &str,
        ask: impl Fn(&mut Self, &mut u64) -> Result<T, TransferError>,
    ) -> Result<Option<T>, HubError> {
        let (mut retries, mut farthest) = (0, 0);
        loop {
            let before = farthest;
            let error = match ask(self, &mut farthest) {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) => error,
            };
            if farthest > before {
                retries = 0;
            }
            let is_broken = match &error {
                TransferError::Io(_) | TransferError::Length { .. } => true,
                TransferError::Status(status) => *status == 416 || *status >= 500,
                _ => false,
            };
            if is_broken && retries < RETRIES {
                thread::sleep(PAUSE * 2u32.pow(retries));
                retries += 1;
                continue;
            }
            let (id, file) = (self.repository.id.clone(), file.to_owned());
            return match error {
                TransferError::Status(404) => Ok(None),
                TransferError::Status(401 | 403) => Err(HubError::Unauthorised {
                    id,
                    token: self.server.token_place.clone(),
                }),
                TransferError::NoHub(_) => Err(self.no_hub(&file)),
                TransferError::Http(source) => Err(HubError::Offline {
                    id,
                    file,
                    source: TransferError::Http(source),
                }),
                source => Err(HubError::Download { id, file, source }),
            };
        }
    }

    fn once(
        &mut self,
        file: &str,
        address: &str,
        farthest: &mut u64,
    ) -> Result<PathBuf, TransferError> {
        // Only the answer says which content it is, hence how much of it is here.
        let mut answer = self.server.file(address, 0)?;
        let blob = self.cached.blob(&answer.tag);
        if let Some(folder) = blob.parent() {
            fs::create_dir_all(folder)?;
        }
        // Another program may be fetching the same.
        let lock = File::create(beside(&blob, "lock"))?;
        lock.lock()?;
        if !blob.exists() {
            let part = beside(&blob, "part");
            let here = fs::metadata(&part).map_or(0, |part| part.len());
            if here > 0 && answer.total.is_some_and(|total| here < total) {
                let tag = std::mem::take(&mut answer.tag);
                answer = self.server.file(address, here)?;
                if answer.tag != tag {
                    return Err(io::Error::other("the file changed on the server meanwhile").into());
                }
            }
            let is_whole = answer.total == Some(here) && here > 0;
            if !is_whole {
                self.stream(file, &mut answer, &part, farthest)?;
            }
            check(&answer.tag, &part)?;
            fs::rename(&part, &blob)?;
        }
        Ok(self.cached.link(&answer.tag, &answer.commit, file)?)
    }

    /// Writes what comes behind what is there, or from the beginning where the server does not know ranges.
    fn stream(
        &mut self,
        file: &str,
        answer: &mut Answer,
        part: &Path,
        farthest: &mut u64,
    ) -> Result<(), TransferError> {
        let mut options = OpenOptions::new();
        let mut kept = options.create(true).append(true).open(part)?;
        kept.set_len(answer.from)?;
        let mut at = answer.from;
        let total = answer.total;
        let mut show = |bytes: u64| {
            (self.progress)(DownloadProgress {
                file: file.to_owned(),
                bytes,
                total: total.unwrap_or(bytes),
            });
        };
        show(at);
        let mut reader = answer.body.as_reader();
        let mut chunk = vec![0; 1 << 16];
        loop {
            let read = match reader.read(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if read == 0 {
                break;
            }
            kept.write_all(chunk.get(..read).unwrap_or_default())?;
            at += read as u64;
            *farthest = at.max(*farthest);
            show(at);
            if let Some(expected) = total.filter(|total| at > *total) {
                drop(kept);
                fs::remove_file(part)?;
                return Err(TransferError::Length {
                    found: at,
                    expected,
                });
            }
        }
        kept.flush()?;
        match total {
            Some(expected) if at < expected => Err(TransferError::Length {
                found: at,
                expected,
            }),
            _ => Ok(()),
        }
    }

    pub fn not_found(&self, file: &str) -> HubError {
        HubError::NotFound {
            id: self.repository.id.clone(),
            file: file.into(),
        }
    }

    fn no_hub(&self, file: &str) -> HubError {
        HubError::NoHub {
            endpoint: self.server.endpoint.clone(),
            id: self.repository.id.clone(),
            file: file.to_owned(),
        }
    }
}

/// Large files are known by their SHA-256.
fn check(tag: &str, part: &Path) -> Result<(), TransferError> {
    if tag.len() != 64 || !tag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    let mut hash = Sha256::new();
    io::copy(&mut File::open(part)?, &mut hash)?;
    let found: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found != tag.to_ascii_lowercase() {
        fs::remove_file(part)?;
        return Err(TransferError::Hash);
    }
    Ok(())
}

fn beside(blob: &Path, extension: &str) -> PathBuf {
    let mut name = blob.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}
