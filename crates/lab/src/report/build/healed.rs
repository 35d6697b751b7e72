//! What became of healed models, and how many layers can go while most stays.

use layerlab_eval::{Metric, TaskResult};
use layerlab_score::Plan;

use super::{
    compared::retained_cell,
    words::{file_name, kept, kept_percent, layer_list, metric_heading, p_notes, plan_label},
};
use crate::{
    Agreement, HealRecord, HealSource, Healing, LargestCut,
    heal::is_named,
    report::{
        HealingReport, Outcome, PruningReport, Report,
        number::{count, interval},
        section::{Cell, Record, Section, Table},
    },
};

/// A model at the end of a plan, as it is or healed.
struct Row<'a> {
    plan: &'a Plan,
    healing: Healing,
    outcome: &'a Outcome,
    record: Option<&'a HealRecord>,
}

impl HealingReport {
    pub(super) fn sections(&self, report: &Report, pruning: &PruningReport) -> Vec<Section> {
        let mut sections = Vec::new();
        let rows = self.rows(pruning);
        if rows
            .iter()
            .any(|row| row.outcome.agreement.is_some() || row.record.is_some())
        {
            sections.push(self.models_section(report, &rows));
        }
        if !self.refused.is_empty() {
            let lines = self.refused.iter().map(|refused| {
                let without = match refused.removed.is_empty() {
                    true => String::new(),
                    false => format!(" without {}", layer_list(&refused.removed)),
                };
                format!("{}{without}: {}", refused.way, refused.cause)
            });
            let title = "What could not be healed";
            sections.push(Section::of_sentences("not_healed", title, lines.collect()));
        }
        sections
    }

    /// Plans whose models keep most in any way first; of each plan the model as cut, then healed.
    fn rows<'a>(&'a self, pruning: &'a PruningReport) -> Vec<Row<'a>> {
        let of_plan = |plan: &'a Plan| -> Vec<Row<'a>> {
            let removed = plan.set();
            let cut = pruning
                .outcome(plan, plan.removed.len())
                .map(|outcome| Row {
                    plan,
                    healing: Healing::None,
                    outcome,
                    record: None,
                });
            let ways = self.request.healing().into_iter();
            let healed = ways.filter_map(|way| {
                let healed = self.outcome(way, &removed)?;
                Some(Row {
                    plan,
                    healing: way,
                    outcome: &healed.outcome,
                    record: Some(&healed.record),
                })
            });
            cut.into_iter().chain(healed).collect()
        };
        let mut plans: Vec<Vec<Row<'a>>> = pruning.plans.iter().map(of_plan).collect();
        let best = |rows: &[Row<'_>]| {
            let kept = rows.iter().filter_map(|row| row.outcome.retained());
            kept.fold(0.0, f64::max)
        };
        plans.sort_by(|a, b| best(b).total_cmp(&best(a)));
        plans.into_iter().flatten().collect()
    }

    /// Of what the largest cut is to keep a share.
    pub(super) fn kept_of(&self, report: &Report) -> String {
        let Some(name) = &self.request.keep_of else {
            return Metric::Perplexity.label().to_owned();
        };
        let metrics = report.metrics();
        let found = metrics
            .iter()
            .find(|(task, _)| is_named(&task.dataset, name));
        match found {
            Some((_, metric)) => format!("{} on {}", metric.label(), file_name(name)),
            None => file_name(name).to_owned(),
        }
    }

