//! How a command fails: a chain of reasons, and an exit code that scripts can use.

use std::{fmt, process::ExitCode};

use anstyle::{AnsiColor, Style};
use layerlab_lab::{
    CheckpointError, DeviceError, EvalError, ExportError, LabError, ModelError,
    dataset::{DatasetError, hub::HubDatasetError},
    files::{FileError, hub::HubError},
    gguf::GgufWriteError,
    report::visible_lines,
};

/// Exit code after Ctrl-C, as shells count it: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;

/// A command that did not come to its end.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    /// Device, network or disk.
    pub fn machine(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        Self { code: 1, error }
    }

    /// What was asked for cannot be done, whatever the model.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        Self { code: 2, error }
    }

    /// The model or the text.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        Self { code: 3, error }
    }

    /// Writes the chain of reasons to stderr.
    pub fn report(self) -> ExitCode {
        let style = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        // Names of files and what stands in them is told as it is, not obeyed.
        let error = visible_lines(&self.error.to_string());
        anstream::eprintln!("{style}error:{style:#} {error}");
        for reason in self.error.chain().skip(1) {
            anstream::eprintln!("  because: {}", visible_lines(&reason.to_string()));
        }
        if let Some(hint) = self.error.chain().find_map(hint) {
            anstream::eprintln!("  try: {hint}");
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// Which option helps, where one does: libraries know of none.
fn hint(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    // What adds no words of its own is no link of the chain.
    let (dataset, export, device) = match error.downcast_ref() {
        Some(LabError::Eval(EvalError::Dataset(error))) => (Some(error), None, None),
        Some(LabError::Export(error)) => (None, Some(error), None),
        Some(LabError::Device(error)) => (None, None, Some(error)),
        _ => (
            error.downcast_ref(),
            error.downcast_ref(),
            error.downcast_ref(),
        ),
    };
    if let Some(DatasetError::Line { .. }) = dataset {
        return Some(
            "--skip-bad goes on without such records; --fields says which field is what, as in \
             question=q,answer=right,wrong=bad1+bad2",
        );
    }
    if let Some(ExportError::Exists { .. }) = export {
        return Some("--force replaces it");
    }
    let gguf = match error.downcast_ref() {
        Some(LabError::Gguf(error)) => Some(error),
        _ => error.downcast_ref(),
    };
    if let Some(GgufWriteError::Tokenizer { .. }) = gguf {
        return Some("--like FILE.gguf carries the tokenizer over from a GGUF file of the model");
    }
    if let Some(DeviceError::NoGpu(_)) = device {
        return Some("--device cpu runs without one");
    }
    None
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Cancelled => Self {
                code: INTERRUPTED,
                error: error.into(),
            },
            LabError::Device(_)
            | LabError::Kernel(_)
            | LabError::Stage(_)
            | LabError::Model(ModelError::Device(_))
            | LabError::Export(ExportError::Write { .. }) => Self::machine(error),
            LabError::Plan(_)
            | LabError::Method { .. }
            | LabError::Export(
                ExportError::Exists { .. }
                | ExportError::IsSource { .. }
                | ExportError::NotAModel { .. },
            ) => Self::usage(error),
            LabError::Model(ModelError::Checkpoint(CheckpointError::File(FileError::Read {
                ..
            }))) => Self::machine(error),
            _ => Self::input(error),
        }
    }
}

impl From<GgufWriteError> for Failure {
    fn from(error: GgufWriteError) -> Self {
        LabError::from(error).into()
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        match error {
            HubError::Offline { .. } | HubError::Download { .. } | HubError::NoHome => {
                Self::machine(error)
            }
            _ => Self::input(error),
        }
    }
}

impl From<HubDatasetError> for Failure {
    fn from(error: HubDatasetError) -> Self {
        match error {
            HubDatasetError::Hub(error) => error.into(),
            HubDatasetError::Dataset(error) => LabError::from(error).into(),
            HubDatasetError::Split(error) => Self::usage(error),
        }
    }
}
