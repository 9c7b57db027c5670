//! `wharf doctor`: compares catalog and disk of a registry, and repairs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use wharf_storage::{DoctorOptions, DoctorReport};

use super::data;
use crate::exit::Status;
use crate::waiting::block_on;

/// Compare catalog and disk of a stopped registry, and repair.
///
/// Looks for content whose bytes are missing or have the wrong size, for bytes that nobody names, and for counters that are
/// wrong. With --repair, content without its bytes is taken out of its repositories, so that clients are told
/// to send it again; orphans are removed and counters corrected.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wharf doctor --data /srv/wharf
  wharf doctor --data /srv/wharf --scrub --repair

Exit status: 0 when catalog and disk agree (or do so after the repair), 10 while anything found is not mended.")]
pub(crate) struct Doctor {
    /// The data folder
    #[arg(long, value_name = "DIR", env = "WHARF_DATA")]
    data: Option<PathBuf>,
    /// Read every blob and compare its digest, too
    #[arg(long)]
    scrub: bool,
    /// Mend what can be mended
    #[arg(long)]
    repair: bool,
    /// How to report
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
    output: String,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<Status> {
        let Some(folder) = self.data.clone().or_else(data::default_folder) else {
            bail!("name the data folder with --data");
        };
        if !data::is_one(&folder) {
            bail!("{} holds no registry: there is no catalog in it", folder.display());
        }
        let report = block_on(async {
            let (catalog, blobs) = data::open(&folder)?;
            let mut options = DoctorOptions::look(jiff::Timestamp::now().as_second());
            options.repair = self.repair;
            options.scrub_bytes_per_second = self.scrub.then_some(u64::MAX);
            // No server is running, so no push is under way that bytes could belong to.
            options.orphan_age = Duration::ZERO;
            let report = wharf_storage::Doctor::new(catalog, blobs).examine(&options).await?;
            anyhow::Ok(report)
        })?;
        match self.output.as_str() {
            "json" => show_json(&report)?,
            _ => show(&report),
        }
        Ok(if report.unmended.is_empty() { Status::Done } else { Status::Findings })
    }
}

fn show(report: &DoctorReport) {
    for finding in &report.findings {
        anstream::println!("{finding}");
    }
    for (repository, digest) in &report.quarantined {
        anstream::println!("taken out of {repository}: {digest}; push it again");
    }
    if report.repaired {
        for finding in &report.unmended {
            anstream::println!("not mended: {finding}");
        }
    }
    let verdict = match (report.agrees(), report.repaired, report.unmended.is_empty()) {
        (true, ..) => "catalog and disk agree",
        (false, true, true) => "everything found was mended",
        (false, true, false) => "not everything found could be mended",
        (false, false, _) => "catalog and disk disagree",
    };
    anstream::println!(
        "examined {} contents and {} stored blobs, read {} bytes: {verdict}",
        report.contents,
        report.keys,
        report.scrubbed_bytes
    );
}

fn show_json(report: &DoctorReport) -> Result<()> {
    let quarantined: Vec<_> = report
        .quarantined
        .iter()
        .map(|(repository, digest)| serde_json::json!({ "repository": repository, "digest": digest }))
        .collect();
    let json = serde_json::json!({
        "agrees": report.agrees(),
        "repaired": report.repaired,
        "findings": report.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "unmended": report.unmended.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "quarantined": quarantined,
        "contents": report.contents,
        "stored_blobs": report.keys,
        "scrubbed_bytes": report.scrubbed_bytes,
        "released_keys": report.released_keys,
        "removals_under_way": report.removals_under_way,
    });
    anstream::println!("{}", serde_json::to_string_pretty(&json)?);
    Ok(())
}
