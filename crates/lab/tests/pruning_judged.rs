//! What plans leave: on both devices, broken off and taken up again, in every view.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;

use layerlab_eval::{Comparison, Metric, Significance, TaskResult};
use layerlab_lab::{
    Budget, Cancel, DeviceChoice, ExperimentRequest, LabError, MemoryStages, NoStages, Report, Run,
    Schedule, judge_removals, report::Detail, report::Outcome,
};
use support::{
    judging::{datasets, judge, judged, pruning, request},
    open, short, text,
};

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
        // But for what the number of comparisons does to it.
        let alone = |compared: &Comparison| {
            let mut compared = compared.clone();
            let p = compared.significance.map(|found| (found.test, found.p));
            compared.significance = None;
            (compared, p)
        };
        assert_eq!(alone(&compared.comparison), alone(&expected));
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
    assert!(!report.conclusions.is_empty());
}

/// A report without what differs from run to run.
fn timeless(report: &Report) -> Report {
    let mut report = report.clone();
    report.timings = Default::default();
    report
        .warnings
        .retain(|warning| !warning.contains("an earlier run"));
    if let Some(pruning) = &mut report.pruning {
        // Of the run that took it up again alone, as times are.
        let passes = &mut pruning.block_passes;
        passes.retain(|passes| passes.purpose != "judging models");
    }
    report
}

#[test]
fn a_run_that_was_broken_off_goes_on_from_its_finished_stages() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let request = request(Budget::Count(2));
    let whole = judged(&model, &request);
    let mut stages = MemoryStages::default();
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
                        .any(|warning| warning.contains("an earlier run"))
                );
                assert!(timeless(&report) == timeless(&whole));
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
            .any(|warning| warning.contains("an earlier run"))
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
    let (error, _) = refused(&|request| request.plans.methods = vec!["random_9".parse().unwrap()]);
    assert!(error.to_string().contains("block_influence"), "{error}");
}

/// p-values of a table are corrected for all of its comparisons together.
#[test]
fn comparisons_of_a_table_are_corrected_together() {
    let report = judged(&open(DeviceChoice::Cpu), &request(Budget::Count(2)));
    let pruning = pruning(&report);
    let outcomes = pruning.outcomes.iter();
    let last = outcomes.filter(|outcome| outcome.removed.len() == 2);
    let table: Vec<&Comparison> = last
        .flat_map(|outcome| &outcome.compared)
        .map(|task| &task.comparison)
        .collect();
    assert!(table.len() > 10);
    for compared in &table {
        let found = compared.significance.unwrap();
        assert_eq!(found.comparisons, table.len());
        assert!(found.p <= found.p_adjusted && found.p_adjusted <= 1.0);
        let is_sure = found.p_adjusted <= 0.05 && compared.units >= 10;
        assert_eq!(found.significant, is_sure);
    }
    // Holm's first step: the least of all counts as often as there are comparisons.
    let least = |value: fn(&Significance) -> f64| {
        let found = table.iter().filter_map(|compared| compared.significance);
        found.map(|found| value(&found)).fold(1.0, f64::min)
    };
    let expected = (least(|found| found.p) * table.len() as f64).min(1.0);
    assert!((least(|found| found.p_adjusted) - expected).abs() < 1e-12);
}

/// Stars are where a corrected test says so, in every view, and nowhere else.
#[test]
fn every_view_has_the_same_stars() {
    let mut report = judged(&open(DeviceChoice::Cpu), &request(Budget::Count(2)));
    let outcomes = &mut report.pruning.as_mut().unwrap().outcomes;
    let compared = outcomes
        .iter_mut()
        .flat_map(|outcome| &mut outcome.compared);
    for (number, task) in compared.enumerate() {
        let significance = task.comparison.significance.as_mut().unwrap();
        significance.significant = number % 3 == 0;
        // What the interval says does not matter.
        task.comparison.difference_low = Some(1.0);
        task.comparison.difference_high = Some(2.0);
    }
    let pruning = pruning(&report);
    // Several plans may come to one model, whose cells are then shown for each.
    let shown: usize = pruning
        .plans
        .iter()
        .flat_map(|plan| &pruning.outcome(plan, 2).unwrap().compared)
        .filter(|task| task.comparison.is_significant())
        .count();
    assert!(shown > 0);
    let csv = report.to_csv().unwrap();
    let mut rows = csv.lines();
    let header: Vec<&str> = rows.next().unwrap().split(',').collect();
    let place = header.iter().position(|name| *name == "significant");
    let in_csv = rows.filter(|row| row.split(',').nth(place.unwrap()) == Some("true"));
    assert_eq!(in_csv.count(), shown);
    let html = report.to_html();
    assert_eq!(html.matches("class=\"mark\"").count(), shown);
    let table = report.to_terminal(Detail::Full, 100);
    let is_starred =
        |word: &&str| word.ends_with('*') && word.starts_with(|a: char| a.is_ascii_digit());
    let words = table.split_whitespace().filter(is_starred);
    assert_eq!(words.count(), shown, "{table}");
    for view in [table, report.to_markdown(), html] {
        assert!(
            view.contains("Holm") && view.contains("bits/byte"),
            "{view}"
        );
        assert!(!view.contains("interval leaves out 0"));
    }
}

