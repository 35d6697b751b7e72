//! A text that the whole model writes itself, for when no other is at hand.

use std::ops::ControlFlow;

use layerlab_model::{GenerateOptions, Sampling, generate_batch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::HealRequest;
use crate::{LabError, OpenModel, Progress, Run, Text, TextOptions, WholeText};

/// Sequences that are written together.
const AT_ONCE: usize = 16;

/// Which text healing learns from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HealSource {
    /// The one that layers are scored on.
    #[default]
    Calibration,
    /// One that the whole model writes itself.
    Own {
        /// Sequences.
        sequences: usize,
        /// Tokens of each; the model's context but at most 256 if none.
        length: Option<usize>,
        /// Seed of the draws.
        seed: u64,
    },
}

impl HealRequest {
    /// The text that the whole model writes, where something is to learn from that.
    ///
    /// # Errors
    /// As [`own_text`].
    pub async fn own_text<F>(
        &self,
        model: &OpenModel<F>,
        run: &mut Run<'_>,
    ) -> Result<Option<Text>, LabError> {
        let HealSource::Own {
            sequences,
            length,
            seed,
        } = self.source
        else {
            return Ok(None);
        };
        if self.healing().is_empty() {
            return Ok(None);
        }
        let options = TextOptions {
            sequence_length: length,
            max_sequences: sequences,
        };
        own_text(model, options, seed, run).await.map(Some)
    }
}

/// Has the model write a text: each sequence begins with BOS where the tokenizer adds one, then with a token drawn from the whole
/// vocabulary, since otherwise all would begin alike (as LLM-QAT has it, arXiv 2305.17888); what follows is drawn from what the model
/// predicts, at temperature 1.
///
/// # Errors
/// When sequences cannot have the length that is asked for, there are to be none, the device fails, or the caller asks to stop.
async fn own_text<F>(
    model: &OpenModel<F>,
    options: TextOptions,
    seed: u64,
    run: &mut Run<'_>,
) -> Result<Text, LabError> {
    let spec = model.decoder.spec();
    let count = options.max_sequences;
    let length = options.length(spec.context)?;
    let bos = model.tokenizer.leading_bos();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let vocabulary = spec.vocab_size.min(model.tokenizer.vocab_size()).max(1) as u32;
    let mut begun: Vec<Vec<u32>> = Vec::with_capacity(count);
    for _ in 0..count {
        let first = random.random_range(0..vocabulary);
        let begin = bos.into_iter().chain([first]);
        begun.push(begin.take(length).collect());
    }
    let mut sequences: Vec<Vec<u32>> = Vec::with_capacity(count);
    for (place, part) in begun.chunks(AT_ONCE).enumerate() {
        let written = GenerateOptions {
            max_new_tokens: length - part.first().map_or(length, Vec::len),
            sampling: Sampling::Sample {
                temperature: 1.0,
                top_k: None,
                top_p: None,
                seed: seed.wrapping_add(1 + place as u64),
            },
            stop: Vec::new(),
        };
        let progress = Progress::Continuing {
            done: sequences.len(),
            total: count,
        };
        let mut go_on = || match run.report(progress) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let mut never = |_: &[u32]| false;
        let texts = generate_batch(&model.decoder, part, &written, &mut never, &mut go_on).await?;
        let texts = texts.ok_or(LabError::Cancelled)?;
        let whole = part.iter().zip(texts);
        sequences.extend(whole.map(|(begin, text)| [&begin[..], &text].concat()));
    }
    let ids: Vec<u8> = sequences
        .iter()
        .flatten()
        .flat_map(|id| id.to_le_bytes())
        .collect();
    let tokens = sequences.iter().map(Vec::len).sum();
    Ok(Text {
        name: "written by the model itself".into(),
        sha256: format!("{:x}", Sha256::digest(&ids)),
        bytes: ids.len() as u64,
        sequence_length: length,
        bos: bos.is_some(),
        whole: WholeText {
            tokens,
            sequences: count,
            is_estimate: false,
        },
        sequences,
    })
}