    /// One line a plan, one column a way.
    pub(super) fn cuts_section(&self, report: &Report) -> Section {
        let mut ways: Vec<Healing> = self.cuts.iter().map(|cut| cut.healing).collect();
        ways.sort();
        ways.dedup();
        let mut plans: Vec<Vec<&LargestCut>> = Vec::new();
        for cut in &self.cuts {
            let same = |of: &Vec<&LargestCut>| {
                of.iter()
                    .any(|other| (other.method, other.schedule) == (cut.method, cut.schedule))
            };
            match plans.iter_mut().find(|of| same(of)) {
                Some(of_plan) => of_plan.push(cut),
                None => plans.push(vec![cut]),
            }
        }
        let most = |cuts: &[&LargestCut]| cuts.iter().map(|cut| cut.layers).max();
        plans.sort_by_key(|cuts| std::cmp::Reverse(most(cuts)));
        let header =
            std::iter::once("chosen by".to_owned()).chain(ways.iter().map(|way| match way {
                Healing::None => "as cut".to_owned(),
                way => format!("healed by {way}"),
            }));
        let rows = plans.iter().map(|cuts| {
            let label = match cuts.first() {
                Some(cut) => format!("{} ({})", cut.label, cut.schedule),
                None => String::new(),
            };
            let of_ways = ways.iter().map(|way| {
                let cut = cuts.iter().find(|cut| cut.healing == *way);
                cut.map_or("–".into(), |cut| cut_cell(cut))
            });
            std::iter::once(Cell::from(label)).chain(of_ways).collect()
        });
        Section {
            id: "largest_cuts",
            title: format!(
                "How many layers can go while {} of {} stays",
                kept_percent(self.request.keep),
                self.kept_of(report)
            ),
            brief: true,
            table: Some(Table {
                header: header.map(Cell::from).collect(),
                keys: 1,
                brief: 1 + ways.len(),
                rows: rows.collect(),
            }),
            notes: vec![
                "Layers in each method's order of removal, and what is kept without them; + where that is the whole plan, so that more \
                 might go. Healed models are searched by halves, which takes it that with fewer layers removed no less is kept."
                    .into(),
            ],
            records: self.cuts.iter().map(cut_record).collect(),
            ..Section::default()
        }
    }

    /// Models as cut stand beside the healed ones; where none was healed, with what the table of models does not say of them alone.
    fn models_section(&self, report: &Report, rows: &[Row<'_>]) -> Section {
        let is_healed = rows.iter().any(|row| row.record.is_some());
        let metrics = report.metrics();
        let (main, others) = match is_healed {
            true => (metrics.first(), metrics.get(1..).unwrap_or_default()),
            false => (None, &[][..]),
        };
        let mut header: Vec<Cell> = ["chosen by", "healed by"].map(Cell::from).to_vec();
        header.extend(main.map(|_| Cell::from("kept")));
        header.extend(["agreement", "repeating"].map(Cell::from));
        let brief = header.len();
        let headings = others.iter();
        header.extend(headings.map(|(task, metric)| metric_heading(*metric, &task.dataset)));
        if is_healed {
            header.extend(["tokens", "seconds"].map(Cell::from));
        }
        let cells = |row: &Row<'_>| {
            let kept_of = |(task, metric): &(&TaskResult, Metric)| {
                let compared = row.outcome.comparison(&task.dataset, *metric);
                retained_cell(compared.map(|one| &one.comparison))
            };
            let mut cells: Vec<Cell> =
                vec![plan_label(row.plan).into(), row.healing.to_string().into()];
            cells.extend(main.map(kept_of));
            let agreement = row.outcome.agreement;
            let share = agreement.and_then(|found| found.share());
            let ends = agreement.and_then(|found| found.interval);
            let ends = ends.map(|ends| interval(ends.map(kept), false));
            cells.push(share.map_or("–".into(), |share| {
                Cell::from(kept(share)).with_details(ends)
            }));
            cells.push(agreement.map_or("–".into(), |found| {
                format!("{} of {}", found.repeating, found.continuations).into()
            }));
            cells.extend(others.iter().map(kept_of));
            if is_healed {
                let record = row.record;
                let tokens = record.map(|record| count(record.tokens));
                let seconds = record.map(|record| format!("{:.1}", record.seconds));
                cells.extend([tokens, seconds].map(|cell| cell.map_or("–".into(), Cell::from)));
            }
            cells
        };
        let mut notes = Vec::new();
        if is_healed {
            notes.push(
format!(
                "Kept: as in the table of models. Healing reads {}; a part of it is held back and decides whether, and how strongly, a layer is \
                 changed.",
                match (&self.request.source, &self.text) {
                    (HealSource::Own { .. }, Some(text)) => {
                        format!("a text that the whole model wrote itself ({} tokens)", count(text.tokens))
                    }
                    _ => "the text that layers are scored on".to_owned(),
                }
            )            );
        }
        let healed = rows.iter().filter_map(|row| row.record);
        let mut gaps = healed.flat_map(|record| &record.gaps);
        if let Some(gap) = gaps.find(|gap| gap.has_few_tokens()) {
            notes.push(format!(
                "Few tokens were learned from ({}): a layer has {} inner channels, and as many tokens are wanted at least.",
                count(gap.tokens),
                count(gap.inputs.unwrap_or(0))
            ));
        }
        let mut agreements = rows.iter().filter_map(|row| row.outcome.agreement);
        notes.extend(agreements.next().map(agreement_note));
        let compared = rows.iter().filter(|row| row.record.is_some());
        let compared = compared.flat_map(|row| &row.outcome.compared);
        notes.extend(p_notes(compared.map(|task| &task.comparison)));
        Section {
            id: "healed",
            title: match is_healed {
                true => "What is kept as cut and healed".into(),
                false => "What pruned models write".into(),
            },
            brief: true,
            table: Some(Table {
                header,
                keys: 2,
                brief,
                rows: rows.iter().map(cells).collect(),
            }),
            notes,
            records: rows.iter().flat_map(records).collect(),
            ..Section::default()
        }
    }
}

