//! What lies in place of a file when a download went wrong, told by how it begins.

use super::FileError;

/// Bytes from which one can tell.
pub(crate) const TELLING: usize = 512;

/// What Git LFS leaves where the file itself was not fetched (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
/// How web pages begin.
const PAGES: [&[u8]; 2] = [b"<!doctype html", b"<html"];

/// Refuses what is not the file but stands in for it: a Git LFS pointer, or a web page.
///
/// # Errors
/// When `beginning`, the first bytes of the file `name`, are those of such a stand-in.
pub fn check_genuine(name: &str, beginning: &[u8]) -> Result<(), FileError> {
    let name = || name.to_owned();
    let text = beginning
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(beginning)
        .trim_ascii_start();
    if text.starts_with(POINTER) {
        return Err(FileError::Pointer { name: name() });
    }
    let begins = |page: &&[u8]| {
        text.get(..page.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(page))
    };
    match PAGES.iter().any(begins) {
        true => Err(FileError::WebPage { name: name() }),
        false => Ok(()),
    }
}
