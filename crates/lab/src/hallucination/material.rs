//! What a repair reads: pairs and neutral text to learn from, questions and other texts to be judged by.

use layerlab_eval::{Dataset, Items, Shard, TokenPair};
use layerlab_tune::Material;

use super::{
    RepairRequest, enough_pairs,
    split::{SplitPart, SplitReport, only},
    token_pairs,
};
use crate::{LabError, OpenModel, Run};

/// Tokens of a neutral sequence.
const NEUTRAL_TOKENS: usize = 64;
/// One neutral sequence in so many is watched by the guard, and not trained on.
const GUARD_SHARE: usize = 4;

/// What a repair reads.
#[derive(Debug, Clone)]
pub struct RepairMaterial {
    /// Questions; half are trained on, 15 % choose the best step, the rest are judged on.
    pub datasets: Vec<Dataset>,
    /// Neutral text that is trained on and watched.
    pub neutral: String,
    /// Other texts that the perplexity is judged on.
    pub texts: Vec<Dataset>,
}

/// Of a neutral text, the last part is judged on and never trained on.
const JUDGED_SHARE: f64 = 0.2;

impl RepairMaterial {
    /// Questions, and one neutral text for everything: its end is judged on, the rest trained on and watched.
    pub fn with_neutral(datasets: Vec<Dataset>, name: &str, mut text: String) -> Self {
        let last = (text.len() as f64 * (1.0 - JUDGED_SHARE)) as usize;
        let judged = text.split_off(text.floor_char_boundary(last));
        Self {
            datasets,
            neutral: text,
            texts: vec![Dataset::of_text(format!("the end of {name}"), judged)],
        }
    }
}

/// A repair's material, parted.
pub(super) struct Prepared {
    /// Everything that is trained on.
    pub taught: Material,
    /// How it was parted.
    pub split: SplitReport,
    /// The datasets that are judged on.
    pub held_out: Vec<Dataset>,
    /// Pairs of the held-out questions, made as those are that are trained on.
    pub held_out_pairs: Vec<TokenPair>,
}

/// Parts everything into what is trained on and what is judged on.
pub(super) async fn prepare<F>(
    model: &OpenModel<F>,
    material: &RepairMaterial,
    request: &RepairRequest,
    run: &mut Run<'_>,
) -> Result<Prepared, LabError> {
    let seed = request.recipe.seed;
    let [mut train, mut validation, mut held_out_pairs]: [Vec<TokenPair>; 3] = Default::default();
    let mut truncated = 0;
    let has_choices = material
        .datasets
        .iter()
        .any(|dataset| matches!(dataset.items, Items::Choices(_)));
    for dataset in &material.datasets {
        // Where there are choices, questions to answer freely are for judging alone.
        let is_taught = match &dataset.items {
            Items::Choices(_) => true,
            Items::Answers(_) => !has_choices,
            Items::Text(_) | Items::Labels(_) => false,
        };
        for (side, pairs) in [
            (SplitPart::Train, &mut train),
            (SplitPart::Validation, &mut validation),
            (SplitPart::Test, &mut held_out_pairs),
        ] {
            let part = only(dataset, side, seed);
            if is_taught && part.items.len() >= 2 {
                let whole = (&part, Shard::WHOLE);
                let found = token_pairs(model, &model.decoder, whole, &request.locate, run).await?;
                // Held-out questions are judged by their tasks too, and can do without pairs.
                if side != SplitPart::Test {
                    enough_pairs(&part.name, found.pairs.len())?;
                    truncated += found.truncated;
                }
                pairs.extend(found.pairs);
            }
        }
    }
    let held_out = material
        .datasets
        .iter()
        .map(|dataset| only(dataset, SplitPart::Test, seed));
    let held_out: Vec<Dataset> = held_out
        .filter(|dataset| !dataset.items.is_empty())
        .chain(material.texts.iter().cloned())
        .collect();
    let ids = model.tokenizer.encode_text(&material.neutral)?;
    let length = NEUTRAL_TOKENS.min(model.decoder.spec().context);
    let sequences = ids.chunks(length).filter(|ids| ids.len() > 1);
    let (mut neutral_train, mut neutral_validation) = (Vec::new(), Vec::new());
    for (place, sequence) in sequences.enumerate() {
        match place % GUARD_SHARE == GUARD_SHARE - 1 {
            true => neutral_validation.push(sequence.to_vec()),
            false => neutral_train.push(sequence.to_vec()),
        }
    }
    let tokens = |sequences: &[Vec<u32>]| sequences.iter().map(Vec::len).sum();
    let questions = held_out
        .iter()
        .filter(|dataset| matches!(dataset.items, Items::Choices(_) | Items::Answers(_)));
    let split = SplitReport {
        questions: material
            .datasets
            .iter()
            .map(|dataset| dataset.items.len())
            .sum(),
        of: material.datasets.iter().map(|dataset| dataset.of).sum(),
        skipped: material
            .datasets
            .iter()
            .map(|dataset| dataset.skipped.len())
            .sum(),
        truncated,
        train: train.len(),
        validation: validation.len(),
        test: questions.map(|dataset| dataset.items.len()).sum(),
        neutral_train: tokens(&neutral_train),
        neutral_validation: tokens(&neutral_validation),
    };
    Ok(Prepared {
        taught: Material {
            train,
            validation,
            neutral_train,
            neutral_validation,
        },
        split,
        held_out,
        held_out_pairs,
    })
}
