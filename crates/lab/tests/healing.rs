//! Healed models in the whole experiment: judged like the others, broken off and taken up again, in every view.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use layerlab_eval::Metric;
use layerlab_lab::{
    Budget, Cancel, DeviceChoice, DistilRecipe, ExperimentRequest, HealRequest, HealSource,
    HealTask, Healing, LabError, MemoryStages, NoStages, Progress, Report, Run, StageError, Stages,
    TextOptions, heal_again, heal_and_judge,
    report::{Detail, HealingReport},
};
use pollster::block_on;
use support::{
    judging::{datasets, judge, judged, pruning, request},
    open, short, text,
};

fn healing(report: &Report) -> &HealingReport {
    pruning(report).healing.as_ref().unwrap()
}

fn ways(ways: &[Healing]) -> ExperimentRequest {
    let mut request = request(Budget::Count(2));
    request.plans.methods = vec!["block_influence".parse().unwrap(), "avss".parse().unwrap()];
    request.plans.schedules = BTreeSet::from([layerlab_lab::Schedule::OneShot]);
    request.heal = HealRequest {
        ways: ways.to_vec(),
        distil: DistilRecipe {
            steps: 4,
            check_every: 2,
            ..DistilRecipe::default()
        },
        ..HealRequest::default()
    };
    request
}

#[test]
fn every_way_is_tried_on_every_plan() {
    let model = open(DeviceChoice::Cpu);
    let request = ways(&Healing::ALL);
    let report = judged(&model, &request);
    let (pruning, healing) = (pruning(&report), healing(&report));
    for plan in &pruning.plans {
        let cut = pruning.outcome(plan, 2).unwrap();
        assert!(cut.agreement.is_some());
        for way in request.heal.healing() {
            let Some(healed) = healing.outcome(way, &plan.set()) else {
                // Nothing is before a gap that begins with the first layer.
                assert!(plan.set().contains(&0));
                assert!(
                    healing
                        .refused
                        .iter()
                        .any(|refused| refused.way == way && refused.removed == plan.set())
                );
                continue;
            };
            assert_eq!(healed.outcome.tasks.len(), cut.tasks.len());
            assert_eq!(healed.outcome.parameters, cut.parameters);
            assert_eq!(healed.record.distil.is_some(), way.distils());
            let agreement = healed.outcome.agreement.unwrap();
            assert!(agreement.equal <= agreement.tokens);
            if !healed.record.has_changed() {
                let value = |tasks: &[layerlab_eval::TaskResult]| {
                    tasks[0].metric(Metric::Perplexity).unwrap().value
                };
                assert_eq!(value(&healed.outcome.tasks), value(&cut.tasks));
            }
        }
    }
    // One for each plan, as cut and in each way in closed form.
    for way in [Healing::None, Healing::Scale, Healing::Refit] {
        let cuts = healing.cuts.iter().filter(|cut| cut.healing == way);
        for cut in cuts {
            let plans = pruning.plans.iter();
            let plan = plans
                .clone()
                .find(|plan| plan.method == cut.method)
                .unwrap();
            assert!(cut.layers <= plan.removed.len());
            assert_eq!(cut.is_whole_plan, cut.layers == plan.removed.len());
            assert_eq!(cut.retained.is_some(), cut.layers > 0);
            assert!(cut.retained.is_none_or(|share| share >= request.heal.keep));
        }
    }
    assert!(
        healing.cuts.iter().any(|cut| cut.healing == Healing::Refit) || !healing.refused.is_empty()
    );
}

/// Keeps trainings too, as the command's folder does.
#[derive(Default)]
struct WithTrainings {
    found: MemoryStages,
    trainings: BTreeMap<String, Vec<u8>>,
}

impl Stages for WithTrainings {
    fn load(&self, name: &str) -> Option<String> {
        self.found.load(name)
    }

    fn save(&mut self, name: &str, found: &str) -> Result<(), StageError> {
        self.found.save(name, found)
    }

    fn load_bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.trainings.get(name).cloned()
    }

    fn save_bytes(&mut self, name: &str, found: &[u8]) -> Result<(), StageError> {
        self.trainings.insert(name.to_owned(), found.to_vec());
        Ok(())
    }
}

