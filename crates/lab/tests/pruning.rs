//! Plans and what they leave: against brute force, on both devices, broken off and taken up again.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use layerlab_eval::{Comparison, Metric, TaskResult};
use layerlab_lab::{
    Budget, Cancel, Constraints, Dataset, DeviceChoice, EvalOptions, ExperimentRequest, LabError,
    NoStages, OpenModel, Plan, PlanRequest, Progress, Report, Run, Schedule, ScoreRequest,
    StageError, Stages, Text,
    files::Folder,
    plan_removals, prune_and_judge,
    report::{Outcome, PruningReport},
};
use pollster::block_on;
use support::{demo, is_same, open, scoring, short, text};

fn request(budget: Budget) -> ExperimentRequest {
    let mut score = ScoreRequest {
        loss_change: true,
        ..ScoreRequest::default()
    };
    score.score.resamples = 20;
    let mut eval = EvalOptions::default();
    eval.confidence.resamples = 200;
    eval.window = Some(48);
    ExperimentRequest {
        score,
        plans: PlanRequest {
            methods: Vec::new(),
            schedules: BTreeSet::from([Schedule::OneShot, Schedule::Iterative]),
            budget,
            constraints: Constraints::default(),
        },
        eval,
    }
}

fn datasets() -> Vec<Dataset> {
    let contents = fs::read_to_string(demo().join("text.txt")).unwrap();
    let path = demo().join("../tasks/truthful.json");
    let choices = fs::read_to_string(&path).unwrap();
    vec![
        Dataset::of_text("text.txt", contents.chars().take(1500).collect()),
        Dataset::read("truthful.json", &choices, false).unwrap(),
    ]
}

fn judge(
    model: &OpenModel<Folder>,
    text: &Text,
    request: &ExperimentRequest,
    stages: &mut dyn Stages,
    progress: &mut dyn FnMut(Progress),
    cancel: &Cancel,
) -> Result<Report, LabError> {
    let created = "2026-01-01T00:00:00Z".to_owned();
    let mut run = Run::new(progress, cancel);
    block_on(prune_and_judge(
        model,
        text,
        &datasets(),
        request,
        created,
        stages,
        &mut run,
    ))
}

fn judged(model: &OpenModel<Folder>, request: &ExperimentRequest) -> Report {
    let text = text(model, short());
    let cancel = Cancel::default();
    judge(model, &text, request, &mut NoStages, &mut |_| (), &cancel).unwrap()
}

fn pruning(report: &Report) -> &PruningReport {
    report.pruning.as_ref().unwrap()
}

fn plan<'a>(report: &'a Report, method: &str, schedule: Schedule) -> &'a Plan {
    let mut plans = pruning(report).plans.iter();
    plans
        .find(|plan| plan.method == method && plan.schedule == schedule)
        .unwrap_or_else(|| panic!("no plan by {method}, {schedule}"))
}

/// Mean cross-entropy per token over the calibration sequences, by the plain way: a whole pass.
fn loss(model: &OpenModel<Folder>, text: &Text, removed: &BTreeSet<usize>) -> f64 {
    use layerlab_model::{NoObserver, PaddingSide, Target, TokenBatch};
    let view = model.decoder.without(removed).unwrap();
    let (mut sum, mut tokens) = (0.0, 0);
    for sequence in &text.sequences {
        let batch = TokenBatch::new(&[sequence], PaddingSide::Right).unwrap();
        let hidden = view.hidden_states(&batch, None, &mut NoObserver).unwrap();
        let targets: Vec<Target> = (1..sequence.len())
            .map(|place| Target {
                row: 0,
                position: place - 1,
                token: sequence[place],
            })
            .collect();
        let found = view.log_likelihoods(hidden, &targets).unwrap();
        let found = block_on(found.into_data_async()).unwrap();
        sum -= found.iter::<f32>().map(f64::from).sum::<f64>();
        tokens += targets.len();
    }
    sum / tokens as f64
}

