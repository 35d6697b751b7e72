//! Running the whole experiment on the demo model.

use std::{collections::BTreeSet, fs};

use layerlab_lab::{
    Budget, Cancel, Constraints, Dataset, EvalOptions, ExperimentRequest, HealRequest, Healing,
    LabError, NoStages, OpenModel, Plan, PlanRequest, Progress, Report, Run, Schedule,
    ScoreRequest, Stages, Text, files::Folder, prune_and_judge, report::PruningReport,
};
use pollster::block_on;

use super::{demo, short, text};

pub fn request(budget: Budget) -> ExperimentRequest {
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
        heal: HealRequest {
            ways: vec![Healing::None],
            ..HealRequest::default()
        },
    }
}

pub fn datasets() -> Vec<Dataset> {
    let contents = fs::read_to_string(demo().join("text.txt")).unwrap();
    let path = demo().join("../tasks/truthful.json");
    let choices = fs::read_to_string(&path).unwrap();
    vec![
        Dataset::of_text("text.txt", contents.chars().take(1500).collect()),
        Dataset::read("truthful.json", &choices, false).unwrap(),
    ]
}

pub fn judge(
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

pub fn judged(model: &OpenModel<Folder>, request: &ExperimentRequest) -> Report {
    let text = text(model, short());
    let cancel = Cancel::default();
    judge(model, &text, request, &mut NoStages, &mut |_| (), &cancel).unwrap()
}

pub fn pruning(report: &Report) -> &PruningReport {
    report.pruning.as_ref().unwrap()
}

pub fn plan<'a>(report: &'a Report, method: &str, schedule: Schedule) -> &'a Plan {
    let mut plans = pruning(report).plans.iter();
    plans
        .find(|plan| plan.method.to_string() == method && plan.schedule == schedule)
        .unwrap_or_else(|| panic!("no plan by {method}, {schedule}"))
}
