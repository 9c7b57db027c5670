//! Which styles a text can be written in.

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// What a look at the text found (block context; go-yaml never asks for flow style here).
#[derive(Debug)]
pub(super) struct Analysis {
    /// The text has line breaks.
    pub(super) multiline: bool,
    plain: bool,
    single: bool,
    literal: bool,
}

impl Analysis {
    pub(super) fn of(text: &str) -> Self {
        let Some(first) = text.chars().next() else {
            return Self { multiline: false, plain: true, single: true, literal: false };
        };
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut breaks, mut special, mut break_space, mut space_break) = (false, false, false, false);
        let (mut after_space, mut after_break, mut after_blank) = (false, false, true);
        let mut chars = text.chars().peekable();
        let mut at_start = true;
        while let Some(c) = chars.next() {
            let before_blank = chars.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            indicators |= if at_start { starts_indicator(c, before_blank) } else { false }
                || (!at_start && c == ':' && before_blank)
                || (!at_start && c == '#' && after_blank);
            special |= !is_printable(c);
            if c == ' ' {
                break_space |= after_break;
                (after_space, after_break) = (true, false);
            } else if is_break(c) {
                breaks = true;
                space_break |= after_space;
                (after_space, after_break) = (false, true);
            } else {
                (after_space, after_break) = (false, false);
            }
            after_blank = matches!(c, ' ' | '\t' | '\0') || is_break(c);
            at_start = false;
        }
        let last = text.chars().next_back().unwrap_or(first);
        let edge = |c: char| c == ' ' || is_break(c);
        Self {
            multiline: breaks,
            plain: !(edge(first)
                || edge(last)
                || break_space
                || space_break
                || special
                || breaks
                || indicators),
            single: !(break_space || space_break || special),
            literal: !(last == ' ' || space_break || special),
        }
    }

    /// Returns `wanted` or the nearest style that can hold the text; `key` is a key without the `? ` form.
    pub(super) fn allowed(&self, wanted: Style, key: bool, empty: bool) -> Style {
        let mut style = wanted;
        if key && self.multiline {
            style = Style::Double;
        }
        if style == Style::Plain && (!self.plain || (empty && key)) {
            style = Style::Single;
        }
        if style == Style::Single && !self.single {
            style = Style::Double;
        }
        if style == Style::Literal && (!self.literal || key) {
            style = Style::Double;
        }
        style
    }
}

/// Whether a text that begins with `c` would begin something else in a block.
fn starts_indicator(c: char, before_blank: bool) -> bool {
    match c {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
            true
        }
        '?' | ':' | '-' => before_blank,
        _ => false,
    }
}

/// Printable to libyaml: neither tabs, nor carriage returns, nor anything beyond the basic plane.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}
