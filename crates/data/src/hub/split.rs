//! Which part of a dataset is meant by `owner/name[:config][@split]`.

use std::{collections::BTreeMap, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Splits that are taken if none is named, the first that there is.
const USUAL_SPLITS: [&str; 3] = ["validation", "test", "train"];
/// How the Hub calls a split of which it has the beginning alone.
const PARTIAL: &str = "partial-";

/// What a user calls a dataset of the Hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetId {
    repository: String,
    config: Option<String>,
    split: Option<String>,
}

/// The files of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChosenSplit {
    /// The dataset with its configuration and split.
    pub name: String,
    /// Paths in the repository, in the order in which they belong together.
    pub files: Vec<String>,
}

/// A part of a dataset that must be named, or is not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SplitError {
    /// Not an id.
    #[error(
        "`{0}` is neither a file nor a dataset id such as owner/name, owner/name:config or owner/name@split"
    )]
    Id(String),
    /// It has several configurations, or not the one that was named.
    #[error(
        "name one of the configurations of {dataset}: {}",
        with(dataset, ':', configs)
    )]
    Config {
        /// The dataset.
        dataset: String,
        /// What there is.
        configs: Vec<String>,
    },
    /// It has not the split that was named, or none of the usual ones.
    #[error("name one of the splits of {dataset}: {}", with(dataset, '@', splits))]
    Split {
        /// The dataset and its configuration.
        dataset: String,
        /// What there is.
        splits: Vec<String>,
    },
}

fn with(dataset: &str, separator: char, parts: &[String]) -> String {
    let parts = parts
        .iter()
        .map(|part| format!("{dataset}{separator}{part}"));
    parts.collect::<Vec<_>>().join(", ")
}

impl FromStr for DatasetId {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        let (rest, split) = parted(text, '@');
        let (repository, config) = parted(rest, ':');
        let is_blank = |part: &Option<&str>| part.is_some_and(|part| part.trim().is_empty());
        let parts: Vec<&str> = repository.split('/').collect();
        let is_id = parts.len() == 2 && parts.iter().all(|part| !part.is_empty());
        if !is_id || is_blank(&config) || is_blank(&split) {
            return Err(SplitError::Id(text.to_owned()));
        }
        Ok(Self {
            repository: repository.into(),
            config: config.map(str::to_owned),
            split: split.map(str::to_owned),
        })
    }
}

fn parted(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

impl DatasetId {
    /// `owner/name`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The files of the split that is meant, among `config/split/0000.parquet` of all.
    ///
    /// # Errors
    /// When there are several configurations and none is named, or what is named is not there.
    pub fn chosen(&self, files: &[String]) -> Result<ChosenSplit, SplitError> {
        let mut configs: BTreeMap<&str, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
        for file in files.iter().filter(|file| file.ends_with(".parquet")) {
            if let Some((folder, _)) = file.rsplit_once('/')
                && let Some((config, split)) = folder.rsplit_once('/')
            {
                let splits = configs.entry(config).or_default();
                splits.entry(split).or_default().push(file.clone());
            }
        }
        let named = match &self.config {
            Some(config) => configs.get_key_value(config.as_str()),
            None if configs.len() == 1 => configs.first_key_value(),
            None => None,
        };
        let (config, splits) = named.ok_or_else(|| SplitError::Config {
            dataset: self.repository.clone(),
            configs: configs.keys().map(|config| (*config).to_owned()).collect(),
        })?;
        let dataset = format!("{}:{config}", self.repository);
        let find = |wanted: &str| splits.iter().find(|(split, _)| plain(split) == wanted);
        let named = match &self.split {
            Some(split) => find(split),
            None => {
                let usual = USUAL_SPLITS.into_iter().find_map(find);
                usual.or_else(|| splits.first_key_value().filter(|_| splits.len() == 1))
            }
        };
        let (split, files) = named.ok_or_else(|| SplitError::Split {
            dataset: dataset.clone(),
            splits: splits.keys().map(|split| plain(split).to_owned()).collect(),
        })?;
        let beginning = match split.starts_with(PARTIAL) {
            true => " (its beginning)",
            false => "",
        };
        let mut files = files.clone();
        files.sort();
        Ok(ChosenSplit {
            name: format!("{dataset}@{}{beginning}", plain(split)),
            files,
        })
    }
}

fn plain(split: &str) -> &str {
    split.strip_prefix(PARTIAL).unwrap_or(split)
}
