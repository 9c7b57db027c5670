//! `cargo xtask bench trust [--quick]`: verifying, signing and promoting, by Wharf and by cosign, oras, crane and helm, as whole processes
//! on the same local registries.
//!
//! `docs/BENCHMARKING.md` says what is measured and how to read it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

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

/// The chart that is promoted with its images.
const UNIT: &str = "unit";
const VERSION: &str = "1.0.0";
const PODS: &str = "\
{{- range $at, $image := .Values.images }}
---
apiVersion: v1
kind: Pod
metadata:
  name: pod-{{ $at }}
spec:
  containers:
  - name: main
    image: {{ $image }}
{{- end }}
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
    helm: PathBuf,
}

pub(crate) fn run(words: &[&str]) -> Result<()> {
    let quick = words.contains(&"--quick");
    setup::run(Scope::Tests, Retry::Nothing)?;
    let peer = |name| peers::program(name).map_err(|absence| anyhow::anyhow!("{name}: {absence}"));
    let peers = Peers {
        cosign: peer("cosign")?,
        oras: peer("oras")?,
        crane: peer("crane")?,
        helm: peer("helm")?,
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
    table.note(
        "promotion, in the column of cosign: `helm template` to find the images; for each and for the chart `cosign verify`, \
         `oras cp -r`, `cosign verify` at the destination, `crane tag`, as many at once as there are processors"
            .to_owned(),
    );
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
                self.promote(table, place, &repository, &tags[..self.size.unit])?;
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

    /// Promotes a chart together with the images that it runs, and has real cosign verify everything where it went.
    fn promote(
        &self,
        table: &mut Table,
        place: usize,
        images: &str,
        unit: &[(String, String)],
    ) -> Result<()> {
        let chart = self.lab.folder().join(UNIT);
        fs::create_dir_all(chart.join("templates"))?;
        fs::write(chart.join("Chart.yaml"), format!("apiVersion: v2\nname: {UNIT}\nversion: {VERSION}\n"))?;
        let values: String = unit.iter().map(|(tag, _)| format!("- {images}:{tag}\n")).collect();
        fs::write(chart.join("values.yaml"), format!("images:\n{values}"))?;
        fs::write(chart.join("templates/pods.yaml"), PODS)?;
        self.lab.run(&self.peers.wharf, &["helm", "package", UNIT])?;
        let archive = format!("{UNIT}-{VERSION}.tgz");
        let charts = format!("oci://{images}-charts");
        self.lab.run(&self.peers.wharf, &["helm", "push", "--plain-http", &archive, &charts])?;
        let source = format!("{images}-charts/{UNIT}");
        let tagged = format!("{source}:{VERSION}");
        let digest = self.lab.run(&self.peers.crane, &["digest", "--insecure", &tagged])?;
        let digest = digest.trim();
        let signed =
            self.cosign(1, "sign", &[format!("{source}@{digest}")]).stderr(Stdio::null()).status()?;
        ensure!(signed.success(), "signing {source}: {signed}");

        let (from, to) = (self.lab.host(0), self.lab.host(1));
        let promoted = |place: &str| place.replacen(&from, &to, 1);
        let command = match place {
            0 => {
                let mut command = self.lab.command(&self.peers.wharf);
                let map = format!("{images}={}", promoted(images));
                command.args(["promote", &tagged, &promoted(&tagged), "--policy", "trust.yaml"]);
                command.args(["--with-images", "--map", &map]);
                command
            }
            _ => self.pipeline(&tagged)?,
        };
        self.measure(table, &format!("promote a chart with {} images", unit.len()), place, command)?;
        let images = unit.iter().map(|(_, digest)| format!("{}@{digest}", promoted(images)));
        for pinned in images.chain([format!("{}@{digest}", promoted(&source))]) {
            self.lab
                .run(&self.peers.cosign, &["verify", "--key", "cosign.pub", PLAIN, UNLOGGED, &pinned])
                .with_context(|| format!("{pinned} after its promotion"))?;
        }
        Ok(())
    }

    /// Returns the pipeline of real tools that promotes a chart and its images: what a careful script does.
    fn pipeline(&self, chart: &str) -> Result<Command> {
        let at_once = std::thread::available_parallelism()?.get();
        let path = |program: &Path| program.display().to_string();
        let Peers { cosign, oras, crane, helm, .. } = &self.peers;
        let (cosign, oras, crane, helm) = (path(cosign), path(oras), path(crane), path(helm));
        let (from, to) = (self.lab.host(0), self.lab.host(1));
        let verify = format!("{cosign} verify --key cosign.pub {PLAIN} {UNLOGGED}");
        let one = format!(
            "set -e; d=$({crane} digest --insecure {from}/$1); r={from}/${{1%:*}}; t={to}/${{1%:*}}; {verify} $r@$d; \
             {oras} cp --no-tty -r --from-plain-http --to-plain-http $r@$d $t; \
             {verify} $t@$d; {crane} tag --insecure $t@$d ${{1##*:}}"
        );
        fs::write(self.lab.folder().join("one.sh"), one)?;
        let name = chart.strip_suffix(&format!(":{VERSION}")).unwrap_or(chart);
        let mut command = self.lab.command(Path::new("bash"));
        command.arg("-c").arg(format!(
            "set -e -o pipefail; {{ {helm} template unit oci://{name} --version {VERSION} --plain-http | \
             sed -n 's/^ *image: //p' | sort -u; echo {chart}; }} | sed 's|^{from}/||' | xargs -P {at_once} -n 1 sh one.sh"
        ));
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
