//! Lines of a text, whatever they end with: a line feed, a carriage return, or both.

/// The lines of a text with their numbers, from 1.
pub(super) fn lines(contents: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = Some(contents);
    let lines = std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let (line, after) = text.split_at(end);
        let after = after.strip_prefix("\r\n").or(after.get(1..));
        rest = after;
        Some(line)
    });
    lines.enumerate().map(|(index, line)| (index + 1, line))
}

/// The line of a place that only moves on.
pub(super) struct LineCounter<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> LineCounter<'a> {
    pub fn new(contents: &'a str) -> Self {
        Self {
            bytes: contents.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    /// The line of the byte at `place`, from 1.
    pub fn line(&mut self, place: usize) -> usize {
        let place = place.min(self.bytes.len());
        for at in self.at..place {
            let ends = match self.bytes[at] {
                b'\n' => true,
                b'\r' => self.bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += usize::from(ends);
        }
        self.at = self.at.max(place);
        self.line
    }
}
