//! Where hallucinations show: factual and hallucinated answers, layer by layer.

use layerlab_eval::EvalOptions;
use layerlab_score::{AnswerControls, Estimate};

use super::{
    task::conversation,
    words::{counted, file_name},
};
use crate::{
    HallucinationReport, LocatedDataset, LocatedTap,
    report::{
        number::{interval, percent, significant},
        section::{Bar, Cell, Chart, Record, Section, Table},
    },
};

impl HallucinationReport {
    pub(super) fn sections(&self) -> Vec<Section> {
        let of_datasets = self.datasets.iter().flat_map(|dataset| {
            let taps = dataset.taps.iter();
            let taps = taps.map(|tap| Section {
                title: format!(
                    "{}, at the {} of blocks",
                    file_name(&dataset.dataset),
                    tap.tap
                ),
                notes: dataset.notes(tap, &self.request.eval),
                brief: true,
                ..tap.section(&dataset.dataset)
            });
            taps.chain(dataset.margin_section())
        });
        let definitions = vec![self.definitions.clone()];
        let definitions = Section::of_sentences("definitions", "Definitions", definitions);
        of_datasets.chain([definitions]).collect()
    }
}

impl LocatedDataset {
    /// What was paired, and what the controls say, in words.
    fn notes(&self, tap: &LocatedTap, eval: &EvalOptions) -> Vec<String> {
        let [factual, hallucinated] = self.answer_tokens;
        let of = match self.of > self.items {
            true => format!(" from {} of {} items", self.items, self.of),
            false => String::new(),
        };
        let mut notes = vec![format!(
            "{}{of}; a factual answer has {factual:.2} tokens in the mean, a hallucinated one {hallucinated:.2}.",
            counted(self.pairs, "pair")
        )];
        if let Some(chat) = &eval.chat {
            notes.push(format!("Questions were asked {}.", conversation(chat)));
        }
        if let Some(mapping) = &self.mapping {
            notes.push(format!("Read as {mapping}."));
        }
        match self.truncated {
            0 => {}
            1 => notes.push("1 prompt lost its beginning to fit the context.".into()),
            count => notes.push(format!(
                "{count} prompts lost their beginning to fit the context."
            )),
        }
        if self.skipped > 0 {
            notes.push(format!("{} passed over.", counted(self.skipped, "record")));
        }
        if let Some(mined) = &self.mined {
            notes.push(format!(
                "Mined: of {} questions the model answered {} right and {} wrong, {} of these confidently.",
                mined.questions, mined.right, mined.wrong, mined.confident
            ));
        }
        notes.extend(self.controls.as_ref().map(control_note));
        match &tap.matched_length {
            None => {
                notes
                    .push("Too few pairs have answers of one length to look at them alone.".into());
            }
            Some(matched) => {
                let differ = matched.layers.iter();
                let differ = differ.filter(|layer| layer.distinguishable == Some(true));
                notes.push(format!(
                    "Over the {} whose answers have as many tokens, {} differ.",
                    counted(matched.pairs, "pair"),
                    counted(differ.count(), "layer")
                ));
            }
        }
        if let Some(shuffled) = &tap.shuffled {
            notes.push(format!(
                "With labels drawn by coins ({} times): mean |ln EAVSS| {}, {} of layers differ, AUROC {}.",
                shuffled.shuffles,
                significant(shuffled.propensity),
                percent(shuffled.distinguishable),
                significant(shuffled.auroc)
            ));
        }
        notes.push(
            "Cut: over as many tokens of both answers of a pair, the first of the longer one."
                .into(),
        );
        notes.extend(tap.agreement.as_ref().map(|found| {
            format!(
                "Rank correlation over layers: |ln EAVSS| with margin change {}, AUROC with margin change {}, |ln EAVSS| with AUROC {}.",
                beside(&found.eavss_margin),
                beside(&found.probe_margin),
                beside(&found.eavss_probe)
            )
        }));
        notes
    }
}

/// What answers show before any layer is looked at.
fn control_note(controls: &AnswerControls) -> String {
    format!(
        "Without any layer: a factual answer is longer than a hallucinated one with probability {}, and its tokens are likelier in the \
         mean with probability {}; 0.5 is chance.",
        beside(&controls.length),
        beside(&controls.log_probability)
    )
}

/// A value with its interval in a sentence.
pub(super) fn beside(estimate: &Estimate) -> String {
    let value = significant(estimate.value);
    match estimate.low.zip(estimate.high) {
        Some((low, high)) => {
            let ends = [low, high].map(|end| significant(Some(end)));
            format!("{value} {}", interval(ends, false))
        }
        None => value,
    }
}

