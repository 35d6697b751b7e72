//! Bits by layer: what the loss loses where one layer is stored in few bits, and whether bits handed out by that are worth more
//! than the same bits for every layer.

mod allocation;
mod record;

use std::collections::BTreeMap;

use layerlab_eval::{Dataset, EvalOptions};
use layerlab_model::{
    Decoder, ModelFiles, export::rounded, gguf::TensorTypes, tensors::StoredType,
};
use layerlab_stats::Resamples;
use web_time::Instant;

pub use record::{Allocation, QuantizationReport, QuantizedModel};

use crate::{
    LabError, OpenModel, Run, Text,
    calibration::{Calibration, PassRequest, Passages},
    evaluate::{Exam, ModelTurn, comparisons, corrected, dated, few},
    report::{DataReport, Experiment, Report},
};
use allocation::{COARSE, Counts, EVEN, FINE};

/// The type of the embedding and the head of every quantized model.
const EMBEDDINGS: StoredType = FINE;

/// Measures by how much the loss on `text` changes when one layer at a time is stored in Q4_0, hands out Q4_0, Q5_0 and Q8_0 by
/// that so that the model is no larger than with Q5_0 throughout, and asks the models that come of it every dataset: beside the
/// same bits for every layer, and beside the same choice made by position, by chance and the wrong way round. `batch` sequences
/// are passed at a time. `created` is the time as RFC 3339.
///
/// # Errors
/// When an option is out of range, the model cannot read the text or an item, a weight has no place in half precision, the device
/// fails, or the caller asks to stop.
pub async fn quantize_layers<F: ModelFiles>(
    model: &OpenModel<F>,
    text: &Text,
    batch: usize,
    datasets: &[Dataset],
    options: &EvalOptions,
    created: String,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let valid = options.validate(&model.tokenizer);
    valid.map_err(LabError::from)?;
    let decoder = &model.decoder;
    let layers = decoder.spec().layers();
    let all = |stored| vec![stored; layers];

    let start = Instant::now();
    let coarse = decoder.with_blocks_stored(&by_layer(&all(COARSE))).await?;
    let passages = Passages::of(&text.sequences);
    let calibration = Calibration {
        instead: Some(&coarse),
        ..Calibration::of(&passages, batch)
    };
    let wanted = PassRequest {
        without: (0..layers).collect(),
        whole: true,
        ..PassRequest::default()
    };
    let losses = calibration.pass(decoder, &wanted, run).await?.losses;
    drop(coarse);
    let confidence = options.confidence;
    let resamples = Resamples::new(text.sequences.len(), confidence.resamples, confidence.seed);
    let sensitivity = losses.changes(&resamples, confidence.level);
    let seconds = start.elapsed().as_secs_f64();

    let changes = sensitivity.iter().map(|change| change.value.unwrap_or(0.0));
    let changes: Vec<f64> = changes.collect();
    let counts = Counts::of(&changes);
    let mut wanted = vec![
        (Allocation::Uniform, all(COARSE)),
        (Allocation::Uniform, all(EVEN)),
        (Allocation::Uniform, all(FINE)),
    ];
    if !counts.is_even() {
        wanted.extend([
            (Allocation::Measured, counts.by_change(&changes)),
            (Allocation::Ends, counts.by_ends()),
            (Allocation::Random, counts.by_chance(confidence.seed)),
            (Allocation::Reversed, counts.reversed(&changes)),
        ]);
    }

    let start = Instant::now();
    let exam = Exam {
        tokenizer: &model.tokenizer,
        datasets,
        options,
    };
    let of = wanted.len() + 1;
    let evaluation = exam.take(decoder, ModelTurn { models: 0, of }, run).await?;
    let embedded = decoder.with_embeddings_stored(EMBEDDINGS).await?;
    let mut models = Vec::new();
    for (models_done, (allocation, types)) in (1..).zip(wanted) {
        let quantized = embedded.with_blocks_stored(&by_layer(&types)).await?;
        let turn = ModelTurn {
            models: models_done,
            of,
        };
        let tasks = exam.take(&quantized, turn, run).await?;
        models.push(QuantizedModel {
            allocation,
            bytes: bytes(decoder, &types),
            types: types.iter().map(ToString::to_string).collect(),
            compared: comparisons(&evaluation, &tasks, options),
            measured: Vec::new(),
            tasks,
        });
    }
    corrected(models.iter_mut().flat_map(|model| &mut model.compared));
    compare_measured(&mut models, options);

    run.step(crate::Progress::Hashing).await?;
    let mut report = Report::begin(model, Experiment::Quantize, created).await?;
    report.warnings.extend(few(&evaluation));
    let already = rounded(&model.checkpoint);
    if !already.is_empty() {
        report.warnings.push(format!(
            "weights are in blocks ({}) already: what that lost is not counted here",
            already.join(", ")
        ));
    }
    let is_same = |dataset: &&Dataset| dataset.sha256 == text.sha256;
    report.warnings.extend(datasets.iter().find(is_same).map(|dataset| {
        format!(
            "{}: models are judged on the text that bits were handed out by, which flatters those that were handed out as measured",
            dataset.name
        )
    }));
    report.warnings.extend(dated(&model.tokenizer, options));
    report.evaluation = evaluation;
    report.quantization = Some(QuantizationReport {
        data: DataReport::of(text),
        loss: losses.whole_mean(),
        stored: COARSE.to_string(),
        embeddings: EMBEDDINGS.to_string(),
        sensitivity,
        models,
        options: options.clone(),
    });
    report.timings.leave_out_seconds = Some(seconds);
    report.timings.evaluate_seconds = Some(start.elapsed().as_secs_f64());
    Ok(report.concluded())
}