#[test]
fn loss_change_is_what_leaving_out_costs() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let report = judged(&model, &request(Budget::Count(1)));
    let methods = &scoring(&report).scores.methods;
    let found = methods
        .iter()
        .find(|method| method.id == "loss_change")
        .unwrap();
    let whole = loss(&model, &text, &BTreeSet::new());
    for layer in &found.layers {
        let expected = loss(&model, &text, &BTreeSet::from([layer.layer])) - whole;
        let value = layer.value.unwrap();
        assert!((value - expected).abs() < 1e-5, "{value} for {expected}");
        assert!(layer.low.unwrap() <= value && value <= layer.high.unwrap());
    }
    // 6 blocks: 5 + 4 + … + 0 after each candidate, 6 below; plainly 6 × 5 and 6.
    let passes = &pruning(&report).block_passes[0];
    let sequences = text.sequences.len() as u64;
    assert_eq!(
        (passes.counted, passes.plain),
        (21 * sequences, 36 * sequences)
    );
}

#[test]
fn greedy_removal_is_brute_force_with_fewer_passes() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let report = judged(&model, &request(Budget::Count(3)));
    let mut removed = BTreeSet::new();
    for &layer in &plan(&report, "loss_change", Schedule::Iterative).removed {
        let with = |layer: usize| {
            let mut set: BTreeSet<usize> = removed.clone();
            set.insert(layer);
            loss(&model, &text, &set)
        };
        let others = (0..6).filter(|other| !removed.contains(other) && *other != layer);
        for other in others {
            assert!(with(layer) <= with(other) + 1e-5, "{layer} before {other}");
        }
        removed.insert(layer);
    }
    assert_eq!(removed.len(), 3);
    let passes = &pruning(&report).block_passes;
    let greedy = passes
        .iter()
        .find(|passes| passes.purpose.starts_with("greedy"))
        .unwrap();
    // 6, 5 and 4 blocks: after each candidate, and below the last one.
    let counted = [6u64, 5, 4]
        .map(|n| n * (n - 1) / 2 + n - 1)
        .iter()
        .sum::<u64>();
    let plain = [6u64, 5, 4].map(|n| n * (n - 1)).iter().sum::<u64>();
    let sequences = text.sequences.len() as u64;
    assert_eq!(
        (greedy.counted, greedy.plain),
        (counted * sequences, plain * sequences)
    );
}

#[test]
fn one_shot_takes_the_lowest_and_iterative_measures_again() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let report = judged(&model, &request(Budget::Count(2)));
    for method in &scoring(&report).scores.methods {
        let order = method.order();
        let plans = pruning(&report).plans.iter();
        let plans: Vec<&Plan> = plans.filter(|plan| plan.method == method.id).collect();
        if let Some(one_shot) = plans.iter().find(|plan| plan.schedule == Schedule::OneShot) {
            assert_eq!(one_shot.removed, order[..2], "{}", method.id);
        }
    }
    // What iterative removes second is the lowest of the model without the first, numbered as before.
    let iterative = plan(&report, "block_influence", Schedule::Iterative);
    let first = iterative.removed[0];
    let mut pruned = open(DeviceChoice::Cpu);
    pruned.decoder = model.decoder.without(&BTreeSet::from([first])).unwrap();
    let again = support::score(&pruned, &text, &ScoreRequest::default()).unwrap();
    let methods = &scoring(&again).scores.methods;
    let method = methods
        .iter()
        .find(|method| method.id == "block_influence")
        .unwrap();
    let second = method.lowest_layer().unwrap();
    let second = if second >= first { second + 1 } else { second };
    assert_eq!(iterative.removed, [first, second]);
}

#[test]
fn a_tolerance_removes_what_it_allows_and_no_more() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let whole = loss(&model, &text, &BTreeSet::new());
    for share in [0.05, 0.6, 3.0] {
        let report = judged(&model, &request(Budget::Tolerance(share)));
        let limit = whole + share.ln_1p();
        for plan in &pruning(&report).plans {
            let set: BTreeSet<usize> = plan.removed.iter().copied().collect();
            assert!(loss(&model, &text, &set) <= limit + 1e-5, "{plan:?}");
            assert!(plan.removed.len() < 6);
        }
        // One more by the same order would be too much.
        let methods = &scoring(&report).scores.methods;
        let method = methods
            .iter()
            .find(|method| method.id == "relative_avss")
            .unwrap();
        let removed = &plan(&report, "relative_avss", Schedule::OneShot).removed;
        if removed.len() < 5 {
            let more = method.order().into_iter().take(removed.len() + 1).collect();
            assert!(loss(&model, &text, &more) > limit - 1e-5);
        }
    }
}

