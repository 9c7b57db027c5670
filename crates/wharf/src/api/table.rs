//! Tables for people.

use crate::terminal::{self, HEADING, styled};

/// Rows under headings, columns as wide as what is in them.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Returns a table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        // What others wrote cannot move the cursor or forge a row.
        let clean = |cell: String| cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.rows.push(cells.into_iter().map(|cell| clean(cell.into())).collect());
    }

    /// Writes it to standard output.
    pub(crate) fn print(&self) {
        for (at, line) in self.lines().into_iter().enumerate() {
            if at == 0 { terminal::line(styled(HEADING, line)) } else { terminal::line(line) }
        }
    }

    fn lines(&self) -> Vec<String> {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row: &Vec<String>| row.get(column));
            cells.map(|cell: &String| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_line_up_and_foreign_text_stays_in_its_cell() {
        let mut table = Table::new(&["NAME", "ROLE"]);
        table.row(["ann", "guest"]);
        table.row(["a longer name", "x\ny\u{1b}[2J"]);
        assert_eq!(table.lines(), ["NAME           ROLE", "ann            guest", "a longer name  x y [2J"]);
    }
}