/// How the model whose bits were handed out as measured compares with each of the others of its size.
fn compare_measured(models: &mut [QuantizedModel], options: &EvalOptions) {
    let measured = models
        .iter()
        .find(|model| model.allocation == Allocation::Measured);
    let Some(measured) = measured.cloned() else {
        return;
    };
    let even = EVEN.to_string();
    for other in models.iter_mut() {
        let is_rival = match other.allocation {
            Allocation::Measured => false,
            Allocation::Uniform => other.types.iter().all(|stored| *stored == even),
            Allocation::Ends | Allocation::Random | Allocation::Reversed => true,
        };
        if is_rival {
            other.measured = comparisons(&other.tasks, &measured.tasks, options);
        }
    }
    corrected(models.iter_mut().flat_map(|model| &mut model.measured));
}

fn by_layer(types: &[StoredType]) -> BTreeMap<usize, StoredType> {
    types.iter().copied().enumerate().collect()
}

/// Bytes of all matrices.
fn bytes(decoder: &Decoder, types: &[StoredType]) -> u64 {
    let blocks = types.iter().map(|stored| decoder.block_bytes(*stored));
    blocks.sum::<u64>() + decoder.embedding_bytes(EMBEDDINGS)
}

impl QuantizationReport {
    /// The types that should be used: those that the measurement gives, or the same for every layer where it would gain nothing
    /// by others.
    pub fn tensor_types(&self) -> TensorTypes {
        let stored = |name: &String| {
            let mut handed_out = [COARSE, EVEN, FINE].into_iter();
            handed_out
                .find(|stored| stored.to_string() == *name)
                .unwrap_or(EVEN)
        };
        let blocks = match self.of(Allocation::Measured) {
            Some(measured) => measured.types.iter().map(stored).collect(),
            None => vec![EVEN; self.sensitivity.len()],
        };
        TensorTypes {
            rest: EMBEDDINGS,
            blocks: by_layer(&blocks),
        }
    }

    /// The same as llama.cpp's `llama-quantize` reads it with `--tensor-type-file`: a pattern of names and a type a line, and
    /// nothing else.
    pub fn tensor_type_file(&self) -> String {
        let types = self.tensor_types();
        let lines = types.blocks.iter().map(|(layer, stored)| {
            format!("^blk\\.{layer}\\.={}\n", stored.to_string().to_lowercase())
        });
        let rest = types.rest.to_string().to_lowercase();
        let rest = ["token_embd", "output"].map(|name| format!("^{name}\\.weight={rest}\n"));
        lines.chain(rest).collect()
    }
}
