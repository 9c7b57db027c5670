//! The table that a run ends with, in Markdown.

use std::fmt;

use super::samples::{Better, Samples};
use super::subject::Kind;

/// Rows in the order in which they were first measured.
pub(super) struct Table {
    subjects: Vec<String>,
    quick: bool,
    rows: Vec<Row>,
    notes: Vec<String>,
}

struct Row {
    name: String,
    unit: &'static str,
    better: Better,
    samples: Vec<Samples>,
    /// Those that did less than the row says, and so are no measure.
    partial: Vec<usize>,
}

impl Table {
    /// Returns an empty table with a column for each subject, Wharf's first.
    pub(super) fn new(subjects: Vec<String>, quick: bool) -> Self {
        Self { subjects, quick, rows: Vec::new(), notes: Vec::new() }
    }

    pub(super) fn of_registries(kinds: &[Kind], quick: bool) -> Self {
        let mut table = Self::new(kinds.iter().map(|kind| kind.name().to_owned()).collect(), quick);
        table.notes = kinds.iter().map(|kind| format!("{}: {}", kind.name(), kind.settings())).collect();
        table
    }

    /// Adds one figure of the subject at `place` to a row, and prints it.
    pub(super) fn add(&mut self, name: &str, unit: &'static str, better: Better, place: usize, figure: f64) {
        println!("  {name}: {} {} {unit}", self.subjects[place], readable(figure));
        let known = self.rows.iter().position(|row| row.name == name);
        let at = known.unwrap_or_else(|| {
            let samples = vec![Samples::default(); self.subjects.len()];
            self.rows.push(Row { name: name.to_owned(), unit, better, samples, partial: Vec::new() });
            self.rows.len() - 1
        });
        self.rows[at].samples[place].0.push(figure);
    }

    /// Says that a subject does only a part of what a row is about: its figure is shown with a mark, and not compared.
    pub(super) fn does_less(&mut self, name: &str, place: usize) {
        let row = self.rows.iter_mut().find(|row| row.name == name);
        if let Some(row) = row.filter(|row| !row.partial.contains(&place)) {
            row.partial.push(place);
        }
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| workload | unit |")?;
        for subject in &self.subjects {
            write!(f, " {subject} |")?;
        }
        writeln!(f, " ratio to the best peer (per round) |")?;
        writeln!(f, "|---|---|{}---|", "---:|".repeat(self.subjects.len()))?;
        for row in &self.rows {
            write!(f, "| {} | {} |", row.name, row.unit)?;
            for (place, samples) in row.samples.iter().enumerate() {
                let mark = if row.partial.contains(&place) { " †" } else { "" };
                write!(f, " {}{mark} |", cell(samples))?;
            }
            writeln!(f, " {} |", row.ratio())?;
        }
        writeln!(
            f,
            "\nEach cell: median (least - most) over interleaved rounds. A ratio above 1 means that Wharf is ahead."
        )?;
        if self.quick {
            writeln!(
                f,
                "This was a quick run: it shows that everything works; its figures are too noisy to compare."
            )?;
        }
        for line in &self.notes {
            writeln!(f, "- {line}")?;
        }
        Ok(())
    }
}

impl Row {
    /// Wharf is the first subject; the best peer is the one with the best median.
    fn ratio(&self) -> String {
        let Some((wharf, peers)) = self.samples.split_first() else { return String::new() };
        let whole = peers.iter().enumerate().filter(|(place, _)| !self.partial.contains(&(place + 1)));
        let medians = whole.filter_map(|(_, samples)| Some((samples, samples.median()?)));
        let best = medians.reduce(|one, other| {
            let first = if self.better == Better::More { one.1 >= other.1 } else { one.1 <= other.1 };
            if first { one } else { other }
        });
        let (Some((best, peer)), Some(own)) = (best, wharf.median()) else { return "-".to_owned() };
        let ratio = |own: f64, peer: f64| if self.better == Better::More { own / peer } else { peer / own };
        let rounds = Samples(wharf.0.iter().zip(&best.0).map(|(own, peer)| ratio(*own, *peer)).collect());
        let spread = match (rounds.least(), rounds.most()) {
            (Some(least), Some(most)) if rounds.0.len() > 1 => format!(" ({least:.2} - {most:.2})"),
            _ => String::new(),
        };
        format!("{:.2}{spread}", ratio(own, peer))
    }
}

fn cell(samples: &Samples) -> String {
    match (samples.median(), samples.least(), samples.most()) {
        (Some(median), Some(least), Some(most)) if samples.0.len() > 1 => {
            format!("{} ({} - {})", readable(median), readable(least), readable(most))
        }
        (Some(median), ..) => readable(median),
        _ => "-".to_owned(),
    }
}

/// Three figures are more than the noise leaves.
fn readable(figure: f64) -> String {
    if figure >= 100.0 {
        format!("{figure:.0}")
    } else if figure >= 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.2}")
    }
}
