//! What does not fit, as a tree, and its text.

use std::borrow::Cow;

use super::place;
use crate::quote::Quoted;

/// One thing that does not fit, with what lies below it.
#[derive(Debug, Default)]
pub(super) struct Fault {
    /// The names and indices that lead to the value, from its root.
    pub(super) location: Vec<String>,
    pub(super) kind: Kind,
    pub(super) causes: Vec<Self>,
}

#[derive(Debug, Default)]
pub(super) enum Kind {
    /// Several faults of one schema.
    #[default]
    Group,
    /// A reference; not shown where it leads to one fault only.
    Reference,
    /// The whole check against the schema of that place.
    Schema(String),
    /// Anything else, in words.
    Text(Cow<'static, str>),
}

impl Fault {
    /// Returns the tree as lines, indented by two spaces a level.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    /// Tells each fault that has none below it, or words of its own.
    pub(super) fn leaves(&self, tell: &mut impl FnMut(&[String], &str)) {
        if let Kind::Text(text) = &self.kind {
            tell(&self.location, text);
        } else {
            self.causes.iter().for_each(|cause| cause.leaves(tell));
        }
    }

    fn write(&self, out: &mut String, mut level: usize) {
        if !(matches!(self.kind, Kind::Reference) && self.causes.len() == 1) {
            if level > 0 {
                out.push('\n');
                out.push_str(&"  ".repeat(level - 1));
                out.push_str("- ");
            }
            level += 1;
            let location = || {
                quoted(&self.location.iter().map(|t| format!("/{}", place::escape(t))).collect::<String>())
            };
            match &self.kind {
                Kind::Schema(place) => {
                    out.push_str("jsonschema validation failed with ");
                    out.push_str(&quoted(place));
                }
                Kind::Group | Kind::Reference => {
                    out.push_str(&format!("at {}: validation failed", location()))
                }
                Kind::Text(text) => out.push_str(&format!("at {}: {text}", location())),
            }
        }
        for cause in &self.causes {
            cause.write(out, level);
        }
    }
}

/// Shows text in single quotes.
pub(super) fn quoted(text: &str) -> String {
    let text = Quoted(text).to_string().replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", &text[1..text.len() - 1])
}

/// Shows texts in single quotes, with commas between.
pub(super) fn all_quoted<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    texts.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// Shows a whole number with a comma before every three digits.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = if number < 0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Shows a number as the English form of Go's message printer: `1,234.5`, and `1.5×10⁰⁷` where `%v` has an exponent.
pub(super) fn english(text: &str) -> String {
    let number: f64 = text.parse().unwrap_or_default();
    if number == 0.0 {
        return "0".to_owned();
    }
    let plain = wharf_yaml::format_float_g(number);
    if let Some((mantissa, exponent)) = plain.split_once('e') {
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
        let raised = exponent.chars().map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            c => c.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or(c),
        });
        return format!("{mantissa}×10{}", raised.collect::<String>());
    }
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let sign =
        if whole.starts_with('-') && whole.trim_start_matches(['-', '0']).is_empty() { "-" } else { "" };
    let whole = grouped(whole.parse().unwrap_or_default());
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_english() {
        let cases = [
            ("0", "0"),
            ("-0.5", "-0.5"),
            ("1234.5", "1,234.5"),
            ("-1234.25", "-1,234.25"),
            ("999999", "999,999"),
            ("1000000", "1×10⁰⁶"),
            ("1234567.5", "1.2345675×10⁰⁶"),
            ("1e21", "1×10²¹"),
            ("0.00001", "1×10⁻⁰⁵"),
            ("-2.5e10", "-2.5×10¹⁰"),
            ("1e300", "1×10³⁰⁰"),
        ];
        for (number, expected) in cases {
            assert_eq!(english(number), expected);
        }
        assert_eq!(grouped(-1_234_567), "-1,234,567");
    }

    #[test]
    fn text_is_quoted_with_single_quotes() {
        assert_eq!(quoted("a'b\"c\n"), "'a\\'b\"c\\n'");
    }
}