/// What is exported is the model that was judged, and is not trained a second time.
#[test]
fn a_model_that_is_healed_again_is_the_judged_one() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let mut request = ways(&[Healing::RefitDistil]);
    request.heal.source = HealSource::Own {
        sequences: 8,
        length: Some(32),
        seed: 3,
    };
    let cancel = Cancel::default();
    let mut stages = WithTrainings::default();
    let report = judge(&model, &text, &request, &mut stages, &mut |_| (), &cancel).unwrap();
    let judged = healing(&report).outcomes.first().unwrap();
    let mut steps = 0;
    let mut show = |progress| {
        steps += usize::from(matches!(
            progress,
            Progress::Distilling { .. } | Progress::Continuing { .. }
        ));
    };
    let mut run = Run::new(&mut show, &cancel);
    let best = (&judged.outcome.removed, Healing::RefitDistil);
    let (texts, stages) = (datasets(), &mut stages);
    let again = heal_again(&model, &text, &texts, &request, best, stages, &mut run);
    let (again, learned) = block_on(again).unwrap();
    assert_eq!(steps, 0, "nothing is trained or written again");
    assert_eq!(again.record.distil, judged.record.distil);
    assert_eq!(again.record.gaps, judged.record.gaps);
    assert_eq!(
        Some(learned.tokens()),
        healing(&report).text.as_ref().map(|text| text.tokens)
    );
}

#[test]
fn a_run_that_was_broken_off_heals_to_the_same_end() {
    let model = open(DeviceChoice::Cpu);
    let request = ways(&[Healing::Refit, Healing::RefitDistil]);
    let text = text(&model, short());
    let cancel = Cancel::default();
    let mut stages = MemoryStages::default();
    let mut healed = 0;
    let mut stop = |progress| {
        if let layerlab_lab::Progress::Distilling { .. } = progress {
            healed += 1;
            if healed == 3 {
                cancel.cancel();
            }
        }
    };
    let broken = judge(&model, &text, &request, &mut stages, &mut stop, &cancel);
    assert!(matches!(broken, Err(LabError::Cancelled)));
    let go_on = Cancel::default();
    let second = judge(&model, &text, &request, &mut stages, &mut |_| (), &go_on).unwrap();
    let straight = judge(&model, &text, &request, &mut NoStages, &mut |_| (), &go_on).unwrap();
    let figures = |report: &Report| {
        let mut found = healing(report).clone();
        found
            .outcomes
            .iter_mut()
            .for_each(|one| one.record.seconds = 0.0);
        found
    };
    assert_eq!(figures(&second), figures(&straight));
    assert!(
        second
            .warnings
            .iter()
            .any(|warning| warning.contains("stages were taken"))
    );
}

#[test]
fn every_view_tells_of_healing() {
    let report = judged(
        &open(DeviceChoice::Cpu),
        &ways(&[Healing::None, Healing::Refit]),
    );
    assert!(
        report.conclusions[0].contains("can go while 90 % of perplexity stays"),
        "{:?}",
        report.conclusions
    );
    let csv = report.to_csv().unwrap();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let column = header.iter().position(|name| *name == "healing").unwrap();
    assert!(
        csv.lines()
            .any(|line| line.split(',').nth(column) == Some("refit"))
    );
    for written in [
        report.to_markdown(),
        report.to_html(),
        report.to_terminal(Detail::Full, 120),
    ] {
        for part in ["How many layers can go", "healed by", "agreement"] {
            let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(written.contains(part), "`{part}` is not in\n{written}");
        }
    }
    // A report from before healing was known opens as it was.
    let mut old: serde_json::Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let pruning = old["pruning"].as_object_mut().unwrap();
    pruning.remove("healing");
    for outcome in pruning["outcomes"].as_array_mut().unwrap() {
        outcome.as_object_mut().unwrap().remove("agreement");
    }
    let old: Report = serde_json::from_value(old).unwrap();
    assert!(old.to_markdown().contains("Pareto"));
}

#[test]
fn a_text_of_one_sequence_heals_nothing_and_says_so() {
    let model = open(DeviceChoice::Cpu);
    let options = TextOptions {
        sequence_length: Some(48),
        max_sequences: 1,
    };
    let text = text(&model, options);
    let (request, cancel) = (ways(&[Healing::None, Healing::Refit]), Cancel::default());
    let report = judge(&model, &text, &request, &mut NoStages, &mut |_| (), &cancel).unwrap();
    assert!(healing(&report).outcomes.is_empty());
    assert!(
        healing(&report).refused[0]
            .cause
            .contains("at least two are needed")
    );
    assert!(report.to_markdown().contains("What could not be healed"));
}

