//! Runs of lm-evaluation-harness, compared; and our results written as one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use layerlab_lab::{
    LabError, Report,
    harness::{HarnessComparison, HarnessRun, compare_runs, harness_files, is_samples},
    metric::Confidence,
    report::HarnessViews,
};

use crate::{Failure, arguments::Format, output};

/// Folders within a run's that are looked into: the harness makes one for each model.
const DEPTH: usize = 1;

/// Whether a folder holds samples of the harness.
pub fn is_run(path: &Path) -> bool {
    path.is_dir() && files(path, DEPTH).is_ok_and(|files| files.iter().any(|file| is_sample(file)))
}

fn is_sample(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| is_samples(name).is_some())
}

/// Compares two runs.
///
/// # Errors
/// When one cannot be read, or they are not of the same documents.
pub fn compared(
    [first, second]: [&Path; 2],
    confidence: &Confidence,
) -> Result<HarnessComparison, Failure> {
    let (first, second) = (read(first)?, read(second)?);
    Ok(compare_runs(&first, &second, confidence).map_err(LabError::from)?)
}

/// The comparison in a form.
///
/// # Errors
/// When it cannot be put together, which would be a defect.
pub fn written(compared: &HarnessComparison, format: Format) -> Result<String, Failure> {
    Ok(match format {
        Format::Text(detail) => compared.to_terminal(detail, output::width()),
        Format::Markdown => compared.to_markdown(),
        Format::Csv => compared.to_csv().map_err(Failure::machine)?,
        Format::Json => {
            let json = serde_json::to_string_pretty(compared).map_err(Failure::machine)?;
            json + "\n"
        }
    })
}

/// Writes the results of a report into a folder as the harness would.
///
/// # Errors
/// When a file of the same name is there, or the disk refuses.
pub fn write(report: &Report, folder: &Path) -> Result<(), Failure> {
    let model = &report.model.name;
    let plain = |c: char| {
        if c.is_alphanumeric() || "-._".contains(c) {
            c
        } else {
            '_'
        }
    };
    let folder = folder.join(model.chars().map(plain).collect::<String>());
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot write to {}", folder.display()))
        .map_err(Failure::machine)?;
    let date = report.created.trim_end_matches('Z').replace(':', "-");
    for (name, contents) in harness_files(model, &report.evaluation, &date) {
        let destination = output::Destination {
            path: Some(folder.join(name)),
            force: false,
        };
        destination.write(contents)?;
    }
    Ok(())
}

fn read(place: &Path) -> Result<HarnessRun, Failure> {
    let shown = place.display().to_string();
    let failed =
        |error: io::Error| Failure::input(anyhow!(error).context(format!("cannot read {shown}")));
    let found = files(place, DEPTH).map_err(failed)?;
    let mut models: Vec<&Path> = found
        .iter()
        .filter(|file| is_sample(file))
        .filter_map(|file| file.parent())
        .collect();
    models.dedup();
    if models.len() > 1 {
        let names: Vec<String> = models
            .iter()
            .map(|model| model.display().to_string())
            .collect();
        return Err(Failure::usage(anyhow!(
            "{shown} holds runs of several models; name one of {}",
            names.join(", ")
        )));
    }
    let contents = found.iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        let is_results = name.starts_with("results_") && name.ends_with(".json");
        let read = || Ok((name.to_owned(), fs::read_to_string(path)?));
        (is_results || is_sample(path)).then(read)
    });
    let contents = contents.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    Ok(HarnessRun::read(&shown, &contents).map_err(|error| LabError::Eval(error.into()))?)
}

/// Files of a folder, and of those within, in the order of their names.
fn files(folder: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true if depth > 0 => found.extend(files(&path, depth - 1)?),
            true => {}
            false => found.push(path),
        }
    }
    Ok(found)
}
