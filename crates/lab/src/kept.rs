//! What finished stages of an experiment found, under the name of everything that they depend on.

use layerlab_model::ModelFiles;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{LabError, OpenModel, Stages};

/// Stages under the name of what they were computed from.
pub(crate) struct Kept<'a> {
    pub fingerprint: String,
    pub stages: &'a mut dyn Stages,
    /// Stages that were finished before.
    pub resumed: usize,
}

impl Kept<'_> {
    fn name(&self, stage: &str) -> String {
        format!("{}/{stage}.json", self.fingerprint)
    }

    /// A stage's finding. One that cannot be read, from another version perhaps, is computed anew.
    pub fn load<T: DeserializeOwned>(&mut self, stage: &str) -> Option<T> {
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

/// Everything that a stage depends on, as a short hash: the model, the device, and `inputs`.
pub(crate) async fn fingerprint<F: ModelFiles>(
    model: &OpenModel<F>,
    inputs: impl Serialize,
) -> Result<String, LabError> {
    let inputs = (
        env!("CARGO_PKG_VERSION"),
        model.checkpoint.sha256().await?,
        (model.device.kind, &model.device.name),
        inputs,
    );
    // Tuples of plain values always have a JSON form.
    let inputs = serde_json::to_string(&inputs).unwrap_or_default();
    let hash = format!("{:x}", Sha256::digest(inputs));
    Ok(hash[..16].to_owned())
}
