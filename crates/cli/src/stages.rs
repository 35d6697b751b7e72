//! Finished stages of a run on disk, so that a run that was broken off goes on from there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use layerlab_lab::{StageError, Stages};

use crate::output::Destination;

/// A folder of finished stages.
#[derive(Debug)]
pub struct StageFolder {
    path: PathBuf,
    /// What this run has read or written, to be taken away at its end.
    run: Option<PathBuf>,
}

impl StageFolder {
    /// `path`, or the user's cache.
    pub fn new(path: Option<PathBuf>) -> Self {
        let cache = || {
            let given = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
            let base = given.or(home).unwrap_or_else(std::env::temp_dir);
            base.join("layerlab/runs")
        };
        Self {
            path: path.unwrap_or_else(cache),
            run: None,
        }
    }

    /// Takes this run's stages away: the run has come to its end.
    pub fn clear(&self) {
        if let Some(run) = &self.run {
            // Left behind, they only take up space.
            let _ = fs::remove_dir_all(run);
        }
    }
}

impl Stages for StageFolder {
    fn load(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path.join(name)).ok()
    }

    fn save(&mut self, name: &str, found: &str) -> Result<(), StageError> {
        self.save_bytes(name, found.as_bytes())
    }

    fn save_bytes(&mut self, name: &str, found: &[u8]) -> Result<(), StageError> {
        let path = self.path.join(name);
        let failed = |source: io::Error| StageError {
            name: path.display().to_string(),
            source,
        };
        if let Some(run) = path.parent() {
            fs::create_dir_all(run).map_err(failed)?;
            self.run = Some(run.to_owned());
        }
        let destination = Destination {
            path: Some(path.clone()),
            force: true,
        };
        destination
            .write(found)
            .map_err(|failure| failed(io::Error::other(failure.to_string())))
    }

    fn load_bytes(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.path.join(name)).ok()
    }
}
