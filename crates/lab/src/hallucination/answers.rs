//! What a model says to held-out questions, before and after a repair.

use std::ops::ControlFlow;

use layerlab_eval::{Dataset, Generated, Items, dataset::Answer, generate_answers};
use layerlab_model::{Adapters, Decoder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    RepairMaterial, RepairRequest,
    split::{SplitPart, only},
};
use crate::{LabError, OpenModel, Progress, Run};

/// A held-out question, and what the model said to it before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerChange {
    /// The dataset.
    pub dataset: String,
    /// The question.
    pub question: String,
    /// What counts as right.
    pub right: Vec<String>,
    /// The model as it was.
    pub before: GivenAnswer,
    /// The repaired model.
    pub after: GivenAnswer,
}

/// A greedy answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GivenAnswer {
    /// Its first line.
    pub text: String,
    /// Whether it is one of the right answers, after SQuAD's normalisation.
    pub is_right: bool,
    /// Geometric mean of the probabilities of its tokens.
    pub confidence: f64,
}

impl From<Generated> for GivenAnswer {
    fn from(generated: Generated) -> Self {
        Self {
            text: generated.text,
            is_right: generated.right,
            confidence: generated.confidence,
        }
    }
}

/// Lets the model as it was and the repaired one answer the same held-out questions, at most `count` of each dataset.
/// Questions with choices are asked only where there are none to answer freely, and then without their choices.
///
/// # Errors
/// When the model cannot read a question, the device fails, or the caller asks to stop.
pub async fn answer_changes<F>(
    model: &OpenModel<F>,
    adapters: &Adapters,
    material: &RepairMaterial,
    request: &RepairRequest,
    count: usize,
    run: &mut Run<'_>,
) -> Result<Vec<AnswerChange>, LabError> {
    let seed = request.recipe.seed;
    let repaired = model.decoder.with_adapters(adapters).merged();
    let is_free = |dataset: &&Dataset| matches!(dataset.items, Items::Answers(_));
    let has_free = material.datasets.iter().any(|dataset| is_free(&dataset));
    let asked = material
        .datasets
        .iter()
        .filter(|dataset| !has_free || is_free(dataset));
    let mut changes = Vec::new();
    for dataset in asked {
        let held_out = only(dataset, SplitPart::Test, seed).sample(count, seed);
        let questions = questions(&held_out);
        if questions.is_empty() {
            continue;
        }
        let mut said = [Vec::new(), Vec::new()];
        for (models, decoder) in [&model.decoder, &repaired].into_iter().enumerate() {
            said[models] =
                answers(model, decoder, &held_out, &questions, request, models, run).await?;
        }
        let [before, after] = said;
        let answers = questions.into_iter().zip(before).zip(after);
        changes.extend(answers.map(|((asked, before), after)| AnswerChange {
            dataset: dataset.name.clone(),
            question: asked.question,
            right: asked.answers,
            before: before.into(),
            after: after.into(),
        }));
    }
    Ok(changes)
}

async fn answers<F>(
    model: &OpenModel<F>,
    decoder: &Decoder,
    dataset: &Dataset,
    questions: &[Answer],
    request: &RepairRequest,
    models: usize,
    run: &mut Run<'_>,
) -> Result<Vec<Generated>, LabError> {
    let mut progress = |done, total| {
        let step = Progress::Evaluating {
            models,
            of: 2,
            done,
            total,
        };
        match run.report(step) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let (tokenizer, options) = (&model.tokenizer, &request.locate.eval);
    Ok(generate_answers(
        decoder,
        tokenizer,
        dataset,
        questions,
        options,
        &mut progress,
    )
    .await?)
}

/// Questions to answer freely; those with choices lose them.
fn questions(dataset: &Dataset) -> Vec<Answer> {
    match &dataset.items {
        Items::Answers(items) => items.clone(),
        Items::Choices(items) => items
            .iter()
            .filter_map(|item| {
                let set = item.single.as_ref().or(item.multiple.as_ref())?;
                let choices = set.choices.iter().zip(&set.right);
                let right = choices.filter(|(_, right)| **right);
                Some(Answer {
                    line: item.line,
                    group: item.group.clone(),
                    question: item.question.clone(),
                    answers: right.map(|(choice, _)| choice.clone()).collect(),
                })
            })
            .collect(),
        Items::Text(_) | Items::Labels(_) => Vec::new(),
    }
}
