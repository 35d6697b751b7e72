//! Lines of a text, whatever they end with: a line feed, a carriage return before it or not; or carriage returns alone, where
//! there is no line feed. Beside line feeds, a carriage return is white space within a line.

/// What ends the lines of a text.
fn line_end(contents: &str) -> char {
    match contents.contains('\n') {
        true => '\n',
        false => '\r',
    }
}

/// The lines of a text with their numbers, from 1.
pub(super) fn lines(contents: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = contents.split(line_end(contents));
    let lines = lines.map(|line| line.strip_suffix('\r').unwrap_or(line));
    lines.enumerate().map(|(index, line)| (index + 1, line))
}

/// The line of a place that only moves on.
pub(super) struct LineCounter<'a> {
    bytes: &'a [u8],
    end: u8,
    at: usize,
    line: usize,
}

impl<'a> LineCounter<'a> {
    pub fn new(contents: &'a str) -> Self {
        Self {
            bytes: contents.as_bytes(),
            end: line_end(contents) as u8,
            at: 0,
            line: 1,
        }
    }

    /// The line of the byte at `place`, from 1.
    pub fn line(&mut self, place: usize) -> usize {
        let place = place.min(self.bytes.len());
        for at in self.at..place {
            self.line += usize::from(self.bytes[at] == self.end);
        }
        self.at = self.at.max(place);
        self.line
    }
}