#[test]
fn a_person_decides_first() {
    let model = open(DeviceChoice::Cpu);
    let mut request = request(Budget::Count(2));
    request.plans.constraints = Constraints {
        protected: BTreeSet::from([3, 5]),
        forced: BTreeSet::from([1]),
    };
    let report = judged(&model, &request);
    for plan in &pruning(&report).plans {
        assert_eq!(plan.removed[0], 1, "{plan:?}");
        assert!(
            !plan.removed.contains(&3) && !plan.removed.contains(&5),
            "{plan:?}"
        );
        assert_eq!(plan.removed.len(), 2);
    }
}

#[test]
fn plans_and_figures_are_the_same_on_both_devices() {
    let mut request = request(Budget::Count(2));
    request.plans.schedules = BTreeSet::from([Schedule::OneShot]);
    let reports =
        [DeviceChoice::Cpu, DeviceChoice::Gpu].map(|device| judged(&open(device), &request));
    let [cpu, gpu] = &reports;
    assert_eq!(pruning(cpu).plans, pruning(gpu).plans);
    let values = |report: &Report| -> Vec<f64> {
        let outcomes = pruning(report).outcomes.iter();
        let tasks = report
            .evaluation
            .iter()
            .chain(outcomes.flat_map(|outcome| &outcome.tasks));
        let metrics = tasks.flat_map(|task| &task.metrics);
        metrics.filter_map(|result| result.value).collect()
    };
    let (a, b) = (values(cpu), values(gpu));
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert!((a - b).abs() <= 1e-3 * a.abs(), "{a} and {b}");
    }
}

#[test]
fn outcomes_are_compared_with_the_whole_model() {
    let model = open(DeviceChoice::Cpu);
    let request = request(Budget::Share(0.5));
    let report = judged(&model, &request);
    let pruning = pruning(&report);
    assert_eq!(pruning.count, 3);
    let perplexity = |tasks: &[TaskResult]| tasks[0].metric(Metric::Perplexity).unwrap().clone();
    let whole = perplexity(&report.evaluation);
    for plan in &pruning.plans {
        let outcome: &Outcome = pruning.outcome(plan, 3).unwrap();
        // All tasks at the end of a plan, perplexity alone on the way.
        assert_eq!(outcome.tasks.len(), 2);
        assert!(!pruning.outcome(plan, 1).unwrap().tasks.is_empty());
        let compared = outcome.comparison("text.txt", Metric::Perplexity).unwrap();
        let expected = Comparison::of(
            &whole,
            &perplexity(&outcome.tasks),
            &request.eval.confidence,
        )
        .unwrap();
        assert_eq!(compared.comparison, expected);
        let removed = model.decoder.spec().block_parameters() * 3;
        assert_eq!(outcome.parameters, model.decoder.parameters() - removed);
    }
    let frontier = pruning.frontier();
    assert!(
        frontier.is_sorted_by(|a, b| {
            a.removed.len() < b.removed.len() && a.perplexity < b.perplexity
        })
    );
    for point in &frontier {
        assert!(!point.plans.is_empty());
        let same = pruning
            .outcomes
            .iter()
            .filter(|outcome| outcome.removed.len() == point.removed.len());
        assert!(
            same.filter_map(Outcome::perplexity)
                .all(|other| other >= point.perplexity)
        );
    }
    assert!(!pruning.conclusions.is_empty());
}

/// Keeps stages in memory and counts.
#[derive(Default)]
struct Memory(BTreeMap<String, String>);

