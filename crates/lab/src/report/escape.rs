//! Texts from outside, names of files and models above all, made safe for what shows them.

use serde_json::Value;

use super::Report;

/// A text for a terminal: what would move the cursor, colour the rest, begin a line or turn the reading direction becomes a
/// picture of it (Unicode's control pictures), or the replacement character.
pub fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match u32::from(c) {
            0x7f => '␡',
            code @ 0..0x20 if c != '\t' => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
            _ if is_obeyed(c) => '\u{fffd}',
            _ => c,
        })
        .collect()
}

/// As [`visible`], for a text of several lines.
pub fn visible_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

/// Whether a terminal obeys a character in place of showing it.
fn is_obeyed(c: char) -> bool {
    // Of Unicode's format characters those that turn or hide what follows.
    c.is_control() && c != '\t'
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text within Markdown, in a cell or a sentence, as itself: no emphasis, code, link, entity or HTML comes of it, it ends
/// no cell and begins no heading or list, nor does the last part of a path (CommonMark 0.31, GitHub's tables and
/// strikethrough). What would do so is written as a numeric entity, which is never a mark.
pub(super) fn markdown(text: &str) -> String {
    let text = visible(text);
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied();
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let is_line = |mark: char| chars.iter().all(|c| *c == mark || *c == ' ');
    let mut escaped = String::with_capacity(text.len());
    // Where a line, or a file's name alone, would begin.
    let mut start = 0;
    for (index, &c) in chars.iter().enumerate() {
        let (before, after) = (index.checked_sub(1).and_then(at), at(index + 1));
        let since = chars.get(start..index).unwrap_or_default();
        let ends_mark = matches!(after, None | Some(' ' | '\t'));
        let is_mark = match c {
            '|' | '`' | '*' | '~' | '>' => true,
            '<' => is_word(after) || matches!(after, Some('/' | '!' | '?')),
            '&' => is_word(after) || after == Some('#'),
            '_' => !(is_word(before) && is_word(after)),
            '\\' => after.is_some_and(|after| after.is_ascii_punctuation()),
            // A link's text, or its definition.
            '[' => since.is_empty(),
            ']' => matches!(after, Some('(' | '[' | ':')),
            '#' => since.iter().all(|c| *c == '#'),
            '-' | '+' => since.is_empty() && ends_mark || is_line(c),
            '=' => is_line(c),
            '.' | ')' => !since.is_empty() && since.iter().all(char::is_ascii_digit) && ends_mark,
            _ => false,
        };
        match is_mark {
            true => escaped.push_str(&format!("&#{};", u32::from(c))),
            false => escaped.push(c),
        }
        if matches!(c, '/' | '\\') {
            start = index + 1;
        }
    }
    escaped
}

impl Report {
    /// The same report with every text in it changed by `change`, whichever section it stands in.
    pub(super) fn with_texts(&self, change: fn(&str) -> String) -> Result<Self, serde_json::Error> {
        fn walk(value: &mut Value, change: fn(&str) -> String) {
            match value {
                Value::String(text) => *text = change(text),
                Value::Array(values) => values.iter_mut().for_each(|value| walk(value, change)),
                Value::Object(fields) => fields.values_mut().for_each(|value| walk(value, change)),
                _ => {}
            }
        }
        let mut document = serde_json::to_value(self)?;
        walk(&mut document, change);
        serde_json::from_value(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_shows_what_it_would_obey() {
        assert_eq!(
            visible("a\u{1b}[2Jb\r\u{9b}1m\n\u{202e}c\u{7f}"),
            "a␛[2Jb␍\u{fffd}1m␊\u{fffd}c␡"
        );
        assert_eq!(visible("naïve 日本 ρ ≤ –\t1"), "naïve 日本 ρ ≤ –\t1");
        assert_eq!(visible_lines("a\nb\u{7}"), "a\nb␇");
    }

    #[test]
    fn markdown_shows_a_text_as_itself() {
        for (text, escaped) in [
            ("a|b", "a&#124;b"),
            ("`rm`", "&#96;rm&#96;"),
            ("<script>", "&#60;script&#62;"),
            ("*bold*", "&#42;bold&#42;"),
            ("_x_", "&#95;x&#95;"),
            ("# big", "&#35; big"),
            ("folder/## big", "folder/&#35;&#35; big"),
            ("- item", "&#45; item"),
            ("---", "&#45;&#45;&#45;"),
            ("1. item", "1&#46; item"),
            ("[x](javascript:y)", "&#91;x&#93;(javascript:y)"),
            ("&lt;", "&#38;lt;"),
            (r"a\|b", "a&#92;&#124;b"),
            ("a\nb", "a␊b"),
        ] {
            assert_eq!(markdown(text), escaped, "{text:?}");
        }
        for text in [
            "p < 0.05",
            "block_influence",
            "model #1",
            "-0.5",
            "1.5",
            "3.0 [1.2, 3.4]",
            "a & b",
            r"C:\data\x.json",
            "a - b",
        ] {
            assert_eq!(markdown(text), text);
        }
    }
}
