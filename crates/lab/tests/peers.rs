//! Work shared with others that hold the same model, against the same work done alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::cell::RefCell;

use layerlab_lab::{
    Answer, Budget, Cancel, DeviceChoice, LabError, MemoryStages, OpenModel, Peers, Progress,
    Report, Run, Unanswered, files::Folder, perform_share, prune_and_judge,
};
use pollster::block_on;
use support::{
    judging::{datasets, request},
    open, short, text,
};

/// Peers that are all this model. What becomes of a share, `fate` says by its number.
struct SameModel<'a> {
    model: &'a OpenModel<Folder>,
    fate: fn(usize) -> Option<Unanswered>,
    asked: RefCell<usize>,
}

impl Peers for SameModel<'_> {
    fn count(&self) -> usize {
        3
    }

    fn ask(&self, share: Vec<u8>) -> Answer<'_> {
        let number = self.asked.replace_with(|asked| *asked + 1);
        Box::pin(async move {
            match (self.fate)(number) {
                Some(why) => Err(why),
                None => {
                    let cancel = Cancel::default();
                    let mut silent = |_| ();
                    let mut run = Run::new(&mut silent, &cancel);
                    Ok(perform_share(self.model, &share, &mut run).await.unwrap())
                }
            }
        })
    }
}

/// The whole experiment, and the steps that it told of.
fn experiment(
    model: &OpenModel<Folder>,
    peers: Option<&dyn Peers>,
) -> (Result<Report, LabError>, Vec<Progress>) {
    let text = text(model, short());
    let request = request(Budget::Count(2));
    let datasets = datasets();
    let (cancel, mut steps) = (Cancel::default(), Vec::new());
    let mut show = |step| steps.push(step);
    let mut run = Run::new(&mut show, &cancel).with_peers(peers);
    let (created, mut stages) = ("2026-01-01T00:00:00Z".to_owned(), MemoryStages::default());
    let report = block_on(prune_and_judge(
        model,
        &text,
        &datasets,
        &request,
        created,
        &mut stages,
        &mut run,
    ));
    (report, steps)
}

/// Everything but how long it took.
/// Without what depends on who did the work.
fn timeless(mut report: Report) -> Report {
    report.timings = Default::default();
    if let Some(pruning) = &mut report.pruning {
        // Peers are asked in smaller groups, which share less.
        let passes = &mut pruning.block_passes;
        passes.retain(|passes| passes.purpose != "judging models");
    }
    report
}

#[test]
fn peers_find_what_one_session_finds_alone_and_lost_shares_are_done_here() {
    let model = open(DeviceChoice::Cpu);
    let (alone, _) = experiment(&model, None);
    let alone = timeless(alone.unwrap());
    for fate in [
        (|_| None) as fn(usize) -> Option<Unanswered>,
        |number| (number % 2 == 1).then_some(Unanswered::Lost),
        |_| Some(Unanswered::Lost),
    ] {
        let peers = SameModel {
            model: &model,
            fate,
            asked: RefCell::default(),
        };
        let (together, steps) = experiment(&model, Some(&peers));
        let together = together.unwrap();
        assert!(
            *peers.asked.borrow() > 10,
            "{} shares",
            peers.asked.borrow()
        );
        let timings = &together.timings;
        assert!(timings.measure_seconds.unwrap() > 0.0 && timings.leave_out_seconds.unwrap() > 0.0);
        assert_eq!(timeless(together), alone);
        let left_out = steps.iter().filter_map(|step| match step {
            Progress::LeavingOut { done, total } => Some((done, total)),
            _ => None,
        });
        assert!(left_out.clone().all(|(done, total)| done <= total));
        assert!(
            left_out
                .clone()
                .any(|(done, total)| done == total && *done > 0)
        );
    }
}

#[test]
fn a_peer_that_was_told_to_stop_ends_the_experiment() {
    let model = open(DeviceChoice::Cpu);
    for fate in [
        (|_| Some(Unanswered::Cancelled)) as fn(usize) -> Option<Unanswered>,
        |number| (number == 12).then_some(Unanswered::Cancelled),
    ] {
        let peers = SameModel {
            model: &model,
            fate,
            asked: RefCell::default(),
        };
        let (report, _) = experiment(&model, Some(&peers));
        assert!(matches!(report, Err(LabError::Cancelled)));
    }
}

#[test]
fn a_share_that_is_none_is_refused() {
    let model = open(DeviceChoice::Cpu);
    let cancel = Cancel::default();
    for bytes in [&[][..], &[7, 7, 7], b"not a share"] {
        let mut silent = |_| ();
        let mut run = Run::new(&mut silent, &cancel);
        let answer = block_on(perform_share(&model, bytes, &mut run));
        let error = answer.unwrap_err();
        assert!(matches!(error, LabError::Share(_)), "{error}");
    }
}
