//! Models of kinds that are known and cannot be run, so that the refusal says why and what to take instead.

use super::all_known;
use crate::SpecError;

const EXPERTS: &str =
    "is a mixture of experts: a router sends each token through a few of many MLPs";
const STATE_SPACE: &str =
    "carries a state from token to token in place of attention, in some or all of its layers";
const SEVERAL_SENSES: &str = "reads images or sound beside text";
const ENCODER: &str =
    "has an encoder, whose tokens see those after them: it does not continue text";
const CHUNKED: &str =
    "attends within chunks, scales queries by their position and is a mixture of experts";
const NESTED_LAYERS: &str = "has embeddings in every layer and several streams beside each other";
const LATENT: &str = "compresses keys and values into a latent vector and is a mixture of experts";

/// `model_type`, what it is, and a family that can be run of the same makers, if there is one.
const REFUSED: &[(&str, &str, Option<&str>)] = &[
    ("dbrx", EXPERTS, None),
    ("ernie4_5_moe", EXPERTS, None),
    ("flex_olmo", EXPERTS, Some("olmo2")),
    ("glm4_moe", EXPERTS, None),
    ("gpt_oss", EXPERTS, None),
    ("granitemoe", EXPERTS, Some("granite")),
    ("granitemoeshared", EXPERTS, Some("granite")),
    ("hunyuan_v1_moe", EXPERTS, None),
    ("jetmoe", EXPERTS, None),
    ("minimax", EXPERTS, None),
    ("minimax_m2", EXPERTS, None),
    ("mixtral", EXPERTS, Some("mistral")),
    ("olmoe", EXPERTS, Some("olmo2")),
    ("phimoe", EXPERTS, Some("phi3")),
    ("qwen2_moe", EXPERTS, Some("qwen2")),
    ("qwen3_moe", EXPERTS, Some("qwen3")),
    ("deepseek_v2", LATENT, None),
    ("deepseek_v3", LATENT, None),
    ("kimi_k2", LATENT, None),
    ("longcat_flash", LATENT, None),
    ("llama4", CHUNKED, Some("llama")),
    ("llama4_text", CHUNKED, Some("llama")),
    ("bamba", STATE_SPACE, None),
    ("falcon_h1", STATE_SPACE, None),
    ("falcon_mamba", STATE_SPACE, None),
    ("granitemoehybrid", STATE_SPACE, Some("granite")),
    ("jamba", STATE_SPACE, None),
    ("kimi_linear", STATE_SPACE, None),
    ("lfm2", STATE_SPACE, None),
    ("lfm2_moe", STATE_SPACE, None),
    ("mamba", STATE_SPACE, None),
    ("mamba2", STATE_SPACE, None),
    ("nemotron_h", STATE_SPACE, None),
    ("olmo_hybrid", STATE_SPACE, Some("olmo2")),
    ("qwen3_next", STATE_SPACE, Some("qwen3")),
    ("qwen3_5", STATE_SPACE, Some("qwen3")),
    ("qwen3_5_text", STATE_SPACE, Some("qwen3")),
    ("qwen3_5_moe", STATE_SPACE, Some("qwen3")),
    ("qwen3_5_moe_text", STATE_SPACE, Some("qwen3")),
    ("recurrent_gemma", STATE_SPACE, Some("gemma3_text")),
    ("rwkv", STATE_SPACE, None),
    ("xlstm", STATE_SPACE, None),
    ("zamba", STATE_SPACE, None),
    ("zamba2", STATE_SPACE, None),
    ("gemma3n", NESTED_LAYERS, Some("gemma3_text")),
    ("gemma3n_text", NESTED_LAYERS, Some("gemma3_text")),
    ("aya_vision", SEVERAL_SENSES, None),
    ("chameleon", SEVERAL_SENSES, None),
    ("fuyu", SEVERAL_SENSES, None),
    ("gemma3", SEVERAL_SENSES, Some("gemma3_text")),
    ("idefics", SEVERAL_SENSES, None),
    ("idefics2", SEVERAL_SENSES, None),
    ("idefics3", SEVERAL_SENSES, None),
    ("internvl_chat", SEVERAL_SENSES, None),
    ("llava", SEVERAL_SENSES, Some("llama")),
    ("llava_next", SEVERAL_SENSES, Some("llama")),
    ("minicpmv", SEVERAL_SENSES, None),
    ("mistral3", SEVERAL_SENSES, Some("mistral")),
    ("mllama", SEVERAL_SENSES, Some("llama")),
    ("paligemma", SEVERAL_SENSES, Some("gemma2")),
    ("phi3_v", SEVERAL_SENSES, Some("phi3")),
    ("phi4mm", SEVERAL_SENSES, Some("phi3")),
    ("phi4_multimodal", SEVERAL_SENSES, Some("phi3")),
    ("pixtral", SEVERAL_SENSES, Some("mistral")),
    ("qwen2_audio", SEVERAL_SENSES, Some("qwen2")),
    ("qwen2_vl", SEVERAL_SENSES, Some("qwen2")),
    ("qwen2_5_omni", SEVERAL_SENSES, Some("qwen2")),
    ("qwen2_5_vl", SEVERAL_SENSES, Some("qwen2")),
    ("qwen3_vl", SEVERAL_SENSES, Some("qwen3")),
    ("qwen3_vl_moe", SEVERAL_SENSES, Some("qwen3")),
    ("smolvlm", SEVERAL_SENSES, Some("smollm3")),
    ("whisper", SEVERAL_SENSES, None),
    ("albert", ENCODER, None),
    ("bart", ENCODER, None),
    ("bert", ENCODER, None),
    ("deberta-v2", ENCODER, None),
    ("distilbert", ENCODER, None),
    ("electra", ENCODER, None),
    ("mbart", ENCODER, None),
    ("modernbert", ENCODER, None),
    ("mt5", ENCODER, None),
    ("pegasus", ENCODER, None),
    ("roberta", ENCODER, None),
    ("t5", ENCODER, None),
    ("t5gemma", ENCODER, Some("gemma2")),
    ("umt5", ENCODER, None),
    ("xlm-roberta", ENCODER, None),
];

/// Why a `model_type` cannot be run; none where nothing is known of it.
pub(super) fn reason(model_type: &str) -> Option<SpecError> {
    let mut rows = REFUSED.iter();
    let (found, kind, relative) = rows.find(|(name, ..)| *name == model_type)?;
    let known = all_known();
    Some(SpecError::OtherKind {
        found: (*found).to_owned(),
        kind,
        instead: match relative {
            Some(relative) => {
                format!("of the same makers, models of `{relative}` can be run; known are {known}")
            }
            None => format!("known are {known}"),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::known_families;

    #[test]
    fn what_is_refused_is_told_once_and_never_runs() {
        let families: BTreeSet<&str> = known_families().collect();
        let mut seen = BTreeSet::new();
        for (name, _, relative) in REFUSED {
            assert!(seen.insert(name), "{name} stands here twice");
            assert!(!families.contains(name), "{name} can be run");
            if let Some(relative) = relative {
                assert!(
                    families.contains(relative),
                    "{name}: {relative} cannot be run"
                );
            }
        }
    }
}
