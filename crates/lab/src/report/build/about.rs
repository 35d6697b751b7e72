//! What was measured, on what, and how long it took.

use crate::report::{ModelReport, Report, ScoringReport, bytes, count, section::Section};

impl Report {
    pub(super) fn about(&self) -> Section {
        let model = |model: &ModelReport| {
            format!(
                "{}: {}, {} layers, {} channels, {} parameters, {} ({})",
                model.name,
                model.family,
                model.layers,
                model.hidden_size,
                count(model.parameters),
                bytes(model.weight_bytes),
                model.dtypes.join(", ")
            )
        };
        let mut facts = vec![("Model", model(&self.model))];
        facts.extend(
            self.comparison
                .iter()
                .map(|other| ("With", model(&other.model))),
        );
        if let Some(ScoringReport { data, .. }) = &self.scoring {
            facts.push((
                "Text",
                format!(
                    "{}: {}, each of at most {} tokens{}",
                    data.name,
                    data.size(),
                    data.sequence_length,
                    if data.bos { " with BOS" } else { "" }
                ),
            ));
        }
        facts.push(("Device", self.device.line()));
        facts.push(("Time", self.times()));
        Section {
            id: "about",
            title: "About".into(),
            brief: true,
            facts,
            ..Section::default()
        }
    }

    fn times(&self) -> String {
        let times = &self.timings;
        let mut parts = vec![format!("loaded in {:.2} s", times.load_seconds)];
        if let (Some(seconds), Some(speed)) = (times.measure_seconds, times.tokens_per_second) {
            parts.push(format!("measured in {seconds:.2} s ({speed:.0} tokens/s)"));
        }
        for (name, seconds) in [
            ("left layers out", times.leave_out_seconds),
            ("scored", times.score_seconds),
            ("planned", times.plan_seconds),
            ("evaluated", times.evaluate_seconds),
            ("healed", times.heal_seconds),
            ("hashed", Some(times.hash_seconds)),
        ] {
            parts.extend(seconds.map(|seconds| format!("{name} in {seconds:.2} s")));
        }
        parts.join(", ")
    }
}
