//! Places in texts, with the lines around them: what errors point at.

use std::ops::Range;

/// Lines shown before the one that is marked.
const LINES_BEFORE: usize = 2;

/// A place in a text: a template, a values file, a rendered manifest, an argument.
///
/// Made only when something failed. Lines and columns count from one, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The name of the text: a path, or where else it came from.
    pub source: String,
    /// The line.
    pub line: usize,
    /// The first character that is meant.
    pub column: usize,
    /// How many characters of the line are meant, at least one.
    pub width: usize,
    /// The line and those before it, with their numbers.
    pub lines: Vec<(usize, String)>,
    /// What is said about it.
    pub note: String,
}

impl Spot {
    /// Points at a line and column of a text, and there at the rest of the word.
    #[must_use]
    pub fn at(source: impl Into<String>, text: &[u8], line: usize, column: usize) -> Self {
        let (line, column) = (line.max(1), column.max(1));
        let lines = excerpt(text, line);
        let rest = lines.last().map_or("", |(_, line)| {
            line.char_indices().nth(column - 1).map_or("", |(start, _)| &line[start..])
        });
        let width = rest.chars().take_while(|c| !c.is_whitespace()).count().max(1);
        Self { source: source.into(), line, column, width, lines, note: String::new() }
    }

    /// Points at bytes of a text; what lies behind the end of their first line is not marked.
    #[must_use]
    pub fn of(source: impl Into<String>, text: &[u8], span: Range<usize>) -> Self {
        let start = span.start.min(text.len());
        let begin = text[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let line = 1 + text[..start].iter().filter(|&&byte| byte == b'\n').count();
        let characters = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().count();
        let column = 1 + characters(&text[begin..start]);
        let meant = &text[start..span.end.clamp(start, text.len())];
        let meant = meant.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let width = characters(meant).max(1);
        Self { source: source.into(), line, column, width, lines: excerpt(text, line), note: String::new() }
    }

    /// Says something about the place.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Returns a line with those before it; nothing if the text is shorter.
fn excerpt(text: &[u8], line: usize) -> Vec<(usize, String)> {
    let first = line.saturating_sub(LINES_BEFORE).max(1);
    let lines = text.split(|&byte| byte == b'\n').enumerate().skip(first - 1).take(line + 1 - first);
    lines
        .map(|(index, line)| (index + 1, String::from_utf8_lossy(line).trim_end_matches('\r').to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Spot;

    #[test]
    fn columns_count_characters_and_marks_end_with_the_line() {
        let text = "a: 1\nb: ü{{ .x\n}}\n".as_bytes();
        let start = text.iter().position(|&byte| byte == b'{').expect("it is there");
        let spot = Spot::of("t", text, start..text.len());
        assert_eq!((spot.line, spot.column, spot.width), (2, 5, 5));
        assert_eq!(spot.lines, [(1, "a: 1".to_owned()), (2, "b: ü{{ .x".to_owned())]);
    }

    #[test]
    fn a_place_behind_the_end_is_none_to_show() {
        let spot = Spot::at("t", b"a", 7, 3);
        assert_eq!((spot.line, spot.column, spot.width), (7, 3, 1));
        assert!(spot.lines.is_empty());
    }
}