/// Two windows of text make intervals that are far too narrow.
#[test]
fn what_is_too_short_for_an_interval_is_told() {
    let mut request = request(Budget::Count(2));
    request.eval.max_windows = Some(2);
    let report = judged(&open(DeviceChoice::Cpu), &request);
    let whole = report.evaluation[0].metric(Metric::Perplexity).unwrap();
    assert!(whole.rough && whole.low.is_some());
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.contains("text.txt: the number of windows is 2"))
    );
    for outcome in &pruning(&report).outcomes {
        let compared = outcome.comparison("text.txt", Metric::Perplexity).unwrap();
        assert!(compared.comparison.rough && !compared.comparison.is_significant());
    }
    for view in [report.to_terminal(Detail::Full, 100), report.to_markdown()] {
        assert!(view.contains("~["), "{view}");
    }
    assert!(report.to_html().contains("~ "));
}

#[test]
fn every_view_tells_the_same() {
    let report = judged(&open(DeviceChoice::Cpu), &request(Budget::Count(2)));
    let (table, markdown, html) = (
        report.to_terminal(Detail::Full, 100),
        report.to_markdown(),
        report.to_html(),
    );
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
    let of_tasks = csv.lines().filter(|row| row.starts_with("tasks,"));
    assert_eq!(
        of_tasks.count(),
        metrics * (1 + pruning(&report).plans.len())
    );
    let json = report.to_json().unwrap();
    let read: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(read.to_html(), html);
}

/// Files and models may be called anything.
#[test]
fn hostile_names_stay_names_in_every_view() {
    const NAME: &str = "a|b`c`\u{1b}[31m\n# d, \"e\" <script>[x](javascript:y)\u{202e}.jsonl";
    let report = judged(&open(DeviceChoice::Cpu), &request(Budget::Count(2)));
    let plain = report.to_markdown();
    let named = |document: &str, old: &str, new: &str| {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        document.replace(&quoted(old), &quoted(new))
    };
    let mut document = named(&report.to_json().unwrap(), &report.model.name, NAME);
    for task in &report.evaluation {
        document = named(&document, &task.dataset, NAME);
    }
    let mut report: Report = serde_json::from_str(&document).unwrap();
    report.warnings.push(NAME.into());
    let (table, markdown, html) = (
        report.to_terminal(Detail::Full, 100),
        report.to_markdown(),
        report.to_html(),
    );
    for view in [&table, &markdown] {
        assert!(!view.contains(['\u{1b}', '\u{202e}']), "{view}");
        assert!(view.contains('␛'), "{view}");
    }
    assert!(!html.contains("<script"));
    // Nothing that is not ours begins a heading, ends a cell, is code or a link.
    let count =
        |text: &str, begins: &str| text.lines().filter(|line| line.starts_with(begins)).count();
    assert_eq!(count(&markdown, "#"), count(&plain, "#"), "{markdown}");
    let cells = |line: &str| line.matches('|').count();
    let columns = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with('|'))
            .map(cells)
            .collect::<Vec<_>>()
    };
    assert_eq!(columns(&markdown), columns(&plain));
    for mark in ["`c`", "<script", "[x](", "\n# d"] {
        assert!(!markdown.contains(mark), "{mark:?} in {markdown}");
    }
    let csv = report.to_csv().unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let place = columns.iter().position(|name| name == "dataset").unwrap();
    let rows = reader.records().map(Result::unwrap);
    let of_tasks = rows.filter(|row| &row[0] == "tasks");
    let datasets: Vec<String> = of_tasks.map(|row| row[place].to_owned()).collect();
    assert!(!datasets.is_empty());
    assert!(
        datasets.iter().all(|dataset| dataset == NAME),
        "{datasets:?}"
    );
}

#[test]
fn removals_by_hand_are_judged_as_those_of_plans_and_none_is_asked_twice() {
    let model = open(DeviceChoice::Cpu);
    let request = request(Budget::Count(2));
    let report = judged(&model, &request);
    let expected = pruning(&report)
        .outcomes
        .iter()
        .max_by_key(|outcome| outcome.removed.len());
    let expected = expected.unwrap();
    let removals = [expected.removed.clone()];
    let (cancel, mut stages, mut steps) = (Cancel::default(), MemoryStages::default(), [0, 0]);
    for steps in &mut steps {
        let mut count = |_| *steps += 1;
        let mut run = Run::new(&mut count, &cancel);
        let datasets = datasets();
        let found = pollster::block_on(judge_removals(
            &model,
            &datasets,
            &removals,
            &request.eval,
            &mut stages,
            &mut run,
        ));
        let found = found.unwrap();
        assert_eq!(found.evaluation, report.evaluation);
        let [outcome] = &found.outcomes[..] else {
            panic!("one outcome");
        };
        assert_eq!(outcome.tasks, expected.tasks);
        // Its table has fewer comparisons, for which less is corrected.
        for (one, other) in outcome.compared.iter().zip(&expected.compared) {
            let [one, other] = [one, other].map(|task| task.comparison.significance.unwrap());
            assert_eq!((one.test, one.p), (other.test, other.p));
            assert_eq!(one.comparisons, outcome.compared.len());
            assert!(one.comparisons < other.comparisons && one.p_adjusted <= other.p_adjusted);
        }
    }
    assert!(steps[0] > 0);
    assert_eq!(steps[1], 0);
}