impl LocatedTap {
    /// The table of all layers.
    pub(super) fn section(&self, dataset: &str) -> Section {
        let header = [
            "layer",
            "ln EAVSS",
            "differs",
            "probe AUROC",
            "rank",
            "HSAV",
            "HSS",
            "ln EAVSS, same length",
            "AUROC, same length",
            "ln EAVSS, cut",
            "AUROC, cut",
        ];
        let matched = self.matched_length.as_ref();
        let cut = self.cut.as_ref();
        let rows = self.layers.iter().map(|layer| {
            let same = matched.and_then(|matched| matched.layers.get(layer.layer));
            let cut = cut.and_then(|layers| layers.get(layer.layer));
            let mut eavss = estimate(&layer.ln_eavss);
            eavss.significant = layer.distinguishable == Some(true);
            vec![
                layer.layer.to_string().into(),
                eavss,
                match layer.distinguishable {
                    Some(true) => "yes".into(),
                    Some(false) => "not distinguishable".into(),
                    None => "–".into(),
                },
                estimate(&layer.auroc),
                layer
                    .rank
                    .map_or("–".into(), |rank| rank.to_string())
                    .into(),
                estimate(&layer.hsav),
                estimate(&layer.hss),
                same.map_or("–".into(), |layer| estimate(&layer.ln_eavss)),
                same.map_or("–".into(), |layer| estimate(&layer.auroc)),
                cut.map_or("–".into(), |layer| estimate(&layer.ln_eavss)),
                cut.map_or("–".into(), |layer| estimate(&layer.auroc)),
            ]
        });
        let bars =
            |of: fn(&layerlab_score::LayerContrast) -> &Estimate, title: &str, source: &str| {
                let bars = self.layers.iter().map(|layer| Bar {
                    label: layer.layer.to_string(),
                    value: of(layer).value,
                    interval: of(layer).low.zip(of(layer).high),
                    stands_out: layer.rank == Some(1),
                });
                Chart::Bars {
                    title: title.into(),
                    source: source.into(),
                    bars: bars.collect(),
                }
            };
        Section {
            id: "hallucination",
            table: Some(Table {
                header: header.map(Into::into).to_vec(),
                keys: 1,
                brief: 4,
                rows: rows.collect(),
            }),
            charts: vec![
                bars(|layer| &layer.ln_eavss, "ln EAVSS", "ours"),
                bars(
                    |layer| &layer.auroc,
                    "AUROC of the probe",
                    "mass-mean probe",
                ),
            ],
            records: self.records(dataset),
            ..Section::default()
        }
    }

    fn records(&self, dataset: &str) -> Vec<Record> {
        let same = self
            .matched_length
            .iter()
            .flat_map(|matched| &matched.layers);
        let of_layer = |layer: &layerlab_score::LayerContrast, of_pairs: &str| {
            let figures = [
                ("ln EAVSS", &layer.ln_eavss),
                ("HSAV", &layer.hsav),
                ("HSS", &layer.hss),
                ("AUROC", &layer.auroc),
            ];
            figures.map(|(name, estimate)| Record {
                layer: Some(layer.layer),
                tap: self.tap.to_string(),
                rank: layer.rank.filter(|_| name == "ln EAVSS"),
                significant: layer.distinguishable.filter(|_| name == "ln EAVSS"),
                ..record(dataset, &format!("{name}{of_pairs}"), estimate)
            })
        };
        let all = self.layers.iter().flat_map(|layer| of_layer(layer, ""));
        let cut = self.cut.iter().flatten();
        all.chain(same.flat_map(|layer| of_layer(layer, ", same length")))
            .chain(cut.flat_map(|layer| of_layer(layer, ", cut")))
            .chain(self.agreement.iter().flat_map(|found| {
                let figures = [
                    ("ρ of |ln EAVSS| and margin change", &found.eavss_margin),
                    ("ρ of AUROC and margin change", &found.probe_margin),
                    ("ρ of |ln EAVSS| and AUROC", &found.eavss_probe),
                ];
                figures.map(|(name, estimate)| Record {
                    tap: self.tap.to_string(),
                    ..record(dataset, name, estimate)
                })
            }))
            .collect()
    }
}

/// A figure of a dataset.
pub(super) fn record(dataset: &str, metric: &str, estimate: &Estimate) -> Record {
    Record {
        dataset: dataset.to_owned(),
        metric: metric.to_owned(),
        value: estimate.value,
        low: estimate.low,
        high: estimate.high,
        ..Record::default()
    }
}

pub(super) fn estimate(estimate: &Estimate) -> Cell {
    let ends = estimate.low.zip(estimate.high);
    let ends = ends.map(|(low, high)| {
        let (low, high) = (significant(Some(low)), significant(Some(high)));
        format!("[{low}, {high}]")
    });
    Cell::from(significant(estimate.value)).with_details(ends)
}
