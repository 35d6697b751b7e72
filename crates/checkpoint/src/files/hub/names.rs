//! Names that come from outside, and what of them may become a path.

/// Whether this is `owner/name`.
pub(super) fn is_id(id: &str) -> bool {
    let parts = id.split_once('/');
    parts.is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

/// Whether a part of an id, a commit or an entity tag leads nowhere else.
pub(super) fn is_name(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !part.is_empty() && part.len() <= 200 && !part.starts_with('.') && part.chars().all(allowed)
}

/// Whether a file's name stays in the folder that it is joined to, on every system: no way up, no root, no drive, no
/// device, nothing that a terminal obeys.
pub(super) fn is_inside(path: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part != "." && part != ".." && !part.ends_with(['.', ' ']);
    let is_safe = |c: char| !c.is_control() && !matches!(c, '\\' | ':');
    path.split('/').all(is_part) && path.chars().all(is_safe)
}

/// A path as a part of an address: what would end or change the address is written as `%XX`.
pub(super) fn in_address(path: &str) -> String {
    let mut written = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                written.push(char::from(byte));
            }
            _ => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for name in [
            "model.safetensors",
            "default/train/0000.parquet",
            "a b/ü.json",
            ".gitattributes",
        ] {
            assert!(is_inside(name), "{name}");
        }
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "a//b",
            "./a",
            "a\\..\\b",
            "C:x",
            "C:/x",
            "a/b:stream",
            "a\u{1b}[2J",
            "a\nb",
            "a/",
            "nul.",
            "x/ ",
        ] {
            assert!(!is_inside(name), "{name:?}");
        }
    }

    #[test]
    fn addresses_are_written_out() {
        assert_eq!(
            in_address("a b/c?d#e%f/ü.json"),
            "a%20b/c%3Fd%23e%25f/%C3%BC.json"
        );
    }
}
