//! Services as `trusted-root create` and `signing-config create` have them written: `key=value,key=value`.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::blob;
use super::verifying::text;
use crate::cobra::flags::Given;

/// The parts of one service.
pub(super) struct Spec<'s>(BTreeMap<&'s str, &'s str>);

impl<'s> Spec<'s> {
    pub(super) fn parse(text: &'s str) -> anyhow::Result<Self> {
        let mut parts = BTreeMap::new();
        for pair in text.split(',') {
            let Some((key, value)) = pair.split_once('=') else {
                bail!("invalid key-value pair: {pair}");
            };
            parts.insert(key.trim(), value.trim());
        }
        Ok(Self(parts))
    }

    /// Returns a part that is there and not empty.
    pub(super) fn get(&self, key: &str) -> Option<&'s str> {
        self.0.get(key).copied().filter(|value| !value.is_empty())
    }
}

/// Reads a moment, RFC 3339.
pub(super) fn time(key: &str, value: &str) -> anyhow::Result<Timestamp> {
    value.parse().with_context(|| format!("parsing {key}"))
}

/// Writes the file where `--out` says, or to standard output.
pub(super) fn write(given: &Given, json: &[u8], out: &mut dyn Write) -> anyhow::Result<()> {
    match text(given, "out") {
        Some(path) => blob::write_private(path, json),
        None => {
            out.write_all(json)?;
            Ok(writeln!(out)?)
        }
    }
}
