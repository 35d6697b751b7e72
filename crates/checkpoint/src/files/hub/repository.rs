//! A repository on the Hub, and the Parquet files of datasets.

use std::{fs, path::PathBuf};

use super::{
    DownloadProgress, HubError, HubOptions,
    cache::Cache,
    download::Download,
    names::{is_id, is_inside},
};

/// The branch in which the Hub keeps every dataset as Parquet files, `config/split/0000.parquet`.
const PARQUET: &str = "refs/convert/parquet";

/// What we keep beside the files of a revision: the names of all.
const NAMES: &str = "layerlab.json";

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    /// `model` or `dataset`.
    pub kind: &'static str,
    /// `owner/name`.
    pub id: String,
    pub revision: String,
}

impl Repository {
    /// Where a file lies on the server.
    pub fn file(&self, endpoint: &str, file: &str) -> String {
        let kind = match self.kind {
            "dataset" => "datasets/",
            _ => "",
        };
        format!(
            "{endpoint}/{kind}{}/resolve/{}/{file}",
            self.id,
            self.revision_in_address()
        )
    }

    /// Where the names of all files are told.
    pub fn listing(&self, endpoint: &str) -> String {
        let revision = self.revision_in_address();
        format!(
            "{endpoint}/api/{}s/{}/revision/{revision}",
            self.kind, self.id
        )
    }

    fn revision_in_address(&self) -> String {
        self.revision.replace('/', "%2F")
    }
}

/// The Parquet files of a dataset on the Hub, or what of them is in the cache.
#[derive(Debug)]
pub struct DatasetRepository {
    repository: Repository,
    cached: Cache,
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
        let repository = Repository {
            kind: "dataset",
            id: id.into(),
            revision: PARQUET.into(),
        };
        Ok(Self {
            cached: Cache::of(&repository, options)?,
            repository,
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
        let find = |files: &[String]| -> Option<Vec<PathBuf>> {
            files.iter().map(|file| self.cached.get(file)).collect()
        };
        if let Some(Ok((said, files))) = self.kept().map(|names| choose(&names))
            && let Some(paths) = find(&files)
        {
            return Ok((said, paths));
        }
        let id = || self.repository.id.clone();
        let mut download = Download::new(&self.repository, &self.cached, &self.options, progress)?;
        let names = download
            .listed()?
            .ok_or_else(|| HubError::NoDataset { id: id() })?;
        let (said, files) = choose(&names)?;
        for file in &files {
            download.needed(file)?;
        }
        let paths = find(&files).ok_or_else(|| HubError::Changed { id: id() })?;
        self.keep(&names);
        Ok((said, paths))
    }

    /// The names of all files, as they were when files of this revision were fetched.
    fn kept(&self) -> Option<Vec<String>> {
        let names = fs::read(self.cached.get(NAMES)?).ok()?;
        let names: Vec<String> = serde_json::from_slice(&names).ok()?;
        names.iter().all(|name| is_inside(name)).then_some(names)
    }

    /// Keeps the names of all files beside them.
    fn keep(&self, names: &[String]) {
        // A folder is found as a file is.
        if let Some(folder) = self.cached.get("") {
            let names = serde_json::Value::from(names).to_string();
            // Without them, the Hub is asked again.
            let _ = fs::write(folder.join(NAMES), names);
        }
    }
}
