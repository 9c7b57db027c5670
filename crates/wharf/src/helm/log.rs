//! Log lines on standard error, as Helm writes them.

use std::io::Write;

/// Warns on standard error, as Helm's log does.
pub(super) fn warn(text: &str) {
    log("WARN", text, &[]);
}

/// Writes a line to standard error as Helm's log does.
pub(super) fn log(level: &str, text: &str, attributes: &[(&str, &str)]) {
    let shown = |text: &str| {
        let is_word = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=');
        match !text.is_empty() && text.chars().all(is_word) {
            true => text.to_owned(),
            false => wharf_template::quote(text.as_bytes()),
        }
    };
    let more: String = attributes.iter().map(|(name, text)| format!(" {name}={}", shown(text))).collect();
    // Nobody to tell is no failure.
    let _ = writeln!(std::io::stderr(), "level={level} msg={}{more}", shown(text));
}

/// Writes what was passed over, as Helm's log does.
pub(super) fn tell(warnings: &[String]) {
    for warning in warnings {
        if let Some((level, text, name, value)) = TOLD.iter().find_map(|(level, text, name)| {
            Some((level, text, name, warning.strip_prefix(text)?.strip_prefix(": ")?))
        }) {
            log(level, text, &[(name, value)]);
        } else if let Some(rest) = warning.strip_prefix("ImportValues missing table from chart ")
            && let Some((chart, error)) = rest.split_once(": ")
        {
            let attributes = [("chart", chart), ("error", error)];
            log("WARN", "ImportValues missing table from chart", &attributes);
        } else if let Some((name, rest)) =
            warning.strip_prefix("returned non-bool value: ").and_then(|rest| rest.split_once(' '))
            && let Some((value, chart)) = rest.split_once(" of chart ")
        {
            log("WARN", "returned non-bool value", &[(name, value), ("chart", chart)]);
        } else {
            log("INFO", warning, &[]);
        }
    }
}

/// Warnings that have one attribute, which follows the text: level, text, the attribute's name.
const TOLD: &[(&str, &str, &str)] = &[
    ("INFO", "skipping unknown hooks", "hookTypes"),
    ("WARN", "ImportValues missing table", "error"),
    ("WARN", "missing required value", "message"),
    ("WARN", "missing required values", "message"),
    ("INFO", "funcMap fail", "message"),
];