fn agreement_note(found: Agreement) -> String {
    format!(
        "Agreement: the share of {} tokens that the whole model writes, greedily after {} prompts from the judged text, which the other finds \
         likeliest as well. Repeating: continuations of its own that end in the same few tokens over and over ({} of the whole model's do).",
        count(found.tokens),
        found.continuations,
        found.whole_repeating
    )
}

fn cut_cell(cut: &LargestCut) -> Cell {
    let more = if cut.is_whole_plan { "+" } else { "" };
    let details = cut.retained.map(|share| {
        let ends = cut.retained_low.zip(cut.retained_high);
        let ends = ends.map(|(low, high)| format!(" {}", interval([low, high].map(kept), false)));
        format!("kept {}{}", kept(share), ends.unwrap_or_default())
    });
    Cell::from(format!("{}{more}", cut.layers)).with_details(details)
}

fn cut_record(cut: &LargestCut) -> Record {
    Record {
        method: cut.method.to_string(),
        schedule: cut.schedule.to_string(),
        healing: cut.healing.to_string(),
        metric: "layers that can go".into(),
        value: Some(cut.layers as f64),
        retained: cut.retained,
        retained_low: cut.retained_low,
        retained_high: cut.retained_high,
        ..Record::default()
    }
}

fn records<'a>(row: &'a Row<'_>) -> impl Iterator<Item = Record> + 'a {
    let plain = || Record {
        method: row.plan.method.to_string(),
        schedule: row.plan.schedule.to_string(),
        layers: layer_list(&row.plan.removed),
        healing: row.healing.to_string(),
        ..Record::default()
    };
    let agreement = row.outcome.agreement.into_iter().flat_map(move |found| {
        let record = |metric: &str, value| Record {
            metric: metric.into(),
            value,
            ..plain()
        };
        [
            Record {
                low: found.interval.map(|[low, _]| low),
                high: found.interval.map(|[_, high]| high),
                ..record("agreement", found.share())
            },
            record("repeating continuations", Some(found.repeating as f64)),
        ]
    });
    // Those of models as cut stand with the table of models.
    let healed = row.record.iter().flat_map(|_| &row.outcome.tasks);
    let results = healed.flat_map(move |task| {
        task.metrics.iter().map(move |result| {
            let record = Record {
                dataset: task.dataset.clone(),
                ..plain()
            };
            let record = record.with_result(result);
            let compared = row.outcome.comparison(&task.dataset, result.metric);
            match compared.map(|one| &one.comparison) {
                Some(compared) => record.with_comparison(compared),
                None => record,
            }
        })
    });
    results.chain(agreement)
}
