//! Whether bits handed out by what was measured are worth more than the same for every layer.

use layerlab_eval::{Comparison, Metric};

use crate::{
    Allocation, QuantizationReport, QuantizedModel,
    report::{
        build::words::{all_of, kept, layers_in_words},
        number::{interval, significant},
    },
};

/// What single layers add up to, and how the measured model stands to those of its size.
pub(super) fn of_quantization(found: &QuantizationReport) -> Vec<String> {
    let changes = found.sensitivity.iter().filter_map(|change| change.value);
    let sum: f64 = changes.sum();
    let of_all = found
        .models
        .iter()
        .find(|model| model.is_all(&found.stored));
    let mut sentences = vec![format!(
        "With one layer at a time in {}, the loss of {} rises by {} nats per token in all layers together{}.",
        found.stored,
        found.data.name,
        significant(Some(sum)),
        match of_all.and_then(|model| model.perplexity()?.retained) {
            Some(retained) => format!(
                "; with all of them so, {} of perplexity is kept on what was asked",
                kept(retained)
            ),
            None => String::new(),
        }
    )];
    let Some(measured) = found.of(Allocation::Measured) else {
        sentences.push(
            "No layer loses so much more than others that more bits for it would be worth fewer for them: every layer in Q5_0 is the \
             choice."
                .into(),
        );
        return sentences;
    };
    let fine = measured.types.iter().enumerate();
    let fine: Vec<usize> = fine
        .filter(|(_, stored)| *stored == "Q8_0")
        .map(|(layer, _)| layer)
        .collect();
    let rivals = found.models.iter().filter_map(|model| {
        let compared = model.measured.iter().map(|task| &task.comparison);
        let compared = compared
            .into_iter()
            .find(|one| one.metric == Metric::Perplexity)?;
        Some((model, compared))
    });
    let lines = rivals.map(|(model, compared)| beside(model, compared));
    let lines: Vec<String> = lines.collect();
    if !lines.is_empty() {
        sentences.push(format!(
            "Q8_0 for {} and Q4_0 to pay for it, as measured, keeps {}.",
            layers_in_words(&fine),
            all_of(&lines)
        ));
    }
    sentences
}

/// What is kept beside one model of the size.
fn beside(model: &QuantizedModel, compared: &Comparison) -> String {
    let name = match model.allocation {
        Allocation::Uniform => "Q5_0 for every layer",
        Allocation::Ends => "the same types with most bits at both ends",
        Allocation::Random => "the same by chance",
        Allocation::Reversed => "the same the wrong way round",
        Allocation::Measured => "itself",
    };
    let ends = compared.retained_low.zip(compared.retained_high);
    let ends =
        ends.map(|(low, high)| format!(" {}", interval([low, high].map(kept), compared.rough)));
    let verdict = match (compared.is_significant(), compared.retained) {
        (false, _) => "within noise",
        (true, Some(retained)) if retained > 1.0 => "better",
        (true, _) => "worse",
    };
    format!(
        "{}{} of the perplexity of {name} ({verdict})",
        compared.retained.map_or("–".into(), kept),
        ends.unwrap_or_default()
    )
}

impl QuantizedModel {
    fn is_all(&self, stored: &str) -> bool {
        self.types.iter().all(|one| one == stored)
    }

    fn perplexity(&self) -> Option<&Comparison> {
        let mut compared = self.compared.iter().map(|task| &task.comparison);
        compared.find(|one| one.metric == Metric::Perplexity)
    }
}
