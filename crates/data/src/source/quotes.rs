//! Quotes of a table that do not pair: readers forgive them, and lose the rows between two of them without a word.

/// What is wrong with the quotes of a table: the byte and the fault.
pub(super) fn fault(contents: &str, delimiter: u8) -> Option<(usize, &'static str)> {
    let bytes = contents.as_bytes();
    let ends_cell = |at: usize| match bytes.get(at) {
        None | Some(b'\n' | b'\r') => true,
        Some(byte) => *byte == delimiter,
    };
    let mut at = 0;
    while at < bytes.len() {
        // At the beginning of a cell.
        if bytes[at] == b'"' {
            let begin = at;
            loop {
                at += 1;
                match (bytes.get(at), bytes.get(at + 1)) {
                    (None, _) => return Some((begin, "a quote that begins here never ends")),
                    (Some(b'"'), Some(b'"')) => at += 1,
                    (Some(b'"'), _) => break,
                    _ => {}
                }
            }
            at += 1;
            if !ends_cell(at) {
                return Some((begin, "a quote that begins here ends within its cell"));
            }
        }
        while !ends_cell(at) {
            at += 1;
        }
        at += 1;
    }
    None
}
