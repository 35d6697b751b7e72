//! Experiments in shards: merged, they are what one machine finds.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeSet, fs};

use layerlab_lab::{
    Budget, Cancel, Dataset, DeviceChoice, Healing, LabError, LocateRequest, MarginChange,
    NamedShard, NoStages, OpenModel, PruneShard, Report, Run, Schedule, ScoreRequest, Shard,
    ShardDocument, ShardError, ShardTask, TaskAnswers, Text, evaluate_model, evaluate_shard,
    files::Folder, locate_layers, locate_shard, merge_shards, prune_shard, score_layers,
    score_shard,
};
use pollster::block_on;
use serde_json::Value;
use support::{
    demo,
    judging::{datasets, judged, request},
    open, short, text,
};

const CREATED: &str = "2026-01-01T00:00:00Z";

/// What does something with a [`Run`] that nobody watches.
fn silently<T>(act: impl AsyncFnOnce(&mut Run<'_>) -> T) -> T {
    let (mut silent, cancel) = (|_| (), Cancel::default());
    block_on(act(&mut Run::new(&mut silent, &cancel)))
}

fn task(shard: Shard) -> ShardTask<'static> {
    ShardTask {
        shard,
        known: None,
        created: CREATED.into(),
    }
}

/// Writes shards to files, and reads them in another order.
fn written(shards: Vec<ShardDocument>) -> Vec<NamedShard> {
    let shards = shards.into_iter().enumerate().rev();
    let read = shards.map(|(place, shard)| {
        let name = format!("{}.shard", place + 1);
        let json = shard.to_json().unwrap();
        let document = ShardDocument::from_json(&name, json.as_bytes()).unwrap();
        NamedShard { name, document }
    });
    read.collect()
}

fn merged(shards: Vec<NamedShard>) -> Result<Report, LabError> {
    silently(async |run| merge_shards(shards, CREATED.into(), run).await)
}

fn parts(of: usize) -> impl Iterator<Item = Shard> {
    (1..=of).map(move |index| Shard::new(index, of).unwrap())
}

/// What of a report is the same on one machine and on several: all but the time that it took, and what is said of that.
fn figures(report: &Report) -> Value {
    let mut report = report.clone();
    report.timings = Default::default();
    report.warnings.clear();
    if let Some(pruning) = &mut report.pruning {
        pruning.block_passes.clear();
        let healing = pruning.healing.iter_mut();
        for healed in healing.flat_map(|healing| &mut healing.outcomes) {
            healed.record.seconds = 0.0;
        }
    }
    serde_json::to_value(report).unwrap()
}

/// The largest relative difference of two documents that are the same but for numbers; of numbers below 1 the absolute one.
fn difference(a: &Value, b: &Value, place: &str) -> f64 {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() / a.abs().max(1.0)
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let places = a.iter().zip(b).enumerate();
            let found = places.map(|(index, (a, b))| difference(a, b, &format!("{place}/{index}")));
            found.fold(0.0, f64::max)
        }
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            let found = a.iter().map(|(name, a)| {
                let b = b.get(name).unwrap_or(&Value::Null);
                difference(a, b, &format!("{place}/{name}"))
            });
            found.fold(0.0, f64::max)
        }
        // Sentences tell rounded figures.
        (a, b) => {
            assert_eq!(a, b, "{place}");
            0.0
        }
    }
}

fn score_parts(
    model: &OpenModel<Folder>,
    text: &Text,
    request: &ScoreRequest,
    of: usize,
) -> Vec<ShardDocument> {
    let parts = parts(of).map(|shard| {
        let part = silently(async |run| score_shard(model, text, request, task(shard), run).await);
        part.unwrap().unwrap()
    });
    parts.collect()
}

#[test]
fn merged_scores_are_those_of_one_machine_to_the_last_bit() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let contents = fs::read_to_string(demo().join("../tasks/truthful.json")).unwrap();
    let tasks = [Dataset::read("truthful.json", &contents, false).unwrap()];
    let (context, options) = (model.decoder.spec().context, Default::default());
    let answers = TaskAnswers::of(&tasks, &model.tokenizer, context, &options).unwrap();
    for answers in [None, Some(answers)] {
        let request = ScoreRequest {
            loss_change: true,
            answers,
            ..ScoreRequest::default()
        };
        let whole =
            silently(async |run| score_layers(&model, &text, &request, CREATED.into(), run).await);
        let of = request.answers.as_ref().map_or(5, |_| 2);
        let merged = merged(written(score_parts(&model, &text, &request, of))).unwrap();
        assert_eq!(figures(&merged), figures(&whole.unwrap()));
        assert!(
            merged
                .warnings
                .iter()
                .any(|warning| warning.contains("merged of")),
            "{:?}",
            merged.warnings
        );
    }
}

