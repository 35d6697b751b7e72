//! A repository on the Hub, and its place in the cache.

use std::{env, fs, path::PathBuf};

use hf_hub::{
    Cache, CacheRepo, Repo, RepoType,
    api::sync::{ApiBuilder, ApiRepo},
};

use super::{DownloadProgress, HubError, HubOptions, download::Download};

/// The branch in which the Hub keeps every dataset as Parquet files, `config/split/0000.parquet`.
const PARQUET: &str = "refs/convert/parquet";

/// What we keep beside the files of a revision: the names of all.
const NAMES: &str = "layerlab.json";

/// The Parquet files of a dataset on the Hub, or what of them is in the cache.
#[derive(Debug)]
pub struct DatasetRepository {
    id: String,
    repo: Repo,
    cache: Cache,
    options: HubOptions,
}

impl DatasetRepository {
    /// That of the dataset `owner/name`; nothing is asked yet.
    ///
    /// # Errors
    /// When the id is malformed, or there is nowhere to keep downloads.
    pub fn open(id: &str, options: &HubOptions) -> Result<Self, HubError> {
        if !is_id(id) {
            return Err(HubError::DatasetId { id: id.into() });
        }
        Ok(Self {
            id: id.into(),
            repo: Repo::with_revision(id.into(), RepoType::Dataset, PARQUET.into()),
            cache: cache(options)?,
            options: options.clone(),
        })
    }

    /// The files that `choose` finds among the names of all, with what it says of them. Files in the cache are not fetched
    /// again; where all of them are there, no connection is needed.
    ///
    /// # Errors
    /// When there is no such dataset, `choose` refuses, permission is missing, or the download fails.
    pub fn get<T, E: From<HubError>>(
        &self,
        choose: impl Fn(&[String]) -> Result<(T, Vec<String>), E>,
        progress: &mut dyn FnMut(DownloadProgress),
    ) -> Result<(T, Vec<PathBuf>), E> {
        let cached = self.cache.repo(self.repo.clone());
        let find = |files: &[String]| -> Option<Vec<PathBuf>> {
            files.iter().map(|file| cached.get(file)).collect()
        };
        if let Some(Ok((said, files))) = kept(&cached).map(|names| choose(&names))
            && let Some(paths) = find(&files)
        {
            return Ok((said, paths));
        }
        let mut download = Download {
            id: &self.id,
            repo: api(&self.id, &self.cache, self.repo.clone(), &self.options)?,
            cached: &cached,
            progress,
        };
        let names = download.listed()?.ok_or_else(|| HubError::NoDataset {
            id: self.id.clone(),
        })?;
        let (said, files) = choose(&names)?;
        for file in &files {
            download.needed(file)?;
        }
        let changed = || HubError::Changed {
            id: self.id.clone(),
        };
        let paths = find(&files).ok_or_else(changed)?;
        keep(&cached, &names);
        Ok((said, paths))
    }
}

/// The names of all files, as they were when files of this revision were fetched.
fn kept(cached: &CacheRepo) -> Option<Vec<String>> {
    let names = fs::read(cached.get(NAMES)?).ok()?;
    serde_json::from_slice(&names).ok()
}

/// Keeps the names of all files beside them.
fn keep(cached: &CacheRepo, names: &[String]) {
    // A folder is found as a file is.
    if let Some(folder) = cached.get("") {
        let names = serde_json::Value::from(names).to_string();
        // Without them, the Hub is asked again.
        let _ = fs::write(folder.join(NAMES), names);
    }
}

/// Where downloads are kept.
pub(super) fn cache(options: &HubOptions) -> Result<Cache, HubError> {
    match &options.cache {
        Some(path) => Ok(Cache::new(path.clone())),
        None if env::home_dir().is_none() => Err(HubError::NoHome),
        None => Ok(Cache::default()),
    }
}

/// The way to a repository.
pub(super) fn api(
    id: &str,
    cache: &Cache,
    repo: Repo,
    options: &HubOptions,
) -> Result<ApiRepo, HubError> {
    let mut builder = ApiBuilder::from_cache(cache.clone());
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if let Some(token) = &options.token {
        builder = builder.with_token(Some(token.clone()));
    }
    let api = builder.build().map_err(|source| HubError::Download {
        id: id.into(),
        file: "anything".into(),
        source: Box::new(source),
    })?;
    Ok(api.repo(repo))
}

/// Whether this is `owner/name`.
pub(super) fn is_id(id: &str) -> bool {
    let parts = id.split_once('/');
    parts.is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

/// Whether a part of an id leads nowhere else.
pub(super) fn is_name(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
}
