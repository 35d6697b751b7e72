//! Scoring in parts: sequences.

use layerlab_model::ModelFiles;
use layerlab_score::ScoreOptions;

use super::{
    Inputs, NamedShard, ShardDocument, ShardError, ShardTask, document::Found, packed::Packed,
    task::enough,
};
use crate::{
    LabError, Measured, OpenModel, Report, Run, ScoreRequest, Text,
    report::{DataReport, Experiment},
};

/// Passes a part of the text's sequences through the model, and of the answers where losses are of these. None
/// where the shard is there already.
///
/// # Errors
/// As [`score_layers`](crate::score_layers), and when there are fewer sequences than shards, or what is there is something else.
pub async fn score_shard<F: ModelFiles>(
    model: &OpenModel<F>,
    text: &Text,
    request: &ScoreRequest,
    task: ShardTask<'_>,
    run: &mut Run<'_>,
) -> Result<Option<ShardDocument>, LabError> {
    let data = (DataReport::of(text), &text.sequences);
    let inputs = Inputs::of(model, Experiment::Score, &data, request).await?;
    if task.is_done(&inputs)? {
        return Ok(None);
    }
    let shard = task.shard;
    let own = shard.range(text.sequences.len());
    let part = Text {
        sequences: text.sequences[own].to_vec(),
        ..text.clone()
    };
    let mut request = request.clone();
    enough(shard, text.sequences.len(), "sequences")?;
    if let Some(answers) = &mut request.answers {
        enough(shard, answers.sequences.len(), "answers")?;
        let own = shard.range(answers.sequences.len());
        answers.sequences = answers.sequences[own.clone()].to_vec();
        answers.starts = answers.starts[own].to_vec();
    }
    let measured = Measured::of(model, &part, &request, run).await?;
    let report = Report::begin(model, Experiment::Score, task.created).await?;
    let found = Found::Score {
        options: request.score,
        measured: Packed::of(&measured)?,
    };
    Ok(Some(ShardDocument::new(shard, inputs, report, found)))
}

pub(super) async fn joined(
    shards: &[NamedShard],
    mut report: Report,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let mut all: Option<(Measured, &ScoreOptions)> = None;
    for shard in shards {
        let document = &shard.document;
        let found = match &document.found {
            Found::Score { options, measured } => measured
                .open()
                .filter(Measured::is_sound)
                .map(|found| (found, options)),
            _ => None,
        };
        let shard = document.shard;
        let (found, options) = found.ok_or(ShardError::Garbled { shard })?;
        match &mut all {
            Some((all, _)) => all.append(found),
            none => *none = Some((found, options)),
        }
    }
    let (measured, options) = all.ok_or(ShardError::Nothing)?;
    measured.scored(options, run).await?.add_to(&mut report);
    Ok(report)
}
