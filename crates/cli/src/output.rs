//! Results, whole or not at all.

use std::{
    fs,
    io::{self, ErrorKind, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use anstyle::AnsiColor;
use anyhow::{Context, anyhow};
use layerlab_lab::report::visible_lines;
use tempfile::NamedTempFile;

use crate::Failure;

/// Whether a user wants nothing but results and errors.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Whether progress is told to a program.
static FOR_PROGRAMS: AtomicBool = AtomicBool::new(false);

/// Tells progress in lines of JSON from now on.
pub fn tell_programs(tell: bool) {
    FOR_PROGRAMS.store(tell, Ordering::Relaxed);
}

/// Whether progress is told in lines of JSON.
pub fn is_for_programs() -> bool {
    FOR_PROGRAMS.load(Ordering::Relaxed)
}

/// Shows no progress and no warnings from now on.
pub fn keep_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Whether nothing but results and errors is shown.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Tells on the standard error what a user should know and what ends nothing.
pub fn warn(warning: &str) {
    if is_quiet() {
        return;
    }
    let style = AnsiColor::Yellow.on_default().bold();
    anstream::eprintln!("{style}warning:{style:#} {warning}");
}

/// Columns of the terminal; as many as fit most where there is none.
pub fn width() -> usize {
    const USUAL: usize = 100;
    match terminal_size::terminal_size() {
        Some((width, _)) if io::stdout().is_terminal() => usize::from(width.0).max(40),
        _ => USUAL,
    }
}

/// Where a result goes.
#[derive(Debug, Clone)]
pub struct Destination {
    /// A file, or the standard output.
    pub path: Option<PathBuf>,
    /// Whether a file that exists is replaced.
    pub force: bool,
}

impl Destination {
    /// Refuses, before any work is done, what [`write`](Self::write) would refuse after it.
    ///
    /// # Errors
    /// When the file exists and may not be replaced, or its folder cannot be written to.
    pub fn check(&self) -> Result<(), Failure> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let shown = path.display();
        if path.is_dir() {
            return Err(Failure::usage(anyhow!("{shown} is a folder, not a file")));
        }
        if path.exists() && !self.force {
            let problem = anyhow!("{shown} exists already; --force replaces it");
            return Err(Failure::usage(problem));
        }
        // Permissions, read-only disks and missing folders all show in the attempt.
        temporary(path).map(drop).map_err(Failure::machine)
    }

    /// Writes the result: to a file beside the target that is then renamed, so that a crash or a full
    /// disk leaves what was there.
    ///
    /// # Errors
    /// When the file exists and may not be replaced, or the disk refuses.
    pub fn write(&self, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
        let contents = contents.as_ref();
        if self.path.is_none() {
            return print(contents);
        }
        let mut stream = Stream::to(self)?;
        stream.append(contents)?;
        stream.finish()
    }
}

/// A file that grows piece by piece beside its place, and is put there when it is whole.
pub struct Stream {
    file: NamedTempFile,
    path: PathBuf,
    force: bool,
}

impl Stream {
    /// To a destination that is a file.
    ///
    /// # Errors
    /// When its folder cannot be written to.
    pub fn to(destination: &Destination) -> Result<Self, Failure> {
        let path = destination.path.clone().unwrap_or_default();
        Ok(Self {
            file: temporary(&path).map_err(Failure::machine)?,
            path,
            force: destination.force,
        })
    }

    /// Adds a piece.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(piece);
        written
            .with_context(|| format!("cannot write {}; nothing was changed", self.path.display()))
            .map_err(Failure::machine)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// When another has come to be there and may not be replaced, or the disk refuses.
    pub fn finish(self) -> Result<(), Failure> {
        put(self.file, &self.path, self.force)
    }
}

/// Puts a file that is whole in its place.
fn put(file: NamedTempFile, path: &Path, force: bool) -> Result<(), Failure> {
    let shown = path.display();
    file.as_file()
        .sync_all()
        .with_context(|| format!("cannot write {shown}; nothing was changed"))
        .map_err(Failure::machine)?;
    let persisted = match force {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Err(Failure::usage(
            anyhow!("{shown} has come to exist in the meantime; --force replaces it"),
        )),
        Err(error) => Err(Failure::machine(
            anyhow!(error.error).context(format!("cannot write {shown}; nothing was changed")),
        )),
    }
}

/// Writes to the standard output. A terminal obeys nothing that stands in it, such as in a model's name or in what a model
/// says; a reader that has seen enough, such as `head`, is no failure.
///
/// # Errors
/// When it cannot be written to.
pub fn print(contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    let contents = contents.as_ref();
    let mut output = io::stdout().lock();
    let shown = match std::str::from_utf8(contents) {
        Ok(text) if output.is_terminal() => visible_lines(text).into_bytes(),
        _ => contents.to_vec(),
    };
    let written = output.write_all(&shown).and_then(|()| output.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::machine(
            anyhow!(error).context("cannot write to the standard output"),
        )),
        _ => Ok(()),
    }
}

fn temporary(path: &Path) -> anyhow::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".layerlab-").suffix(".part");
    // As any other new file; private by default.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
        .tempfile_in(folder)
        .with_context(|| format!("cannot write to the folder {}", folder.display()))
}
