//! The sections of a report, from what it holds.

mod about;
mod alone;
mod compared;
mod conclude;
mod healed;
mod layers;
mod located;
mod margins;
mod model_rows;
mod models;
mod quantized;
mod removed;
mod repaired;
mod scores;
mod task;
mod words;

pub(crate) use conclude::conclusions;
pub(super) use words::kept;

use super::{Report, section::Section};

impl Report {
    /// All sections, in the order in which they are read: what to conclude first, then what that is founded on.
    pub(super) fn sections(&self) -> Vec<Section> {
        let mut sections = vec![self.about()];
        let sentences = match self.conclusions.as_slice() {
            // Of a report from before they were written into it.
            [] => conclusions(self),
            written => written.to_vec(),
        };
        if !sentences.is_empty() {
            let conclusions = Section::of_sentences("conclusions", "What to conclude", sentences);
            sections.push(conclusions.in_brief());
        }
        let healing = self
            .pruning
            .iter()
            .filter_map(|pruning| pruning.healing.as_ref());
        sections.extend(healing.map(|healing| healing.cuts_section(self)));
        match &self.repair {
            Some(repair) => sections.extend(repair.sections(self)),
            None => sections.extend(self.model_sections()),
        }
        sections.extend(
            self.pruning
                .iter()
                .flat_map(|pruning| pruning.sections(self)),
        );
        let quantized = self.quantization.iter();
        sections.extend(quantized.flat_map(|quantized| quantized.sections(self)));
        let located = self.hallucination.iter();
        sections.extend(located.flat_map(crate::HallucinationReport::sections));
        if let Some(scoring) = &self.scoring {
            let is_all = self.evaluation.is_empty();
            sections.extend(scoring.sections(is_all));
        }
        let of_scores = self
            .scoring
            .iter()
            .flat_map(|scoring| &scoring.scores.warnings);
        let warnings: Vec<String> = self.warnings.iter().chain(of_scores).cloned().collect();
        if !warnings.is_empty() {
            sections.push(Section::of_sentences("warnings", "Warnings", warnings).in_brief());
        }
        for section in &mut sections {
            section.record_texts();
        }
        sections
    }
}
