//! Samples of lm-evaluation-harness, compared with themselves.

use layerlab_eval::{
    harness::{HarnessRun, compare_runs},
    metric::Confidence,
};

/// A file of samples.
pub fn harness(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let files = [("samples_task_2026-01-01.jsonl".to_owned(), text.to_owned())];
    let Ok(run) = HarnessRun::read("a folder", &files) else {
        return;
    };
    let confidence = Confidence {
        resamples: 3,
        ..Confidence::default()
    };
    if let Ok(compared) = compare_runs(&run, &run, &confidence) {
        assert_eq!(compared.models[0], compared.models[1]);
        for pair in compared.pairs {
            assert_eq!(pair.better, [0, 0]);
            assert!(pair.difference.is_none_or(|difference| difference == 0.0));
        }
    }
}
