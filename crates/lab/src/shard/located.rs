//! Locating in parts: pairs, or questions where pairs are mined.

use layerlab_eval::{Continued, Dataset, TokenPair};
use layerlab_model::ModelFiles;
use web_time::Instant;

use super::{
    Inputs, NamedShard, ShardDocument, ShardError, ShardTask, document::Found, packed::Packed,
};
use crate::{
    LabError, LocateRequest, OpenModel, Report, Run,
    evaluate::dated,
    hallucination::{MeasuredDataset, MeasuredPairs, found_in},
    report::Experiment,
};

/// Pairs of a dataset, with what was measured of them.
type Pairs = (Vec<TokenPair>, MeasuredPairs);

/// Measures a part of every dataset's pairs. None where the shard is there already.
///
/// # Errors
/// As [`locate_layers`](crate::locate_layers), and when what is there is something else.
pub async fn locate_shard<F: ModelFiles>(
    model: &OpenModel<F>,
    datasets: &[Dataset],
    request: &LocateRequest,
    task: ShardTask<'_>,
    run: &mut Run<'_>,
) -> Result<Option<ShardDocument>, LabError> {
    request.eval.validate(&model.tokenizer)?;
    let inputs = Inputs::of(model, Experiment::Locate, &datasets, request).await?;
    if task.is_done(&inputs)? {
        return Ok(None);
    }
    let (shard, start) = (task.shard, Instant::now());
    let (mut heads, mut pairs): (Vec<_>, Vec<Pairs>) = Default::default();
    for dataset in datasets {
        let measured = MeasuredDataset::of(model, dataset, shard, request, run).await?;
        heads.push(measured.dataset);
        pairs.push((measured.pairs, measured.measured));
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut report = Report::begin(model, Experiment::Locate, task.created).await?;
    report.timings.measure_seconds = Some(seconds);
    report
        .warnings
        .extend(dated(&model.tokenizer, &request.eval));
    let request = request.clone();
    let found = Found::Locate {
        request,
        datasets: heads,
        pairs: Packed::of(&pairs)?,
    };
    Ok(Some(ShardDocument::new(shard, inputs, report, found)))
}

pub(super) async fn joined(
    shards: &[NamedShard],
    mut report: Report,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let mut all: Option<(Vec<MeasuredDataset>, &LocateRequest)> = None;
    for NamedShard { document, .. } in shards {
        let shard = document.shard;
        let (found, request) = opened(&document.found).ok_or(ShardError::Garbled { shard })?;
        match &mut all {
            Some((all, _)) => {
                for (dataset, next) in all.iter_mut().zip(found) {
                    dataset.append(next);
                }
            }
            none => *none = Some((found, request)),
        }
    }
    let (measured, request) = all.ok_or(ShardError::Nothing)?;
    let mut located = Vec::with_capacity(measured.len());
    for dataset in measured {
        located.push(dataset.contrasted(request, run).await?.0);
    }
    found_in(&mut report, request, located);
    Ok(report)
}

/// What a shard measured; none where it is something else, or of another number of datasets.
fn opened(found: &Found) -> Option<(Vec<MeasuredDataset>, &LocateRequest)> {
    let Found::Locate {
        request,
        datasets,
        pairs,
    } = found
    else {
        return None;
    };
    let pairs: Vec<Pairs> = pairs.open()?;
    if pairs.len() != datasets.len() {
        return None;
    }
    let is_sound = |(pairs, measured): &Pairs| {
        let has_answer = |side: &Continued| (1..side.ids.len()).contains(&side.start);
        measured.is_sound(pairs.len())
            && pairs
                .iter()
                .all(|pair| has_answer(&pair.factual) && has_answer(&pair.hallucinated))
    };
    if !pairs.iter().all(is_sound) {
        return None;
    }
    let measured = datasets.iter().zip(pairs);
    let measured = measured.map(|(dataset, (pairs, measured))| MeasuredDataset {
        dataset: dataset.clone(),
        pairs,
        measured,
    });
    Some((measured.collect(), request))
}
