//! What is written to the terminal. Colours go only to a terminal and respect `NO_COLOR`.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};

/// Something good.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Something bad.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Something to look at.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default().bold();
/// A name or a command.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
/// A heading.
pub(crate) const HEADING: Style = Style::new().bold();
/// Something less important.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Returns the text in a style.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes a line to standard output. A reader that has gone away is no failure.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// Writes a line about the progress to standard error.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Writes a step that is done: a verb, and what was done.
pub(crate) fn step(verb: &str, text: impl Display) {
    line(format_args!("{}  {text}", styled(GOOD, format_args!("{verb:>10}"))));
}

/// Writes a step that ended otherwise than one would like, and rightly so.
pub(crate) fn step_noted(verb: &str, text: impl Display) {
    line(format_args!("{}  {text}", styled(NOTE, format_args!("{verb:>10}"))));
}

/// Writes a further line of a step.
pub(crate) fn more(text: impl Display) {
    line(format_args!("{:12}{}", "", styled(FAINT, text)));
}

/// Writes something that the user should look at, to standard error.
pub(crate) fn warning(text: impl Display) {
    note(format_args!("{} {text}", styled(NOTE, "warning:")));
}

/// Writes an error and its causes to standard error.
pub(crate) fn error(texts: &[String]) {
    let (first, causes) =
        texts.split_first().map_or(("failed", &[][..]), |(first, rest)| (first.as_str(), rest));
    note(format_args!("{} {first}", styled(BAD, "error:")));
    for cause in causes {
        note(format_args!("  because {cause}"));
    }
}

/// Writes what can be done about an error.
pub(crate) fn hint(text: &str) {
    note(format_args!("{} {text}", styled(NAME, "hint:")));
}

/// Returns a size for people, in binary units.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
