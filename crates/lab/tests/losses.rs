//! Losses without each layer, measured part by part.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use layerlab_lab::{Cancel, DeviceChoice, LabError, Measured, Run, ScoreRequest, TextOptions};
use pollster::block_on;
use support::{open, scoring, short, text};

/// The page measures losses on a few sequences first, and on more while the user looks.
#[test]
fn losses_measured_part_by_part_are_those_of_one_pass() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let cancel = Cancel::default();
    let mut silent = |_| ();
    let mut run = Run::new(&mut silent, &cancel);
    let whole = ScoreRequest {
        loss_change: true,
        ..ScoreRequest::default()
    };
    let request = ScoreRequest::default();
    let at_once = block_on(Measured::of(&model, &text, &whole, &mut run)).unwrap();
    let mut by_parts = block_on(Measured::of(&model, &text, &request, &mut run)).unwrap();
    assert_eq!(by_parts.loss_sequences(), None);
    let sequences = text.sequences.len();
    assert!(sequences > 4, "{sequences}");
    for known in [1, 4, sequences] {
        let more = match known {
            1 => 1,
            4 => 3,
            // More than there are.
            _ => usize::MAX,
        };
        block_on(by_parts.leave_out_more(&model, &text, more, &mut run)).unwrap();
        assert_eq!(by_parts.loss_sequences(), Some(known));
        let report = by_parts.report(&model, &request.score, String::new(), &mut run);
        let report = block_on(report).unwrap();
        let told = format!("on {known} of {sequences} sequences so far");
        let mut concluded = report.conclusions.iter();
        assert_eq!(
            concluded.any(|said| said.contains(&told)),
            known < sequences,
            "{:?}",
            report.conclusions
        );
        assert_eq!(report.to_markdown().contains(&told), known < sequences);
        assert_eq!(scoring(&report).loss_sequences, Some(known));
    }
    let [of_one, of_parts] = [&at_once, &by_parts].map(|measured| {
        let scoring = measured.score(&request.score).unwrap();
        let loss = scoring.scores.method("loss_change".parse().unwrap());
        loss.unwrap().layers.clone()
    });
    for (of_one, of_part) in of_one.iter().zip(&of_parts) {
        let (one, part) = (of_one.value.unwrap(), of_part.value.unwrap());
        assert!((one - part).abs() < 1e-5, "{one} and {part}");
    }
    let another = support::text(
        &model,
        TextOptions {
            max_sequences: 2,
            ..short()
        },
    );
    let refused = block_on(by_parts.leave_out_more(&model, &another, 1, &mut run));
    assert!(matches!(refused, Err(LabError::OtherText)), "{refused:?}");
    assert_eq!(by_parts.loss_sequences(), Some(sequences));
}
