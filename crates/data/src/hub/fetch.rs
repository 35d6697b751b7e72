//! From an id to a dataset, by way of the cache.

use layerlab_checkpoint::files::hub::{DatasetRepository, DownloadProgress, HubError, HubOptions};
use thiserror::Error;

use super::{DatasetId, SplitError};
use crate::{Dataset, DatasetError, ReadOptions};

/// A dataset of the Hub that cannot be used.
#[derive(Debug, Error)]
pub enum HubDatasetError {
    /// It is not said which, or there is no such part of it.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// It cannot be fetched.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// It holds nothing that can be asked.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// Fetches a dataset into the cache, and reads it. Its name says which configuration and split were taken.
///
/// # Errors
/// When it does not exist, the configuration or split must be named, the download fails, or its form is not known.
pub fn read(
    id: &DatasetId,
    hub: &HubOptions,
    options: &ReadOptions,
    progress: &mut dyn FnMut(DownloadProgress),
) -> Result<Dataset, HubDatasetError> {
    let repository = DatasetRepository::open(id.repository(), hub)?;
    let choose = |files: &[String]| {
        let chosen = id.chosen(files)?;
        Ok::<_, HubDatasetError>((chosen.name, chosen.files))
    };
    let (name, paths) = repository.get(choose, progress)?;
    Ok(Dataset::read_parquet(name, &paths, options)?)
}
