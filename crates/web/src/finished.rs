//! Finished stages, kept while the page is open.

use std::collections::BTreeMap;

use layerlab_lab::{StageError, Stages};

/// What stages found, by their names.
#[derive(Debug, Default)]
pub(crate) struct Finished(BTreeMap<String, String>);

impl Stages for Finished {
    fn load(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn save(&mut self, name: &str, found: &str) -> Result<(), StageError> {
        self.0.insert(name.to_owned(), found.to_owned());
        Ok(())
    }
}
