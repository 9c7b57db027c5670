//! `cargo xtask bench trust [--quick]`: verifying, signing and promoting, by Wharf and by cosign, oras and crane, as whole processes
//! on the same local registries.
//!
//! `docs/BENCHMARKING.md` says what is measured and how to read it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::copy::small;
use super::cost;
use super::lab::Lab;
use super::samples::Better;
use super::table::Table;
use crate::peers::{self, Scope};
use crate::setup::{self, Retry};

/// Where the signer's and the verifier's words are the same.
const PLAIN: &str = "--allow-http-registry";
const UNLOGGED: &str = "--insecure-ignore-tlog=true";
const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];

/// Every artifact must be signed by the one key.
const POLICY: &str = "\
version: 1
default: deny
signers:
  release: { key: { file: cosign.pub } }
rules:
- name: all
  match: { repositories: [\"**\"] }
  signatures: { of: [release] }
";

struct Size {
    batch: usize,
    unit: usize,
    rounds: usize,
    /// Rounds of what is done for one artifact only.
    rounds_of_one: usize,
}

const FULL: Size = Size { batch: 200, unit: 20, rounds: 3, rounds_of_one: 15 };
const QUICK: Size = Size { batch: 20, unit: 4, rounds: 2, rounds_of_one: 3 };

struct Peers {
    wharf: PathBuf,
    cosign: PathBuf,
    oras: PathBuf,
    crane: PathBuf,
}

pub(crate) fn run(words: &[&str]) -> Result<()> {
    let quick = words.contains(&"--quick");
    setup::run(Scope::Tests, Retry::Nothing)?;
    let peer = |name| peers::program(name).map_err(|absence| anyhow::anyhow!("{name}: {absence}"));
    let peers = Peers {
        cosign: peer("cosign")?,
        oras: peer("oras")?,
        crane: peer("crane")?,
        wharf: crate::server::build("release")?,
    };
    let size = if quick { QUICK } else { FULL };
    let mut table = Table::new(vec!["Wharf".to_owned(), "cosign 3.1.3".to_owned()], quick);
    let lab = Lab::start(&peers.wharf, 2)?;
    let bench = Bench { lab, peers, size };
    bench.run(&mut table)?;
    table
        .note("keys on the machine, nothing logged; bundles as referrers, as cosign 3 makes them".to_owned());
    table.note(
        "a batch is one process with all artifacts on its command line, in Wharf and in cosign".to_owned(),
    );
    table.note("promotion, in the column of cosign: `cosign verify`, `oras cp -r`, `cosign verify` at the destination, `crane tag` \
                for each artifact, as many artifacts at once as there are processors".to_owned());
    println!("\n{table}");
    Ok(())
}

struct Bench {
    lab: Lab,
    peers: Peers,
    size: Size,
}

impl Bench {
    fn run(&self, table: &mut Table) -> Result<()> {
        self.lab.run(&self.peers.cosign, &["generate-key-pair"])?;
        fs::write(self.lab.folder().join("trust.yaml"), POLICY)?;
        let layout = self.lab.folder().join("artifacts");
        let tags = small(layout.clone(), self.size.batch.max(self.size.unit))?;
        for round in 0..self.size.rounds.max(self.size.rounds_of_one) {
            for (place, tool) in ["wharf", "cosign"].into_iter().enumerate() {
                let repository = format!("{}/load/{tool}-{round}", self.lab.host(0));
                let whole = round < self.size.rounds;
                let (from, to) = (format!("layout:{}", layout.display()), repository.clone());
                match whole {
                    true => self.lab.run(&self.peers.wharf, &["cp", &from, &to, "--all-tags"])?,
                    false => self.lab.run(
                        &self.peers.wharf,
                        &["cp", &format!("{from}:{}", tags[0].0), &format!("{to}:{}", tags[0].0)],
                    )?,
                };
                let all: Vec<String> = tags
                    .iter()
                    .take(self.size.batch)
                    .map(|(_, digest)| format!("{repository}@{digest}"))
                    .collect();
                self.measure(table, "sign one", place, self.cosign(place, "sign", &all[..1]))?;
                self.measure(table, "verify one", place, self.cosign(place, "verify", &all[..1]))?;
                if !whole {
                    continue;
                }
                let batch = format!("sign {}", self.size.batch);
                self.measure(table, &batch, place, self.cosign(place, "sign", &all))?;
                let batch = format!("verify {}", self.size.batch);
                self.measure(table, &batch, place, self.cosign(place, "verify", &all))?;
                if place == 0 {
                    let mut command = self.lab.command(&self.peers.wharf);
                    command.arg("verify").args(&all).args(["--policy", "trust.yaml"]);
                    self.measure(table, &format!("verify {} by policy", self.size.batch), place, command)?;
                }
                let unit: Vec<&str> = tags.iter().take(self.size.unit).map(|(tag, _)| tag.as_str()).collect();
                let list = self.lab.folder().join("unit.tags");
                fs::write(&list, unit.join("\n"))?;
                let promoted = format!("{}/load/{tool}-{round}", self.lab.host(1));
                let mut command = self.promotion(place, &repository, &promoted)?;
                command.stdin(Stdio::from(File::open(&list)?));
                self.measure(table, &format!("promote {} artifacts", self.size.unit), place, command)?;
                for (tag, digest) in tags.iter().take(self.size.unit) {
                    let pinned = format!("{promoted}@{digest}");
                    self.lab
                        .run(&self.peers.cosign, &["verify", "--key", "cosign.pub", PLAIN, UNLOGGED, &pinned])
                        .with_context(|| format!("{tag} after its promotion"))?;
                }
            }
        }
        Ok(())
    }

    fn cosign(&self, place: usize, word: &str, subjects: &[String]) -> Command {
        let mut command = match place {
            0 => {
                let mut command = self.lab.command(&self.peers.wharf);
                command.arg("cosign");
                command
            }
            _ => self.lab.command(&self.peers.cosign),
        };
        command.args([word, PLAIN]);
        match word {
            "sign" => command.args(["--yes", "--key", "cosign.key"]).args(OFFLINE),
            _ => command.args(["--key", "cosign.pub", UNLOGGED]),
        };
        command.args(subjects);
        command
    }

    /// Returns what promotes each tag that it reads on standard input.
    fn promotion(&self, place: usize, from: &str, to: &str) -> Result<Command> {
        let at_once = std::thread::available_parallelism()?.get().to_string();
        let path = |program: &Path| program.display().to_string();
        let script = match place {
            0 => format!("{} promote {from}:{{}} {to}:{{}} --policy trust.yaml", path(&self.peers.wharf)),
            _ => {
                let (cosign, oras, crane) =
                    (path(&self.peers.cosign), path(&self.peers.oras), path(&self.peers.crane));
                let verify = format!("{cosign} verify --key cosign.pub {PLAIN} {UNLOGGED}");
                format!(
                    "set -e; d=$({crane} digest --insecure {from}:{{}}); {verify} {from}@$d; \
                     {oras} cp --no-tty -r --from-plain-http --to-plain-http {from}@$d {to}; \
                     {verify} {to}@$d; {crane} tag --insecure {to}@$d {{}}"
                )
            }
        };
        let mut command = self.lab.command(Path::new("xargs"));
        command.args(["-P", &at_once, "-I", "{}", "sh", "-c", &script]);
        Ok(command)
    }

    fn measure(&self, table: &mut Table, name: &str, place: usize, mut command: Command) -> Result<()> {
        let before = self.lab.requests()?;
        let cost = cost::of(command.stderr(Stdio::null())).with_context(|| name.to_owned())?;
        let requests = self.lab.requests()? - before;
        #[expect(clippy::cast_precision_loss, reason = "no client sends 2^52 requests")]
        for (figure, unit, value) in [
            ("time", "ms", cost.wall_ms),
            ("processor", "ms", cost.cpu_ms),
            ("memory", "MiB", cost.peak_mib),
            ("requests", "", requests as f64),
        ] {
            table.add(&format!("{name}: {figure}"), unit, Better::Less, place, value);
        }
        Ok(())
    }
}
