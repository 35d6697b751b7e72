//! Models by their id on the Hugging Face Hub, or on a server that speaks its protocol; and the files of datasets.

mod cache;
mod download;
mod error;
mod names;
mod repository;
mod server;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

pub use error::HubError;
pub use repository::DatasetRepository;
pub use server::TransferError;

use super::Folder;
use crate::{gguf, tensors::base_model, tokenizer};
use cache::Cache;
use download::Download;
use names::{is_id, is_inside, is_name};
use repository::Repository;

const CONFIG: &str = "config.json";
const INDEX: &str = "model.safetensors.index.json";
const WEIGHTS: &str = "model.safetensors";
const GENERATION: &str = "generation_config.json";
const ADAPTER: &str = "adapter_config.json";

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
        let set = |name| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
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

/// The model that a user names: a folder or a GGUF file where there is one of that name, else an id on the Hub.
///
/// # Errors
/// As [`fetch`].
pub fn open(
    model: &str,
    options: &HubOptions,
    progress: &mut dyn FnMut(DownloadProgress),
) -> Result<Folder, HubError> {
    let path = Path::new(model);
    match path.is_dir() || (gguf::is_gguf(model) && path.is_file()) {
        true => Ok(Folder::new(model)),
        false => fetch(model, options, progress),
    }
}

/// Fetches what is needed of a model into the cache and returns the folder that holds it. Files that
/// are there already are not fetched again, and a file of which a part is there is taken up from
/// that point. A complete model in the cache needs no connection.
///
/// `owner/name:file.gguf`, or `owner/name@revision:file.gguf`, is that GGUF file, with all parts of it if it is split.
///
/// # Errors
/// When the id is malformed, the model or a needed file does not exist, permission is missing, or the
/// download fails.
pub fn fetch(
    id: &str,
    options: &HubOptions,
    progress: &mut dyn FnMut(DownloadProgress),
) -> Result<Folder, HubError> {
    let (repository, file) = parse(id)?;
    let cached = Cache::of(&repository, options)?;
    if let Some(file) = file {
        return gguf_file(id, file, &repository, &cached, options, progress);
    }
    let is_here = |file: &&str| cached.get(file).is_some();
    // Other programs may have fetched the weights alone.
    let has_tokenizer =
        is_here(&tokenizer::TOKENIZER) || tokenizer::VOCABULARY_FILES.iter().all(is_here);
    if let Some(folder) = complete(id, &cached)?
        && has_tokenizer
    {
        return Ok(folder);
    }
    let mut download = Download::new(&repository, &cached, options, progress)?;
    if let Err(error) = download.newest(CONFIG) {
        return Err(no_model(error, id, &mut download));
    }
    for file in tokenizer::BESIDE.into_iter().chain([GENERATION]) {
        download.wanted(file)?;
    }
    if download.wanted(tokenizer::TOKENIZER)?.is_none() {
        for file in tokenizer::VOCABULARY_FILES {
            download.wanted(file)?;
        }
    }
    // As they are looked for when they are read: the one file first.
    if download.wanted(WEIGHTS)?.is_none() {
        match download.wanted(INDEX)? {
            Some(index) => {
                for shard in shards(id, &index)? {
                    download.needed(&shard)?;
                }
            }
            None => {
                let error = download.not_found(WEIGHTS);
                return Err(no_model(error, id, &mut download));
            }
        }
    }
    complete(id, &cached)?.ok_or_else(|| HubError::Changed { id: id.into() })
}

/// A GGUF file of a repository, or all parts of one that is split.
fn gguf_file(
    id: &str,
    file: &str,
    repository: &Repository,
    cached: &Cache,
    options: &HubOptions,
    progress: &mut dyn FnMut(DownloadProgress),
) -> Result<Folder, HubError> {
    let parts = gguf::siblings(file).unwrap_or_else(|| vec![file.to_owned()]);
    let place = || {
        let all_here = parts.iter().all(|part| cached.get(part).is_some());
        cached.get(file).filter(|_| all_here).map(Folder::new)
    };
    if let Some(place) = place() {
        return Ok(place);
    }
    let mut download = Download::new(repository, cached, options, progress)?;
    for (number, part) in parts.iter().enumerate() {
        match number {
            0 => download.newest(part)?,
            _ => download.needed(part)?,
        };
    }
    place().ok_or_else(|| HubError::Changed { id: id.into() })
}

/// What is wrong with a repository that lacks what a model needs: it may be an adapter's, or hold GGUF files alone.
fn no_model(error: HubError, id: &str, download: &mut Download<'_>) -> HubError {
    let HubError::NotFound { file, .. } = &error else {
        return error;
    };
    if let Ok(Some(config)) = download.wanted(ADAPTER) {
        return HubError::Adapter {
            id: id.into(),
            base: base_model(&fs::read(config).unwrap_or_default()),
        };
    }
    let listed = download.listed().ok().flatten().unwrap_or_default();
    let files: Vec<String> = listed
        .into_iter()
        .filter(|name| gguf::is_gguf(name))
        .collect();
    match files.first() {
        Some(first) => HubError::OnlyGguf {
            id: id.into(),
            file: file.clone(),
            first: first.escape_default().to_string(),
            count: files.len(),
        },
        None => error,
    }
}

/// The folder of a model of which the cache has the configuration and all weights, of one revision.
fn complete(id: &str, cached: &Cache) -> Result<Option<Folder>, HubError> {
    let Some(config) = cached.get(CONFIG) else {
        return Ok(None);
    };
    let whole = match (cached.get(WEIGHTS), cached.get(INDEX)) {
        (Some(_), _) => true,
        (None, Some(index)) => {
            let shards = shards(id, &index)?;
            shards.iter().all(|shard| cached.get(shard).is_some())
        }
        (None, None) => false,
    };
    let folder = config.parent().map(Folder::new);
    Ok(folder.filter(|_| whole))
}

/// Files that an index names.
fn shards(id: &str, index: &Path) -> Result<Vec<String>, HubError> {
    let malformed = || HubError::Index { id: id.into() };
    let index = fs::read(index).map_err(|_| malformed())?;
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
    match shards.iter().all(|shard| is_name(shard)) {
        true => Ok(shards),
        false => Err(malformed()),
    }
}

/// The repository that an id names, and the GGUF file in it.
fn parse(id: &str) -> Result<(Repository, Option<&str>), HubError> {
    let (place, file) = match id.split_once(':') {
        Some((place, file)) => (place, Some(file)),
        None => (id, None),
    };
    let (model, revision) = place.split_once('@').unwrap_or((place, "main"));
    let is_file = |file: &str| is_inside(file) && gguf::is_gguf(file);
    match is_id(model) && is_name(revision) && file.is_none_or(is_file) {
        true => {
            let repository = Repository {
                kind: "model",
                id: model.into(),
                revision: revision.into(),
            };
            Ok((repository, file))
        }
        false => Err(HubError::Id { id: id.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_before_anything_is_asked() {
        for id in [
            "owner/name",
            "owner/na-me_1.5",
            "owner/name@v1.0",
            "owner/name:a.gguf",
            "owner/name@v1.0:q4/a.GGUF",
        ] {
            assert!(parse(id).is_ok(), "{id}");
        }
        for id in [
            "name",
            "a/b/c",
            "../x",
            "a/..",
            "a b/c",
            "",
            "/",
            "a/b@",
            "a/b@../x",
            "a/b:",
            "a/b:../a.gguf",
            "a/b:/a.gguf",
            "a/b:c:a.gguf",
            "a/b:a.bin",
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
