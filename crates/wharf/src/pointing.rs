//! Errors that point: the place in the file with the lines before it and a mark, then where that was called.
//!
//! The places come with the errors of the ground crates, or are looked up here once something has failed; a command that
//! succeeds pays nothing. Where they are shown, and where not, is in docs/COMPATIBILITY.md.

use std::fmt::{self, Display};
use std::io::IsTerminal;

use wharf_chart::{Chart, Spot, ValueFault};

use crate::helm::ValueSources;
use crate::terminal::{BAD, FAINT, NAME, note, styled};

/// The longest stretch of a line that is shown, in characters.
const MAX_LINE: usize = 120;
/// Characters shown before the mark where a line is longer.
const BEFORE_MARK: usize = 40;
/// The longest remark, in characters.
const MAX_NOTE: usize = 600;
/// Faults of values that are shown.
const MAX_FAULTS: usize = 10;
/// Decides in place of the terminal whether `wharf helm` shows places: `always` or `never`.
const VARIABLE: &str = "WHARF_EXCERPTS";

/// An error with the places it points at. Prints as the error does.
#[derive(Debug)]
pub(crate) struct Pointed {
    error: anyhow::Error,
    spots: Vec<Spot>,
}

impl Pointed {
    /// Adds places to an error.
    pub(crate) fn wrap(error: anyhow::Error, spots: Vec<Spot>) -> anyhow::Error {
        Self { error, spots }.into()
    }
}

impl Display for Pointed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Pointed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.chain().nth(1)
    }
}

/// Adds to the error of a render where it points: into templates, or to the values that a schema does not allow.
pub(crate) fn explained(
    error: wharf_engine::Error,
    chart: &Chart,
    sources: &ValueSources,
    text: impl FnOnce(&wharf_engine::Error) -> String,
) -> anyhow::Error {
    Pointed::wrap(anyhow::anyhow!(text(&error)), of_render(&error, chart, sources))
}

/// Returns the places that the error of a render points at.
pub(crate) fn of_render(error: &wharf_engine::Error, chart: &Chart, sources: &ValueSources) -> Vec<Spot> {
    let faults = error.value_faults().iter().take(MAX_FAULTS);
    error.spots().iter().cloned().chain(faults.filter_map(|fault| of_fault(fault, chart, sources))).collect()
}

/// Finds where a value that a schema does not allow comes from.
fn of_fault(fault: &ValueFault, chart: &Chart, sources: &ValueSources) -> Option<Spot> {
    let mut path = fault.path.clone();
    // What should not be there is named in the text only.
    if let Some(rest) = fault.text.strip_prefix("additional properties '") {
        path.extend(rest.split('\'').next().map(str::to_owned));
    }
    if path.is_empty() {
        return None;
    }
    let spot = sources.place_of(&path).or_else(|| in_defaults(&path, chart, chart.name().to_owned()))?;
    Some(spot.noted(fault.text.clone()))
}

/// Looks into the chart's own values, then into those of the subchart that the path leads to.
fn in_defaults(path: &[String], chart: &Chart, name: String) -> Option<Spot> {
    if let Some(file) = chart.raw_file("values.yaml")
        && let Some(place) = wharf_yaml::locate(&file.data, path)
    {
        return Some(Spot::at(format!("{name}/values.yaml"), &file.data, place.line, place.column));
    }
    let (first, rest) = path.split_first()?;
    let aliased = chart.metadata.dependencies.iter().flatten().find(|dependency| dependency.alias == *first);
    let wanted = aliased.map_or(first, |dependency| &dependency.name);
    let subchart = chart.dependencies.iter().find(|subchart| subchart.name() == wanted)?;
    in_defaults(rest, subchart, format!("{name}/charts/{first}"))
}

/// Returns the places that an error points at.
fn spots(error: &anyhow::Error) -> Vec<Spot> {
    for cause in error.chain() {
        if let Some(pointed) = cause.downcast_ref::<Pointed>() {
            return pointed.spots.clone();
        }
        if let Some(error) = cause.downcast_ref::<wharf_engine::Error>() {
            return error.spots().to_vec();
        }
        if let Some(spot) = cause.downcast_ref::<wharf_chart::Error>().and_then(wharf_chart::Error::spot) {
            return vec![spot.clone()];
        }
    }
    Vec::new()
}