#[test]
fn the_largest_cut_can_be_judged_by_a_task() {
    let model = open(DeviceChoice::Cpu);
    let mut request = ways(&[Healing::None, Healing::Refit]);
    request.plans.budget = Budget::Count(4);
    request.heal.keep_of = Some("truthful.json".into());
    let report = judged(&model, &request);
    let healing = healing(&report);
    let main = &report
        .evaluation
        .iter()
        .find(|task| task.dataset == "truthful.json")
        .unwrap()
        .metrics[0];
    for plan in &pruning(&report).plans {
        // Every count by the plain way; what is found must keep enough, and one more must not, or be the end.
        let keeps = |count: usize| {
            let cut: BTreeSet<usize> = plan.removed[..count].iter().copied().collect();
            let view = model.decoder.without(&cut).unwrap();
            let dataset = &datasets()[1];
            let tokenizer = &model.tokenizer;
            let mut go_on = |_, _| std::ops::ControlFlow::Continue(());
            let found =
                layerlab_eval::evaluate(&view, tokenizer, dataset, &request.eval, &mut go_on);
            let value = block_on(found).unwrap().metrics[0].value.unwrap();
            value / main.value.unwrap() >= request.heal.keep
        };
        let cuts = healing.cuts.iter();
        let mut cuts = cuts.filter(|cut| cut.method == plan.method && cut.healing == Healing::None);
        let cut = cuts.next().unwrap();
        assert!(cut.layers == 0 || keeps(cut.layers));
        assert!(cut.is_whole_plan || !keeps(cut.layers + 1));
    }
    assert!(
        healing
            .outcomes
            .iter()
            .all(|healed| healed.record.way == Healing::Refit)
    );
    let named = format!("of {} on truthful.json stays", main.metric.label());
    assert!(report.to_markdown().contains(&named), "{named}");
    request.heal.keep_of = Some("other.json".into());
    let (text, cancel) = (text(&model, short()), Cancel::default());
    let refused = judge(&model, &text, &request, &mut NoStages, &mut |_| (), &cancel);
    assert!(
        matches!(refused, Err(LabError::NothingToKeep { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_model_writes_the_text_that_heals_it() {
    let model = open(DeviceChoice::Cpu);
    let mut request = ways(&[Healing::Refit]);
    let source = |seed| HealSource::Own {
        sequences: 20,
        length: Some(32),
        seed,
    };
    let cancel = Cancel::default();
    let own = |seed| {
        let request = HealRequest {
            source: source(seed),
            ..HealRequest::default()
        };
        let mut show = |_| ();
        let mut run = Run::new(&mut show, &cancel);
        block_on(request.own_text(&model, &mut run))
            .unwrap()
            .unwrap()
    };
    let written = own(3);
    assert_eq!(written, own(3));
    assert_ne!(written.sha256, own(4).sha256);
    assert_eq!(written.sequences.len(), 20);
    assert!(
        written
            .sequences
            .iter()
            .all(|sequence| sequence.len() == 32)
    );
    // Not twenty times the same.
    let distinct: BTreeSet<&Vec<u32>> = written.sequences.iter().collect();
    assert!(distinct.len() > 15, "{}", distinct.len());
    request.heal.source = source(3);
    let mut stages = MemoryStages::default();
    let text = text(&model, short());
    let report = judge(&model, &text, &request, &mut stages, &mut |_| (), &cancel).unwrap();
    let learned = healing(&report).text.as_ref().unwrap();
    assert_eq!(learned.sha256, written.sha256);
    assert_eq!(learned.tokens, 640);
    let records = healing(&report)
        .outcomes
        .iter()
        .map(|healed| &healed.record);
    assert!(
        records
            .clone()
            .all(|record| record.tokens + record.choosing_tokens == 640)
    );
    assert!(
        report
            .to_markdown()
            .contains("a text that the whole model wrote itself (640 tokens)")
    );
}

#[test]
fn one_model_is_healed_and_judged_beside_the_whole_one() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let (datasets, request) = (datasets(), ways(&[Healing::Refit]));
    let cancel = Cancel::default();
    let mut show = |_| ();
    let mut run = Run::new(&mut show, &cancel);
    let removed = BTreeSet::from([2, 3]);
    let task = HealTask {
        removed: &removed,
        text: &text,
        request: &request.heal,
        datasets: &datasets,
        eval: &request.eval,
    };
    let (cure, alone) = block_on(heal_and_judge(&model, task, &mut NoStages, &mut run)).unwrap();
    assert_eq!(cure.record, alone.healed.record);
    assert_eq!(alone.judged.outcomes.len(), 1);
    assert_eq!(
        alone.healed.outcome.compared.len(),
        alone.judged.outcomes[0].compared.len()
    );
    let first = BTreeSet::from([0]);
    let task = HealTask {
        removed: &first,
        ..task
    };
    let refused = block_on(heal_and_judge(&model, task, &mut NoStages, &mut run));
    assert!(matches!(refused, Err(LabError::Heal(_))));
}
