//! Lists for people and for programs: tables as Helm lays them out, JSON, YAML.

use std::io::Write;

use anyhow::bail;
use wharf_yaml::{from_json, to_yaml, write_json_string};

use crate::cobra::flags::Given;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Table,
    Json,
    Yaml,
}

impl Format {
    pub(super) fn of(given: &Given) -> anyhow::Result<Self> {
        match given.text("output").unwrap_or("table") {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            other => bail!("invalid argument {other:?} for \"-o, --output\" flag: invalid format type"),
        }
    }
}

/// Rows of cells, in columns no wider than a bound.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    max_width: usize,
}

impl Table {
    /// Returns an empty table; `max_width` 0 is no bound.
    pub(super) fn new(max_width: usize) -> Self {
        Self { rows: Vec::new(), max_width }
    }

    pub(super) fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        self.rows.push(cells.into_iter().map(printable).collect());
    }

    /// Returns the lines, each cell as wide as its column; the last has no line end.
    pub(super) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width_of = |column: usize| {
            let widest = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max();
            let widest = widest.unwrap_or_default();
            if self.max_width == 0 { widest } else { widest.min(self.max_width) }
        };
        let widths: Vec<usize> = (0..columns).map(width_of).collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| fitted(cell, *width)).collect();
            cells.join("\t")
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Writes a list of objects, all with the same fields, as JSON or YAML.
pub(super) fn write_objects(
    objects: &[Vec<(&str, String)>],
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let objects: Vec<String> = objects.iter().map(|fields| json_object(fields)).collect();
    let json = format!("[{}]", objects.join(","));
    match format {
        Format::Yaml => out.write_all(to_yaml(&from_json(json.as_bytes())?)?.as_bytes())?,
        _ => writeln!(out, "{json}")?,
    }
    Ok(())
}

fn json_object(fields: &[(&str, String)]) -> String {
    let mut json = String::from("{");
    for (at, (name, value)) in fields.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        write_json_string(&mut json, name);
        json.push(':');
        write_json_string(&mut json, value);
    }
    json.push('}');
    json
}

/// What servers say goes to a terminal without its control characters.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn fitted(cell: &str, width_wanted: usize) -> String {
    let own = width(cell);
    if own <= width_wanted || width_wanted == 0 {
        return format!("{cell}{}", " ".repeat(width_wanted.saturating_sub(own)));
    }
    let mut text = String::new();
    let mut taken = 0;
    for c in cell.chars() {
        text.push(c);
        if taken + char_width(c) >= width_wanted.saturating_sub(3) {
            break;
        }
        taken += char_width(c);
    }
    text + "..."
}

fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// The columns that a character takes on a terminal, as far as names and descriptions need it.
fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_are_cut_and_short_ones_filled() {
        let mut table = Table::new(8);
        table.row(["NAME", "WHAT"]);
        table.row(["a", "0123456789"]);
        assert_eq!(table.text(), "NAME\tWHAT    \na   \t01234...");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let mut table = Table::new(0);
        table.row(["a\u{1b}[31mb"]);
        assert_eq!(table.text(), "a[31mb");
    }
}