/// Shows on standard error the places that an error points at.
pub(crate) fn show(error: &anyhow::Error) {
    show_spots(&spots(error));
}

/// Shows places on standard error.
pub(crate) fn show_spots(spots: &[Spot]) {
    for spot in spots {
        for line in lines(spot) {
            note(line);
        }
    }
}

/// Whether the command lines of other tools show places: on a terminal, or where somebody asked for it.
pub(crate) fn is_wanted() -> bool {
    match std::env::var(VARIABLE).as_deref() {
        Ok("always") => true,
        Ok("never") => false,
        _ => std::env::args().any(|word| word == "--debug") || std::io::stderr().is_terminal(),
    }
}

/// Returns the lines that show a place.
fn lines(spot: &Spot) -> Vec<String> {
    let last = spot.lines.last().map_or(spot.line, |(number, _)| *number);
    let digits = last.to_string().len();
    let gutter = |number: &dyn Display| styled(NAME, format_args!("{number:>digits$} |"));
    let mut out = vec![format!(
        "{:digits$}{} {}:{}:{}",
        "",
        styled(NAME, "-->"),
        shown(&spot.source),
        spot.line,
        spot.column
    )];
    // All lines are cut at the same column, or they would not stand below each other.
    let skipped = match spot.column + spot.width > MAX_LINE {
        true => spot.column.saturating_sub(BEFORE_MARK),
        false => 0,
    };
    let note = shown_note(&spot.note);
    let mut notes = note.lines();
    if spot.lines.last().is_some_and(|(number, _)| *number == spot.line) {
        for (number, line) in &spot.lines {
            let cut: String = line.chars().skip(skipped).take(MAX_LINE).collect();
            out.push(format!("{} {}", gutter(number), shown(&cut)).trim_end().to_owned());
        }
        let before = spot.column - 1 - skipped;
        let width = spot.width.min(MAX_LINE.saturating_sub(before)).max(1);
        let mark = styled(BAD, "^".repeat(width));
        let text = notes.next().unwrap_or_default();
        let line = format!("{} {:before$}{mark} {}", gutter(&""), "", styled(BAD, text));
        out.push(line.trim_end().to_owned());
    }
    out.extend(notes.map(|line| format!("{} {}", gutter(&"="), styled(FAINT, line))));
    out
}

/// Text without what would move the cursor; a tab is one column wide, as the mark counts.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn shown_note(text: &str) -> String {
    let lines: Vec<String> = text.trim().lines().filter(|line| !line.trim().is_empty()).map(shown).collect();
    let text = lines.join("\n");
    match text.char_indices().nth(MAX_NOTE) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(spot: &Spot) -> String {
        anstream::adapter::strip_str(&lines(spot).join("\n")).to_string()
    }

    #[test]
    fn a_place_is_shown_with_the_lines_before_it_and_a_mark() {
        let text = b"a: 1\nb: 2\nimage:\n\ttag: {{ .x.y }}\n";
        let spot = Spot::of("app/templates/a.yaml", text, 26..30).noted("nil pointer\nand more");
        let expected = " --> app/templates/a.yaml:4:10
2 | b: 2
3 | image:
4 |  tag: {{ .x.y }}
  |          ^^^^ nil pointer
= | and more";
        assert_eq!(plain(&spot), expected);
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let text = format!("{}{{{{ .bad }}}}{}", "x".repeat(500), "y".repeat(500));
        let spot = Spot::of("t", text.as_bytes(), 503..507);
        let plain = plain(&spot);
        let mark = plain.lines().last().expect("it has lines");
        let line = plain.lines().nth(1).expect("it has lines");
        let at = mark.find('^').expect("there is a mark");
        assert_eq!(&line[at..at + 4], ".bad");
        assert!(line.len() < 130);
    }
}
