//! What shards of one experiment have in common.

use layerlab_model::ModelFiles;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    LabError, OpenModel,
    peers::GarbledShare,
    report::{Experiment, Program},
    stage_cache::shaping_files,
};

/// Everything that figures depend on, but for the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    program: Program,
    experiment: Experiment,
    /// SHA-256 of the weights.
    weights: String,
    /// SHA-256 of the other files of the model that matter.
    files: String,
    /// SHA-256 of the sequences and items.
    data: String,
    options: Value,
}

impl Inputs {
    pub(super) async fn of<F: ModelFiles>(
        model: &OpenModel<F>,
        experiment: Experiment,
        data: &impl Serialize,
        options: &impl Serialize,
    ) -> Result<Self, LabError> {
        let mut hasher = Sha256::new();
        serde_json::to_writer(&mut hasher, data).map_err(GarbledShare::from)?;
        Ok(Self {
            program: Program::this(),
            experiment,
            weights: model.checkpoint.sha256().await?,
            files: shaping_files(model.checkpoint.files()).await?,
            data: format!("{:x}", hasher.finalize()),
            options: serde_json::to_value(options).map_err(GarbledShare::from)?,
        })
    }

    /// Which experiment.
    pub fn experiment(&self) -> Experiment {
        self.experiment
    }

    /// How others differ; none where they do not.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let texts = [
            ("the program's version", {
                (&self.program.version, &other.program.version)
            }),
            ("the weights", (&self.weights, &other.weights)),
            (
                "the configuration or the tokenizer",
                (&self.files, &other.files),
            ),
            (
                "the texts, the items or how they were read",
                (&self.data, &other.data),
            ),
        ];
        if self.experiment != other.experiment {
            return Some("it is another kind of experiment".into());
        }
        let mut texts = texts.into_iter().filter(|(_, (one, two))| one != two);
        let of_texts = texts.next().map(|(what, _)| format!("{what} differ"));
        of_texts.or_else(|| {
            let place = first_difference(&self.options, &other.options)?;
            Some(format!("the option {place} differs"))
        })
    }
}

/// Where two values first differ, as a path of names.
fn first_difference(one: &Value, other: &Value) -> Option<String> {
    if let (Value::Object(one), Value::Object(other)) = (one, other) {
        let names = one.keys().chain(other.keys());
        let mut found = names.filter_map(|name| {
            let [one, other] = [one, other].map(|object| object.get(name).unwrap_or(&Value::Null));
            Some(match first_difference(one, other)? {
                inner if inner.is_empty() => name.clone(),
                inner => format!("{name}.{inner}"),
            })
        });
        return found.next();
    }
    (one != other).then(String::new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_option_that_differs_is_named() {
        let one = json!({"score": {"tap": "output", "epsilon": 1}, "batch": 4});
        assert_eq!(first_difference(&one, &one), None);
        let other = json!({"score": {"tap": "output", "epsilon": 2}, "batch": 5});
        let found = first_difference(&one, &other);
        assert_eq!(found.as_deref(), Some("score.epsilon"));
        let found = first_difference(&json!({}), &json!({"new": [1]}));
        assert_eq!(found.as_deref(), Some("new"));
    }
}