impl Stages for Memory {
    fn load(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn save(&mut self, name: &str, found: &str) -> Result<(), StageError> {
        self.0.insert(name.to_owned(), found.to_owned());
        Ok(())
    }
}

/// A report without what differs from run to run.
fn timeless(report: &Report) -> Report {
    let mut report = report.clone();
    report.timings = Default::default();
    report
        .warnings
        .retain(|warning| !warning.contains("broken off"));
    report
}

#[test]
fn a_run_that_was_broken_off_goes_on_from_its_finished_stages() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let request = request(Budget::Count(2));
    let whole = judged(&model, &request);
    let mut stages = Memory::default();
    let mut kept = 0;
    // Broken off after more and more steps, each time a little further.
    for steps in [3, 40, 400, usize::MAX] {
        let cancel = Cancel::default();
        let mut left = steps;
        let mut progress = |_| {
            left = left.saturating_sub(1);
            if left == 0 {
                cancel.cancel();
            }
        };
        match judge(&model, &text, &request, &mut stages, &mut progress, &cancel) {
            Ok(report) => {
                assert!(
                    report
                        .warnings
                        .iter()
                        .any(|warning| warning.contains("broken off"))
                );
                let json = |report| serde_json::to_value(timeless(report)).unwrap();
                assert!(is_same(&json(&report), &json(&whole)));
            }
            Err(error) => assert!(matches!(error, LabError::Cancelled), "{error}"),
        }
        assert!(stages.0.len() >= kept);
        kept = stages.0.len();
    }
    assert!(kept > 3, "{kept} stages");
    // Other inputs share nothing.
    let mut other = request.clone();
    other.score.score.seed = 7;
    let cancel = Cancel::default();
    let report = judge(&model, &text, &other, &mut stages, &mut |_| (), &cancel).unwrap();
    assert!(
        !report
            .warnings
            .iter()
            .any(|warning| warning.contains("broken off"))
    );
    assert!(stages.0.len() > kept);
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_computed() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let refused = |change: &dyn Fn(&mut ExperimentRequest)| {
        let mut request = request(Budget::Count(2));
        change(&mut request);
        let cancel = Cancel::default();
        let mut steps = 0;
        let mut progress = |_| steps += 1;
        let result = judge(
            &model,
            &text,
            &request,
            &mut NoStages,
            &mut progress,
            &cancel,
        );
        (result.unwrap_err(), steps)
    };
    for budget in [Budget::Share(0.0), Budget::Share(1.0), Budget::Count(6)] {
        let (error, steps) = refused(&|request| request.plans.budget = budget);
        assert!(matches!(error, LabError::Plan(_)), "{error}");
        assert_eq!(steps, 0);
    }
    let (error, steps) = refused(&|request| {
        request.plans.constraints.protected = (0..6).collect();
    });
    assert!(matches!(error, LabError::Plan(_)), "{error}");
    assert_eq!(steps, 0);
    let (error, _) = refused(&|request| request.plans.methods = vec!["magic".into()]);
    assert!(error.to_string().contains("block_influence"), "{error}");
}

#[test]
fn a_plan_alone_is_the_plan_of_the_run() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let mut request = request(Budget::Count(2));
    let expected = judged(&model, &request);
    request.plans.methods = vec!["relative_magnitude".into()];
    request.plans.schedules = BTreeSet::from([Schedule::Iterative]);
    let cancel = Cancel::default();
    let mut show = |_| ();
    let mut run = Run::new(&mut show, &cancel);
    let plans = plan_removals(&model, &text, &request.score, &request.plans, &mut run);
    let plans = block_on(plans).unwrap();
    let expected = plan(&expected, "relative_magnitude", Schedule::Iterative);
    assert_eq!(plans, [expected.clone()]);
}

#[test]
fn every_view_tells_the_same() {
    let report = judged(&open(DeviceChoice::Cpu), &request(Budget::Count(2)));
    let (table, markdown, html) = (report.to_table(), report.to_markdown(), report.to_html());
    for plan in &pruning(&report).plans {
        assert!(markdown.contains(&plan.label) && html.contains(&plan.label));
    }
    for view in [&table, &markdown, &html] {
        assert!(view.contains("Pareto") && view.contains("conclude"));
    }
    // Readable without a network, and without trusting a script.
    for part in ["http://", "https://", "<script", "url(", "@import"] {
        assert!(!html.contains(part), "{part}");
    }
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    assert!(!html.contains("NaN") && !html.contains("inf\""));
    let csv = report.to_csv().unwrap();
    let metrics = report
        .evaluation
        .iter()
        .map(|task| task.metrics.len())
        .sum::<usize>();
    assert_eq!(
        csv.lines().count(),
        1 + metrics * (1 + pruning(&report).plans.len())
    );
    let json = report.to_json().unwrap();
    let read: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(read.to_html(), html);
}
