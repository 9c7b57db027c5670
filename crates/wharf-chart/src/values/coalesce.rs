//! User values over chart defaults, down through the subcharts.

use std::collections::HashSet;
use std::sync::Arc;

use wharf_yaml::{Value, format_float_g};

use super::table::{Item, Table};
use crate::{Chart, Error, ErrorKind};

const GLOBAL: &str = "global";

/// Returns the values a chart is rendered with, and warnings about entries that were passed over.
///
/// User values win over the chart's defaults, a parent's values over its subcharts'; maps are merged, everything else is
/// replaced. `global` is handed down, and a parent's entry wins there. A null removes the entry it overrides; a null
/// where there is nothing to override is kept; nulls among the defaults are dropped (the rules since Helm 4.2.0).
///
/// A map or list that Helm shares between charts, such as one below `global`, is one `Arc` in the result; others are
/// not shared, except those inside lists.
///
/// # Errors
/// The values of a subchart are not a map.
pub fn coalesce_values(chart: &Chart, user: &Value) -> Result<(Value, Vec<String>), Error> {
    let (values, warnings) = coalesced(chart, user)?;
    Ok((values.to_value(), warnings))
}

/// As [`coalesce_values`], for who only looks something up.
pub(super) fn coalesced(chart: &Chart, user: &Value) -> Result<(Table, Vec<String>), Error> {
    let mut merger = Merger::new(false);
    let values = Table::of(user);
    match merger.chart(chart, &values, "") {
        Ok(()) => Ok((values, merger.warnings)),
        Err(error) => Err(error.after(merger.warnings)),
    }
}

/// As [`coalesce_values`], but keeps nulls, for values that will be coalesced once more.
///
/// # Errors
/// As [`coalesce_values`].
pub fn merge_values(chart: &Chart, user: &Value) -> Result<(Value, Vec<String>), Error> {
    let mut merger = Merger::new(true);
    let values = Table::of(user);
    match merger.chart(chart, &values, "") {
        Ok(()) => Ok((values.to_value(), merger.warnings)),
        Err(error) => Err(error.after(merger.warnings)),
    }
}

/// Merges two maps, `over` winning; nulls in `over` remove entries. Also returns what was passed over, in Helm's words.
#[must_use]
pub fn coalesce_tables(over: &Value, under: &Value) -> (Value, Vec<String>) {
    tables(over, under, false)
}

/// Merges two maps, `over` winning; nulls are kept.
#[must_use]
pub fn merge_tables(over: &Value, under: &Value) -> Value {
    tables(over, under, true).0
}

fn tables(over: &Value, under: &Value, keep_nulls: bool) -> (Value, Vec<String>) {
    let table = Table::of(over);
    let mut merger = Merger::new(keep_nulls);
    merger.tables(&table, &Table::of(under), "", keep_nulls);
    (table.to_value(), merger.warnings)
}

pub(super) struct Merger {
    keep_nulls: bool,
    /// Tables that are merged may be parts of each other, which must not end in a table inside itself.
    shared: bool,
    pub(super) warnings: Vec<String>,
}

impl Merger {
    fn new(keep_nulls: bool) -> Self {
        Self { keep_nulls, shared: false, warnings: Vec::new() }
    }

    /// Returns a merger that keeps nulls, for tables taken out of each other.
    pub(super) fn for_imports() -> Self {
        Self { shared: true, ..Self::new(true) }
    }

    pub(super) fn chart(&mut self, chart: &Chart, values: &Table, prefix: &str) -> Result<(), Error> {
        self.defaults(chart, values, prefix);
        let prefix = join(prefix, chart.name());
        for subchart in &chart.dependencies {
            let name = subchart.name();
            let section = match values.get(name) {
                None => {
                    let section = Table::default();
                    values.insert(name, Item::Table(section.clone()));
                    section
                }
                Some(Item::Table(section)) => section,
                Some(Item::Other(value)) => {
                    let text = format!("type mismatch on {name}: {}", shown_as_bool(&value));
                    return Err(Error::new(ErrorKind::Invalid, text));
                }
            };
            self.globals(&section, values, &prefix);
            self.chart(subchart, &section, &prefix)?;
        }
        Ok(())
    }

