//! Families as data: each file turns a `config.json` into a [`DecoderSpec`] and names the tensors.
//!
//! To add a family, add a file with a `spec` function and a [`TensorNames`], list it in
//! [`FAMILIES`], and add a golden (tests/goldens).

mod common;
mod gemma;
mod gpt2;
mod gpt_neo;
mod gpt_neox;
mod granite;
mod layout;
mod llama;
mod map;
mod names;
mod olmo2;
mod opt;
mod phi;
mod phi3;
mod qwen;
mod refused;
mod rotary;
mod smollm3;
mod stablelm;
mod starcoder2;

pub use layout::{Affine, BlockTensors, ExpectedTensor, GateUp, QueryKeyValue, TensorLayout};
pub use map::Map;
pub use names::{AttentionNames, LinearLayout, MlpNames, StoredMap, TensorNames};

use crate::{Config, DecoderSpec, SpecError, spec::HeadNormSpec};

/// How one family reads its configuration and names its tensors.
pub struct Family {
    /// `model_type` in `config.json`.
    pub model_type: &'static str,
    /// Configuration to spec.
    pub spec: fn(&Config) -> Result<DecoderSpec, SpecError>,
    /// Names in the checkpoint.
    pub names: &'static TensorNames,
}

/// Every family that can be run.
pub const FAMILIES: &[Family] = &[
    gemma::GEMMA2,
    gemma::GEMMA3,
    gpt2::FAMILY,
    gpt_neo::FAMILY,
    gpt_neox::FAMILY,
    granite::FAMILY,
    llama::LLAMA,
    llama::MISTRAL,
    olmo2::FAMILY,
    opt::FAMILY,
    phi::FAMILY,
    phi3::FAMILY,
    qwen::QWEN2,
    qwen::QWEN3,
    smollm3::FAMILY,
    stablelm::FAMILY,
    starcoder2::FAMILY,
];

/// Fields in which models of several parts keep the configuration of their language model.
const SECTIONS: [&str; 3] = ["text_config", "llm_config", "language_config"];

/// The family that `config` names.
///
/// # Errors
/// When the configuration names none, or one that is not known.
pub fn of(config: &Config) -> Result<&'static Family, SpecError> {
    let found = config.model_type();
    let known = found.as_ref().ok().and_then(|found| known(found));
    if let Some(family) = known {
        return Ok(family);
    }
    for section in SECTIONS {
        // What is no object is no configuration either.
        if let Ok(Some(inner)) = config.section(section) {
            // To save the language model by itself helps where that can be run.
            if let Some(reason) = inner.model_type().ok().and_then(refused::reason) {
                return Err(reason);
            }
            return Err(SpecError::Nested {
                found: found.unwrap_or("a model without `model_type`").to_owned(),
                section,
                inner: inner.model_type().unwrap_or("not named").to_owned(),
            });
        }
    }
    named(found?)
}

/// The family of that `model_type`.
///
/// # Errors
/// When it is not known.
pub fn named(model_type: &str) -> Result<&'static Family, SpecError> {
    if let Some(family) = known(model_type) {
        return Ok(family);
    }
    Err(
        refused::reason(model_type).unwrap_or_else(|| SpecError::UnknownFamily {
            found: model_type.to_owned(),
            known: all_known(),
        }),
    )
}

fn known(model_type: &str) -> Option<&'static Family> {
    let mut families = FAMILIES.iter();
    families.find(|family| family.model_type == model_type)
}

/// The families that can be run, for messages.
fn all_known() -> String {
    known_families().collect::<Vec<_>>().join(", ")
}

impl DecoderSpec {
    /// The decoder that a `config.json` describes.
    ///
    /// # Errors
    /// When the family is unknown, or the configuration is incomplete, contradictory or asks for what
    /// cannot be run.
    pub fn from_config(config: &Config) -> Result<Self, SpecError> {
        let family = of(config)?;
        let spec = (family.spec)(config)?;
        // Each head has a tensor of its own, so that there are not more heads than tensors either.
        if let Some(HeadNormSpec::LayerNormPerHead) = spec.attention.head_norm {
            config.bounded("num_attention_heads", spec.attention.heads)?;
        }
        if spec.counted().is_none() {
            let problem = "these sizes make more weights than any memory has".to_owned();
            return Err(SpecError::Inconsistent(problem));
        }
        Ok(spec)
    }
}

/// The `model_type` of every family that can be run, in alphabetical order.
pub fn known_families() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.model_type)
}
