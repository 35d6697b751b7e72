//! Where a training stands, on disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Recipe, TrainError, weights::Files};

const STATE: &str = "state.json";
const OPTIMIZER: &str = "optimizer.bin";

/// How far a training has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Of which recipe.
    pub recipe: Recipe,
    /// Steps done.
    pub step: usize,
    /// Loss of each step, in nats per token.
    pub losses: Vec<f64>,
}

/// Writes a checkpoint beside the old one and puts it in its place, so that one of them is always whole.
pub(super) fn write(
    folder: &Path,
    files: &Files,
    optimizer: &[u8],
    state: &State,
) -> Result<(), TrainError> {
    let fresh = folder.with_extension("new");
    let old = folder.with_extension("old");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| TrainError::File { path, source }
    };
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh).map_err(failed(&fresh))?;
    let state = serde_json::to_vec(state).unwrap_or_default();
    let named = files
        .iter()
        .map(|(name, contents)| (name.as_str(), &contents[..]));
    for (name, contents) in named.chain([(OPTIMIZER, optimizer), (STATE, &state)]) {
        let path = fresh.join(name);
        fs::write(&path, contents).map_err(failed(&path))?;
    }
    let _ = fs::remove_dir_all(&old);
    if folder.exists() {
        fs::rename(folder, &old).map_err(failed(folder))?;
    }
    fs::rename(&fresh, folder).map_err(failed(folder))?;
    let _ = fs::remove_dir_all(&old);
    Ok(())
}

/// A checkpoint of this recipe: where it lies, its state and the optimizer's; none where there is none.
pub(super) fn read(
    folder: &Path,
    recipe: &Recipe,
) -> Result<Option<(PathBuf, State, Vec<u8>)>, TrainError> {
    // A training that was stopped between two renames has left the old one.
    let old = folder.with_extension("old");
    let found = [folder, &old]
        .into_iter()
        .find(|folder| folder.join(STATE).exists());
    let Some(folder) = found else {
        return Ok(None);
    };
    let file = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).map_err(|source| TrainError::File { path, source })
    };
    let resume = |problem: String| TrainError::Resume {
        path: folder.to_owned(),
        problem,
    };
    let state: State =
        serde_json::from_slice(&file(STATE)?).map_err(|error| resume(error.to_string()))?;
    if state.recipe != *recipe {
        return Err(resume("it is of another recipe".into()));
    }
    Ok(Some((folder.to_owned(), state, file(OPTIMIZER)?)))
}
