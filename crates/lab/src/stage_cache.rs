//! What finished stages of an experiment found, under the name of everything that they depend on.

use std::io;

use layerlab_model::{ModelFiles, tensors::CheckpointError};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{LabError, OpenModel, StageError, Stages};

/// Stages under the name of what they were computed from.
pub(crate) struct StageCache<'a> {
    pub fingerprint: String,
    pub stages: &'a mut dyn Stages,
    /// Stages that were asked for.
    pub asked: usize,
    /// Those of them that were finished before.
    pub resumed: usize,
}

impl<'a> StageCache<'a> {
    pub fn new(fingerprint: String, stages: &'a mut dyn Stages) -> Self {
        Self {
            fingerprint,
            stages,
            asked: 0,
            resumed: 0,
        }
    }

    fn name(&self, stage: &str) -> String {
        format!("{}/{stage}.json", self.fingerprint)
    }

    /// A stage's finding. One that cannot be read, from another version perhaps, is computed anew.
    pub fn load<T: DeserializeOwned>(&mut self, stage: &str) -> Option<T> {
        self.asked += 1;
        let found = serde_json::from_str(&self.stages.load(&self.name(stage))?).ok()?;
        self.resumed += 1;
        Some(found)
    }

    /// Keeps a finding and gives it back as a later run would read it, so that a run taken up again ends
    /// with the same numbers to the last digit.
    pub fn keep<T: Serialize + DeserializeOwned>(
        &mut self,
        stage: &str,
        found: T,
    ) -> Result<T, LabError> {
        let name = self.name(stage);
        let Ok(written) = serde_json::to_string(&found) else {
            // What JSON cannot hold is computed anew next time.
            return Ok(found);
        };
        self.stages.save(&name, &written)?;
        Ok(serde_json::from_str(&written).unwrap_or(found))
    }
}

/// Files beside the weights that shape what a model answers.
const SHAPING: [&str; 9] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
];

/// SHA-256 of the files beside the weights that shape what a model answers, as hexadecimal.
pub(crate) async fn shaping_files<F: ModelFiles>(files: &F) -> Result<String, LabError> {
    let mut hasher = Sha256::new();
    for name in SHAPING {
        let contents = files
            .read_small(name)
            .await
            .map_err(CheckpointError::from)?;
        // With its length, so that nothing can pass from one file to the next.
        let length = contents.as_ref().map(|contents| contents.len() as u64);
        hasher.update(format!("{name} {length:?} "));
        hasher.update(contents.unwrap_or_default());
    }
    Ok(format!("{:x}", hasher.finalize()))
}

/// Everything that a stage depends on, as a short hash: the model by all of its files, the device, and `inputs`, of which
/// every field that is serialised counts: whole datasets with their items and how their fields were read, and all options.
pub(crate) async fn fingerprint<F: ModelFiles>(
    model: &OpenModel<F>,
    inputs: impl Serialize,
) -> Result<String, LabError> {
    let mut hasher = Sha256::new();
    let inputs = (
        env!("CARGO_PKG_VERSION"),
        shaping_files(model.checkpoint.files()).await?,
        model.checkpoint.sha256().await?,
        (model.device.kind, &model.device.name),
        inputs,
    );
    serde_json::to_writer(&mut hasher, &inputs).map_err(|error| {
        let name = "what the experiment depends on".to_owned();
        let source = io::Error::other(error);
        StageError { name, source }
    })?;
    let hash = format!("{:x}", hasher.finalize());
    Ok(hash[..16].to_owned())
}