    /// Puts the chart's defaults under the values.
    fn defaults(&mut self, chart: &Chart, values: &Table, prefix: &str) {
        let prefix = join(prefix, chart.name());
        for (key, default) in Table::of(&chart.values).entries() {
            match values.get(&key) {
                Some(value) if value.is_null() && !self.keep_nulls => values.remove(&key),
                Some(Item::Table(over)) => match &default {
                    Item::Table(under) => {
                        // A subchart's section keeps its nulls until the subchart's own turn.
                        let is_section = chart.dependencies.iter().any(|subchart| subchart.name() == &*key);
                        let keep_nulls = self.keep_nulls || is_section;
                        if !keep_nulls {
                            under.remove_nulls();
                        }
                        self.tables(&over, under, &join(&prefix, &key), keep_nulls);
                    }
                    Item::Other(Value::Null) => {}
                    Item::Other(_) => {
                        self.warnings
                            .push(format!("warning: skipped value for {prefix}.{key}: Not a table."));
                    }
                },
                Some(Item::Other(_)) => {}
                None if self.keep_nulls => values.insert(key, default),
                None if default.is_null() => {}
                None => {
                    if let Item::Table(table) = &default {
                        table.remove_nulls();
                    }
                    values.insert(key, default);
                }
            }
        }
    }

    /// Hands `global` of a parent's values down into a subchart's section.
    fn globals(&mut self, section: &Table, parent: &Table, prefix: &str) {
        let own = match section.get(GLOBAL) {
            None => Table::default(),
            Some(Item::Table(table)) => table,
            Some(Item::Other(_)) => {
                let text = format!("warning: skipping globals because destination {GLOBAL} is not a table.");
                return self.warnings.push(text);
            }
        };
        let handed_down = match parent.get(GLOBAL) {
            None => Table::default(),
            Some(Item::Table(table)) => table,
            Some(Item::Other(_)) => {
                let text = format!("warning: skipping globals because source {GLOBAL} is not a table.");
                return self.warnings.push(text);
            }
        };
        for (key, item) in handed_down.entries() {
            match (&item, own.get(&key)) {
                (Item::Table(table), None) => own.insert(key, Item::Table(table.shallow_copy())),
                (Item::Table(table), Some(Item::Table(under))) => {
                    let merged = table.shallow_copy();
                    self.tables(&merged, &under, &join(prefix, &key), true);
                    own.insert(key, Item::Table(merged));
                }
                (Item::Table(_), Some(Item::Other(_))) => {
                    let text = format!("Conflict: cannot merge map onto non-map for {key:?}. Skipping.");
                    self.warnings.push(text);
                }
                (Item::Other(_), Some(Item::Table(_))) => {
                    self.warnings.push(format!("key {key} is table. Skipping"));
                }
                (Item::Other(_), _) => own.insert(key, item),
            }
        }
        section.insert(GLOBAL, Item::Table(own));
    }

    /// Merges `under` into `over`, which wins; both are changed.
    pub(super) fn tables(&mut self, over: &Table, under: &Table, prefix: &str, keep_nulls: bool) {
        // Tells an override that removes a default from a null that was there before.
        let set: HashSet<Arc<str>> =
            under.entries().into_iter().filter(|(_, item)| !item.is_null()).map(|(key, _)| key).collect();
        for (key, item) in over.entries() {
            if item.is_null() {
                under.insert(key, Item::Other(Value::Null));
            }
        }
        for (key, item) in under.entries() {
            let full = join(prefix, &key);
            match (over.get(&key), &item) {
                (Some(winner), _) if !keep_nulls && winner.is_null() && set.contains(&key) => {
                    over.remove(&key)
                }
                (None, Item::Table(table)) if self.shared && table.reaches(over) => {
                    over.insert(key, Item::Table(Table::of(&table.to_value())));
                }
                (None, _) => over.insert(key, item),
                (Some(Item::Table(winner)), Item::Table(loser)) => {
                    self.tables(&winner, loser, &full, keep_nulls)
                }
                (Some(Item::Other(_)), Item::Table(loser)) => {
                    let shown = shown(&loser.to_value());
                    let text = format!("warning: cannot overwrite table with non table for {full} ({shown})");
                    self.warnings.push(text);
                }
                (Some(Item::Table(_)), Item::Other(loser)) if !loser.is_null() => {
                    let shown = shown(loser);
                    let text = format!(
                        "warning: destination for {full} is a table. Ignoring non-table value ({shown})"
                    );
                    self.warnings.push(text);
                }
                _ => {}
            }
        }
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// A value as Go's `%v` shows it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Float(value) => format_float_g(*value),
        Value::String(text) => text.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Value::Map(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}:{}", shown(value))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// A value as Go's `%t` shows it, which is meant for booleans.
fn shown_as_bool(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Null => "%!t(<nil>)".to_owned(),
        Value::List(items) => {
            let item = |item: &Value| if item.is_null() { shown(item) } else { shown_as_bool(item) };
            format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(" "))
        }
        other => format!("%!t({}={})", other.go_type(), shown(other)),
    }
}