#[test]
fn merged_evaluations_are_those_of_one_machine() {
    let model = open(DeviceChoice::Cpu);
    let mut options = request(Budget::Count(1)).eval;
    let mut asked = datasets();
    let labels: String = (0..7)
        .map(|n| format!("{{\"text\": \"t{n}\", \"label\": \"l{}\"}}\n", n % 3))
        .collect();
    asked.push(Dataset::read("labels.jsonl", &labels, false).unwrap());
    let free: String = (0..5)
        .map(|n| format!("{{\"question\": \"How many is {n}?\", \"answers\": [\"{n}\"]}}\n"))
        .collect();
    asked.push(Dataset::read("free.jsonl", &free, false).unwrap());
    // Windows that overlap, so that blocks of text reach from one shard into the next.
    options.stride = Some(20);
    let whole =
        silently(async |run| evaluate_model(&model, &asked, &options, CREATED.into(), run).await);
    let parts = parts(4).map(|shard| {
        let part =
            silently(async |run| evaluate_shard(&model, &asked, &options, task(shard), run).await);
        part.unwrap().unwrap()
    });
    let merged = merged(written(parts.collect())).unwrap();
    let difference = difference(&figures(&merged), &figures(&whole.unwrap()), "");
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn merged_locations_are_those_of_one_machine() {
    let model = open(DeviceChoice::Cpu);
    let pairs: String = (0..9)
        .map(|n| {
            format!(
                "{{\"question\": \"What is {n}?\", \"right_answer\": \"the number {n}\", \"hallucinated_answer\": \"a red {n}{n}\"}}\n"
            )
        })
        .collect();
    let free: String = (0..8)
        .map(|n| format!("{{\"question\": \"Who is {n}?\", \"answers\": [\"someone\"]}}\n"))
        .collect();
    let asked = [
        Dataset::read("pairs.jsonl", &pairs, false).unwrap(),
        Dataset::read("free.jsonl", &free, false).unwrap(),
    ];
    let mut request = LocateRequest::default();
    request.contrast.resamples = 50;
    // What an untrained model answers is never sure.
    request.mining.min_confidence = 0.0;
    request.eval.max_new_tokens = 4;
    request.margin_change = MarginChange::Always;
    let whole =
        silently(async |run| locate_layers(&model, &asked, &request, CREATED.into(), run).await);
    let parts = parts(3).map(|shard| {
        let part =
            silently(async |run| locate_shard(&model, &asked, &request, task(shard), run).await);
        part.unwrap().unwrap()
    });
    let merged = merged(written(parts.collect())).unwrap();
    let whole = whole.unwrap();
    let mined = whole.hallucination.as_ref().unwrap().datasets[1].mined;
    assert_eq!(mined.unwrap().questions, 8);
    let difference = difference(&figures(&merged), &figures(&whole), "");
    assert!(difference < 1e-4, "{difference}");
}

fn prune_parts(model: &OpenModel<Folder>, of: usize) -> Vec<ShardDocument> {
    let mut request = request(Budget::Count(2));
    request.plans.schedules = BTreeSet::from([Schedule::OneShot]);
    request.heal.ways = vec![Healing::None, Healing::Scale, Healing::Refit];
    let (text, datasets) = (text(model, short()), datasets());
    let parts = parts(of).map(|shard| {
        let part = PruneShard {
            text: &text,
            datasets: &datasets,
            request: &request,
            task: task(shard),
        };
        let part = silently(async |run| prune_shard(model, part, &mut NoStages, run).await);
        part.unwrap().unwrap()
    });
    parts.collect()
}

#[test]
fn merged_prunings_are_those_of_one_machine() {
    let model = open(DeviceChoice::Cpu);
    let mut request = request(Budget::Count(2));
    request.plans.schedules = BTreeSet::from([Schedule::OneShot]);
    request.heal.ways = vec![Healing::None, Healing::Scale, Healing::Refit];
    let whole = judged(&model, &request);
    let merged = merged(written(prune_parts(&model, 4))).unwrap();
    let healing = merged.pruning.as_ref().unwrap().healing.as_ref().unwrap();
    assert!(!healing.outcomes.is_empty() && !healing.refused.is_empty());
    let difference = difference(&figures(&merged), &figures(&whole), "");
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn shards_that_are_missing_double_or_of_something_else_are_named() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let request = ScoreRequest::default();
    let shards = written(score_parts(&model, &text, &request, 3));
    let said = |shards: Vec<NamedShard>| merged(shards).unwrap_err().to_string();
    assert_eq!(said(Vec::new()), "there is no shard to merge");
    assert_eq!(said(shards[..2].to_vec()), "of 3 shards 1 is missing: 1");
    assert_eq!(
        said(shards[..1].to_vec()),
        "of 3 shards 2 are missing: 1, 2"
    );
    let twice = [&shards[..], &shards[1..2]].concat();
    assert!(said(twice).contains("both shard 2/3"));

    let other = ScoreRequest {
        batch: 3,
        ..ScoreRequest::default()
    };
    let mut mixed = shards.clone();
    mixed[0] = written(score_parts(&model, &text, &other, 3)).remove(0);
    assert!(said(mixed).contains("the option batch differs"));
    let mut mixed = shards.clone();
    mixed[0] = written(score_parts(&model, &text, &request, 4)).remove(0);
    assert!(said(mixed).contains("it is one of 3 shards, not of 4"));
    let mut fewer = text.clone();
    fewer.sequences.pop();
    let mut mixed = shards.clone();
    mixed[0] = written(score_parts(&model, &fewer, &request, 3)).remove(0);
    assert!(said(mixed).contains("the texts, the items or how they were read"));

    let shard = Shard::new(1, 40).unwrap();
    let found = silently(async |run| score_shard(&model, &text, &request, task(shard), run).await);
    assert!(
        matches!(
            found,
            Err(LabError::Shard(ShardError::TooMany {
                units: 12,
                of: 40,
                ..
            }))
        ),
        "{found:?}"
    );
}

#[test]
fn plans_that_differ_are_refused() {
    let model = open(DeviceChoice::Cpu);
    let mut shards = prune_parts(&model, 2);
    let json = shards[1].to_json().unwrap();
    let mut changed: Value = serde_json::from_str(&json).unwrap();
    let removed = &mut changed["found"]["plans"][0]["removed"];
    removed.as_array_mut().unwrap().reverse();
    shards[1] = ShardDocument::from_json("2.shard", changed.to_string().as_bytes()).unwrap();
    let said = merged(written(shards)).unwrap_err().to_string();
    assert!(said.contains("would remove different layers"), "{said}");
}

#[test]
fn a_shard_that_is_there_is_not_done_again() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let request = ScoreRequest::default();
    let known = written(score_parts(&model, &text, &request, 2));
    let again = |index: usize, request: &ScoreRequest| {
        let task = ShardTask {
            shard: Shard::new(index, 2).unwrap(),
            known: Some(&known[0]),
            created: CREATED.into(),
        };
        silently(async |run| score_shard(&model, &text, request, task, run).await)
    };
    // The last is the first that `written` gives.
    assert!(again(2, &request).unwrap().is_none());
    let said = again(1, &request).unwrap_err().to_string();
    assert!(said.contains("it is shard 2/2"), "{said}");
    let other = ScoreRequest {
        spans: BTreeSet::from([1, 2]),
        ..ScoreRequest::default()
    };
    let said = again(2, &other).unwrap_err().to_string();
    assert!(said.contains("the option spans differs"), "{said}");
}

#[test]
fn what_was_tampered_with_is_refused() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let shards = score_parts(&model, &text, &ScoreRequest::default(), 1);
    let whole: Value = serde_json::from_str(&shards[0].to_json().unwrap()).unwrap();
    let with = |place: &str, value: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(place).unwrap() = value;
        let changed = changed.to_string();
        let document = ShardDocument::from_json("a", changed.as_bytes())?;
        let name = "a".to_owned();
        merged(vec![NamedShard { name, document }])
    };
    assert!(with("/found/measured", whole["found"]["measured"].clone()).is_ok());
    let said = with("/found/measured", "AAAA".into()).unwrap_err();
    assert!(said.to_string().contains("cannot be read"), "{said}");
    let said = with("/schema", "layerlab-shard/0".into()).unwrap_err();
    assert!(said.to_string().contains("no shard"), "{said}");
    for place in ["/shard", "/inputs/weights", "/found/experiment"] {
        assert!(with(place, Value::Null).is_err(), "{place}");
    }
    assert!(with("/shard", serde_json::json!([3, 2])).is_err());
}
