//! Gemma 2 and 3. Much of what they compute is in llama.cpp's code and not in the file: which layers slide, what the scores are
//! divided by, and where nothing else is said, where scores and logits end.

use serde_json::Value;

use super::{
    Architecture, Change, Fields, Names, Source,
    others::{put, rms_norm},
    source::Sizes,
};
use crate::gguf::GgufError;

use Change::{MinusOne, Same};

const NAMES: Names = Names {
    shared: &[
        ("token_embd", "model.embed_tokens", Same),
        ("output_norm", "model.norm", MinusOne),
        ("output", "lm_head", Same),
    ],
    block: "model.layers.{}.",
    within: &[&[
        ("attn_norm", "input_layernorm", MinusOne),
        ("attn_q", "self_attn.q_proj", Same),
        ("attn_k", "self_attn.k_proj", Same),
        ("attn_v", "self_attn.v_proj", Same),
        ("attn_output", "self_attn.o_proj", Same),
        ("attn_q_norm", "self_attn.q_norm", MinusOne),
        ("attn_k_norm", "self_attn.k_norm", MinusOne),
        ("post_attention_norm", "post_attention_layernorm", MinusOne),
        ("ffn_norm", "pre_feedforward_layernorm", MinusOne),
        ("ffn_gate", "mlp.gate_proj", Same),
        ("ffn_up", "mlp.up_proj", Same),
        ("ffn_down", "mlp.down_proj", Same),
        ("post_ffw_norm", "post_feedforward_layernorm", MinusOne),
    ]],
};

pub(super) const GEMMA2: Architecture = Architecture {
    name: "gemma2",
    names: NAMES,
    config: |source| {
        /// Layers of the model of 27 billion parameters, whose scores are divided by the root of another number.
        const LARGEST: u64 = 46;
        let (mut fields, sizes) = gemma(source, "gemma2", "Gemma2ForCausalLM", LARGEST)?;
        source.rotary(&mut fields, &sizes)?;
        slide(source, &mut fields, &sizes, 2)?;
        for (name, default) in [
            ("attn_logit_softcapping", 50.0),
            ("final_logit_softcapping", 30.0),
        ] {
            put(&mut fields, name, source.number(name)?.unwrap_or(default));
        }
        Ok(fields)
    },
};

pub(super) const GEMMA3: Architecture = Architecture {
    name: "gemma3",
    names: NAMES,
    config: |source| {
        const LARGEST: u64 = 62;
        let (mut fields, sizes) = gemma(source, "gemma3_text", "Gemma3ForCausalLM", LARGEST)?;
        source.rotary(&mut fields, &sizes)?;
        // The base of the layers that slide is not scaled.
        let local = source.number("rope.freq_base_swa")?.unwrap_or(10_000.0);
        put(&mut fields, "rope_local_base_freq", local);
        slide(source, &mut fields, &sizes, 6)?;
        let cap = source.number("final_logit_softcapping")?;
        let cap = cap.filter(|cap| *cap != 0.0);
        put(&mut fields, "final_logit_softcapping", cap);
        Ok(fields)
    },
};

/// What both say. `largest`: layers of the one model whose scores are divided by the root of its channels for each head.
fn gemma(
    source: &Source<'_>,
    model_type: &str,
    class: &str,
    largest: u64,
) -> Result<(Fields, Sizes), GgufError> {
    let (mut fields, sizes) = source.common(model_type, class)?;
    rms_norm(source, &mut fields)?;
    put(&mut fields, "hidden_activation", "gelu_pytorch_tanh");
    put(&mut fields, "attention_bias", false);
    let scalar = match sizes.layers == largest {
        true => sizes.hidden / sizes.heads,
        false => sizes.head_dim,
    };
    put(&mut fields, "query_pre_attn_scalar", scalar);
    Ok((fields, sizes))
}

/// Which layers slide: all but each `every`th, unless the file says another number or says it of each layer.
fn slide(
    source: &Source<'_>,
    fields: &mut Fields,
    sizes: &Sizes,
    every: u64,
) -> Result<(), GgufError> {
    const PATTERN: &str = "attention.sliding_window_pattern";
    let window = source.natural("attention.sliding_window")?;
    put(fields, "sliding_window", window.unwrap_or(4096));
    let key = source.key(PATTERN);
    let slides: Vec<bool> = match source.metadata.length(&key) {
        Some(length) if length == sizes.layers => {
            let said = source.metadata.list_of_numbers(&key)?;
            said.into_iter()
                .flatten()
                .map(|slides| slides != 0.0)
                .collect()
        }
        Some(length) => {
            return Err(GgufError::Metadata {
                key,
                problem: format!("has {length} entries for {} layers", sizes.layers),
            });
        }
        None => {
            let said = source.metadata.natural(&key)?;
            let every = said.filter(|every| *every > 0).unwrap_or(every);
            let layers = 1..=sizes.layers;
            layers.map(|layer| !layer.is_multiple_of(every)).collect()
        }
    };
    let kinds = slides.into_iter().map(|slides| match slides {
        true => Value::from("sliding_attention"),
        false => Value::from("full_attention"),
    });
    put(fields, "layer_types", kinds.collect::<Vec<_>>());
    Ok(())
}
