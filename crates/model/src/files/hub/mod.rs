//! Models by their id on the Hugging Face Hub, or on a server that speaks its protocol.

use std::path::{Path, PathBuf};

use hf_hub::{
    Cache, Repo, RepoType,
    api::{
        Progress,
        sync::{Api, ApiBuilder, ApiError, ApiRepo},
    },
};
use serde_json::Value;
use thiserror::Error;

use super::Folder;

const CONFIG: &str = "config.json";
const INDEX: &str = "model.safetensors.index.json";
const WEIGHTS: &str = "model.safetensors";
/// What a model may have beside its configuration and weights.
const OPTIONAL: [&str; 4] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
];

/// How to reach the Hub.
#[derive(Debug, Clone, Default)]
pub struct HubOptions {
    /// Address of the server; the public one if none (`HF_ENDPOINT`).
    pub endpoint: Option<String>,
    /// What a private or gated model needs (`HF_TOKEN`); the token file of the cache if none.
    pub token: Option<String>,
    /// Where downloads are kept (`HF_HOME/hub`); the usual place if none.
    pub cache: Option<PathBuf>,
}

impl HubOptions {
    /// As the environment says, read through `variable` (`std::env::var(..).ok()` in a program).
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        Self {
            endpoint: set("HF_ENDPOINT").map(|url| url.trim_end_matches('/').to_owned()),
            token: set("HF_TOKEN"),
            cache: set("HF_HOME").map(|home| Path::new(&home).join("hub")),
        }
    }
}

/// How far the download of one file has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadProgress {
    /// The file.
    pub file: String,
    /// Bytes that are here, those of an earlier, interrupted download included.
    pub bytes: u64,
    /// Bytes in all.
    pub total: u64,
}

/// A model that could not be fetched.
#[derive(Debug, Error)]
pub enum HubError {
    /// Not `owner/name` or `owner/name@revision`.
    #[error("`{id}` is neither a folder nor a model id such as owner/name or owner/name@revision")]
    Id {
        /// What was given.
        id: String,
    },
    /// There is no such model, or it lacks a file that is needed.
    #[error("{id} has no {file} on the Hub; is the id right?")]
    NotFound {
        /// The model.
        id: String,
        /// The file.
        file: String,
    },
    /// The model is private or gated.
    #[error("{id} may not be read without permission; set HF_TOKEN to a token that has it")]
    Unauthorised {
        /// The model.
        id: String,
    },
    /// The index of shards cannot be read.
    #[error("{id}: {INDEX} is malformed")]
    Index {
        /// The model.
        id: String,
    },
    /// Anything else, such as no connection.
    #[error("cannot download {file} of {id}; what has come so far is kept for the next try")]
    Download {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// What the client says.
        #[source]
        source: Box<ApiError>,
    },
}

/// Fetches what is needed of a model into the cache, going on where an earlier download stopped,
/// and returns the folder that holds it. A complete model in the cache needs no connection.
///
/// # Errors
/// When the id is malformed, the model or a needed file does not exist, permission is missing, or the
/// download fails.
pub fn fetch(
    id: &str,
    options: &HubOptions,
    progress: &mut dyn FnMut(DownloadProgress),
) -> Result<Folder, HubError> {
    let repo = parse(id)?;
    let cache = match &options.cache {
        Some(path) => Cache::new(path.clone()),
        None => Cache::default(),
    };
    let cached = cache.repo(repo.clone());
    let lookup = |file: &str| cached.get(file);
    if let Some(folder) = complete(id, &lookup)? {
        return Ok(folder);
    }
    let mut builder = ApiBuilder::from_cache(cache.clone()).with_retries(3);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if let Some(token) = &options.token {
        builder = builder.with_token(Some(token.clone()));
    }
    let api: Api = builder.build().map_err(|source| HubError::Download {
        id: id.into(),
        file: CONFIG.into(),
        source: Box::new(source),
    })?;
    let mut download = Download {
        id,
        repo: api.repo(repo),
        progress,
    };
    let config = download.needed(CONFIG)?;
    for file in OPTIONAL {
        download.wanted(file)?;
    }
    match download.wanted(INDEX)? {
        Some(index) => {
            for shard in shards(id, &index)? {
                download.needed(&shard)?;
            }
        }
        None => {
            download.needed(WEIGHTS)?;
        }
    }
    Ok(Folder::new(config.parent().unwrap_or(Path::new("."))))
}

/// The folder of a model of which every needed file is in the cache.
fn complete(
    id: &str,
    cached: &dyn Fn(&str) -> Option<PathBuf>,
) -> Result<Option<Folder>, HubError> {
    let Some(config) = cached(CONFIG) else {
        return Ok(None);
    };
    let whole = match cached(INDEX) {
        Some(index) => shards(id, &index)?
            .iter()
            .all(|shard| cached(shard).is_some()),
        None => cached(WEIGHTS).is_some(),
    };
    let folder = config.parent().map(Folder::new);
    Ok(folder.filter(|_| whole))
}

/// Files that an index names.
fn shards(id: &str, index: &Path) -> Result<Vec<String>, HubError> {
    let malformed = || HubError::Index { id: id.into() };
    let index = std::fs::read(index).map_err(|_| malformed())?;
    let index: Value = serde_json::from_slice(&index).map_err(|_| malformed())?;
    let map = index
        .get("weight_map")
        .and_then(Value::as_object)
        .ok_or_else(malformed)?;
    let mut shards = map
        .values()
        .map(|shard| shard.as_str().map(str::to_owned).ok_or_else(malformed))
        .collect::<Result<Vec<_>, _>>()?;
    shards.sort();
    shards.dedup();
    match shards
        .iter()
        .any(|shard| shard.contains(['/', '\\']) || shard.starts_with('.'))
    {
        true => Err(malformed()),
        false => Ok(shards),
    }
}

fn parse(id: &str) -> Result<Repo, HubError> {
    let (model, revision) = id.split_once('@').unwrap_or((id, "main"));
    let is_name = |part: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
    };
    match model.split_once('/') {
        Some((owner, name)) if is_name(owner) && is_name(name) && is_name(revision) => Ok(
            Repo::with_revision(model.into(), RepoType::Model, revision.into()),
        ),
        _ => Err(HubError::Id { id: id.into() }),
    }
}

struct Download<'a> {
    id: &'a str,
    repo: ApiRepo,
    progress: &'a mut dyn FnMut(DownloadProgress),
}

impl Download<'_> {
    /// A file that the model cannot do without.
    fn needed(&mut self, file: &str) -> Result<PathBuf, HubError> {
        self.wanted(file)?.ok_or_else(|| HubError::NotFound {
            id: self.id.into(),
            file: file.into(),
        })
    }

    /// A file, if the model has it.
    fn wanted(&mut self, file: &str) -> Result<Option<PathBuf>, HubError> {
        let reporter = Reporter {
            file: String::new(),
            bytes: 0,
            total: 0,
            progress: self.progress,
        };
        match self.repo.download_with_progress(file, reporter) {
            Ok(path) => Ok(Some(path)),
            Err(error) => match status(&error) {
                Some(404) => Ok(None),
                Some(401 | 403) => Err(HubError::Unauthorised { id: self.id.into() }),
                _ => Err(HubError::Download {
                    id: self.id.into(),
                    file: file.into(),
                    source: Box::new(error),
                }),
            },
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
        ApiError::TooManyRetries(error) => status(error),
        _ => None,
    }
}

struct Reporter<'a> {
    file: String,
    bytes: u64,
    total: u64,
    progress: &'a mut dyn FnMut(DownloadProgress),
}

impl Progress for Reporter<'_> {
    fn init(&mut self, size: usize, filename: &str) {
        self.file = filename.to_owned();
        self.bytes = 0;
        self.total = size as u64;
    }

    fn update(&mut self, size: usize) {
        self.bytes += size as u64;
        (self.progress)(DownloadProgress {
            file: self.file.clone(),
            bytes: self.bytes,
            total: self.total,
        });
    }

    fn finish(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_before_anything_is_asked() {
        for id in ["owner/name", "owner/na-me_1.5", "owner/name@v1.0"] {
            assert!(parse(id).is_ok(), "{id}");
        }
        for id in [
            "name", "a/b/c", "../x", "a/..", "a b/c", "", "/", "a/b@", "a/b@../x",
        ] {
            assert!(matches!(parse(id), Err(HubError::Id { .. })), "{id}");
        }
    }

    #[test]
    fn the_environment_is_honoured() {
        let options = HubOptions::from_env(|name| {
            let value = match name {
                "HF_ENDPOINT" => "http://mirror.example/",
                "HF_TOKEN" => "",
                "HF_HOME" => "cache",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!(options.endpoint.as_deref(), Some("http://mirror.example"));
        assert_eq!(options.token, None);
        assert_eq!(options.cache, Some(PathBuf::from("cache").join("hub")));
    }
}
