//! `wharf demo`

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use wharf_client::{Credential, Registry, RegistryOptions, Secret};
use wharf_content::{CopyOptions, DEFAULT_MAX_MANIFEST_BYTES, LayoutTarget, NoProgress, ReadTarget, copy};
use wharf_oci::{Reference, Tag};
use wharf_registry::{App, Config, Server, ServerHandle, bootstrap};
use wharf_trust::{KeyAlgorithm, PrivateKey};

use super::data;
use super::publish::created;
use crate::exit::{Status, Usage};
use crate::place::Place;
use crate::promote::{self, Judge, Promotion};
use crate::publish::{
    Destination, Outcome, Plan, PlanOptions, PushOptions, Refused, create_project, publish,
};
use crate::remote::Connection;
use crate::sigstore::Signer;
use crate::terminal::{self, FAINT, HEADING, NAME, styled};

/// Where the example chart lies in the source tree.
const EXAMPLE: &str = "examples/storefront";
const CHANNEL: &str = "stable";
/// What the second registry demands.
const POLICY: &str = "\
version: 1
default: deny
signers: { release: { key: { file: release.pub } } }
rules: [ { name: production, match: { repositories: ['**'] }, signatures: { of: [release] } } ]
";

/// Show the main job of Wharf on a real chart.
///
/// Starts a registry of its own on a free loopback port, with its data in a temporary folder; publishes a chart there;
/// tries to publish other content under the same version, which is refused; moves a channel; pulls the chart back by
/// digest and compares every byte; signs it, and promotes it to a second registry by a policy. Everything is removed at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  wharf demo\n  wharf demo --chart ./my-chart\n  wharf demo --stay")]
pub(crate) struct Args {
    /// The chart to show it with, a folder; by default the example of Wharf's source tree.
    #[arg(long, value_name = "DIR")]
    chart: Option<PathBuf>,

    /// Keep the registry running at the end, until Ctrl-C.
    #[arg(long)]
    stay: bool,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let chart = match args.chart {
        Some(chart) => chart,
        None => example()?,
    };
    let started = Instant::now();
    let plan = Plan::from_path(&chart, &PlanOptions::default())?;
    let work = tempfile::tempdir().context("cannot make a temporary folder")?;
    terminal::line(styled(HEADING, "Wharf, from a chart to a verified copy of it"));

    let (server, credential) = start(&work.path().join("registry")).await?;
    let (production, login) = start(&work.path().join("production")).await?;
    let production =
        Production { host: production.address().to_string(), credential: login, server: production };
    let demo = Demo { chart, plan, host: server.address().to_string(), credential, work: work.path() };
    let mut result = demo.show().await;
    if result.is_ok() {
        result = demo.promote(&production).await;
    }
    if result.is_ok() {
        terminal::line(format_args!(
            "\n{} {}",
            styled(HEADING, "All of it is true."),
            styled(FAINT, format_args!("({} ms)", started.elapsed().as_millis()))
        ));
        if args.stay {
            demo.wait().await?;
        }
    }
    server.shutdown().await;
    production.server.shutdown().await;
    if result.is_ok() && !args.stay {
        demo.farewell();
    }
    result.map(|()| Status::Done)
}

/// Finds the example chart: below the current folder, or in the tree that this program was built from.
fn example() -> anyhow::Result<PathBuf> {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(|root| root.join(EXAMPLE));
    std::iter::once(PathBuf::from(EXAMPLE))
        .chain(built_from)
        .find(|folder| folder.join("Chart.yaml").is_file())
        .ok_or_else(|| Usage(format!("{EXAMPLE} is not here: name a chart with --chart DIR")).into())
}

/// Starts a registry whose administrator only this process knows.
async fn start(folder: &Path) -> anyhow::Result<(ServerHandle, Credential)> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (catalog, blobs) = data::open(folder)?;
    let config = Config { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), ..Config::with_data(folder) };
    let app = App::new(catalog.clone(), blobs, config).await?;
    let server = Server::bind(app).await?;
    let password = bootstrap(&*catalog, None, |_| Ok(())).await?;
    let password = password.context("the new registry has an administrator already")?;
    let credential =
        Credential::Basic { username: "admin".to_owned(), password: Secret::new(password.as_str()) };
    Ok((server.start(), credential))
}

struct Demo<'a> {
    chart: PathBuf,
    plan: Plan,
    host: String,
    credential: Credential,
    work: &'a Path,
}

/// The second registry: what is promoted goes there.
struct Production {
    host: String,
    credential: Credential,
    server: ServerHandle,
}

impl Demo<'_> {
    /// Promotes to the second registry: refused as long as nobody signed, then signed, then promoted.
    async fn promote(&self, production: &Production) -> anyhow::Result<()> {
        terminal::step("Started", format_args!("a second registry at http://{}", production.host));
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        fs::write(self.work.join("release.pub"), key.public().to_pem()).context("cannot write the key")?;
        let policy = self.work.join("policy.yaml");
        fs::write(&policy, POLICY).context("cannot write the policy")?;
        let login = production.credential.clone();
        let registry = Registry::new(
            &production.host,
            RegistryOptions { credential: login.clone(), ..RegistryOptions::default() },
        )?;
        create_project(&registry, self.project()).await?;

        let source: Place = format!("{}/{}:{}", self.place(), self.name(), self.plan.tag).parse()?;
        let destination: Place = format!("{}/{}/{}", production.host, self.project(), self.name()).parse()?;
        let promotion = Promotion {
            judge: Some(Judge::read(&policy, None, &source, &destination)?),
            source,
            destination,
            signer: None,
            channels: vec![CHANNEL.parse()?],
            force: false,
            dry_run: false,
            at: created()?,
            images: None,
            step: promote::Step::Carry,
        };
        let connection = Connection {
            logins: vec![(self.host.clone(), self.credential.clone()), (production.host.clone(), login)],
            ..Connection::default()
        };
        let refused = promotion.run(&connection).await?;
        ensure!(refused.outcome == promote::Outcome::Refused, "a chart that nobody signed was promoted");
        terminal::step_noted(
            "Refused",
            format_args!("to promote what nobody signed (exit status {})", Status::Signature as u8),
        );

        let signer = Signer::by_key(Box::new(key));
        let options = PushOptions {
            force: false,
            dry_run: false,
            channels: Vec::new(),
            progress: Arc::new(NoProgress),
            signer: Some(Arc::new(signer)),
            at: created()?,
        };
        let signed = publish(&self.plan, &self.registry()?, &self.destination()?, &options).await?;
        let signature = signed.signature.context("the chart was not signed")?;
        terminal::step("Signed", "the chart, with a key made for this demo");
        terminal::more(&signature.digest);

        let report = promotion.run(&connection).await?;
        ensure!(report.outcome == promote::Outcome::Promoted, "a signed chart was not promoted");
        terminal::step("Promoted", format_args!("to {}", styled(NAME, &report.destination)));
        terminal::more("with its signature, verified there reading nothing else; the channel moved last");
        Ok(())
    }

    async fn show(&self) -> anyhow::Result<()> {
        terminal::line("");
        terminal::step("Started", format_args!("a registry at http://{}", self.host));

        let plan = &self.plan;
        let copied = self.work.join(&plan.metadata.name);
        copy_folder(&self.chart, &copied)?;
        let again = Plan::from_path(&copied, &PlanOptions::default())?;
        ensure!(
            again.manifest == plan.manifest,
            "a copy of the chart has the digest {}, the chart itself {}",
            again.manifest.digest,
            plan.manifest.digest
        );
        let report = self.publish(plan, &[]).await?;
        ensure!(report.outcome == Outcome::Published, "the chart was there before it was published");
        report.print();
        terminal::more("a copy of the folder, with other file times, packs to the same digest");

        let report = self.publish(&again, &[]).await?;
        ensure!(report.outcome == Outcome::AlreadyThere, "the same chart was sent twice");
        terminal::step("Repeated", "the same chart again: it is there, nothing is sent");

        self.refuse(&copied).await?;

        let channel: Tag = CHANNEL.parse()?;
        let report = self.publish(plan, std::slice::from_ref(&channel)).await?;
        ensure!(report.channels.iter().any(|channel| channel.moved), "channel {CHANNEL} did not move");
        terminal::step(
            "Moved",
            format_args!("channel {} to {}", styled(NAME, CHANNEL), plan.metadata.version),
        );

        self.pull_back(channel).await
    }

    async fn publish(&self, plan: &Plan, channels: &[Tag]) -> anyhow::Result<crate::publish::Report> {
        let options = PushOptions {
            force: false,
            dry_run: false,
            channels: channels.to_vec(),
            progress: Arc::new(NoProgress),
            signer: None,
            at: created()?,
        };
        publish(plan, &self.registry()?, &self.destination()?, &options).await
    }

    /// Tries to publish other content under the version that is taken.
    async fn refuse(&self, chart: &Path) -> anyhow::Result<()> {
        let path = chart.join("values.yaml");
        let mut values = fs::read_to_string(&path).unwrap_or_default();
        values.push_str("\n# Somebody changed this without raising the version.\n");
        fs::write(&path, values).with_context(|| format!("cannot write {}", path.display()))?;
        let changed = Plan::from_path(chart, &PlanOptions::default())?;
        let Err(error) = self.publish(&changed, &[]).await else {
            anyhow::bail!("other content was accepted under version {}", changed.metadata.version);
        };
        let Some(Refused { report }) = error.downcast_ref() else { return Err(error) };
        terminal::step_noted(
            "Refused",
            format_args!(
                "other content under version {} (exit status {})",
                report.version,
                Status::Differs as u8
            ),
        );
        for line in report.differences.iter().flat_map(|differences| differences.lines()) {
            terminal::more(line);
        }
        Ok(())
    }

    /// Pulls what the channel points at, by its digest, and compares it with what was published.
    async fn pull_back(&self, channel: Tag) -> anyhow::Result<()> {
        let plan = &self.plan;
        let repository = format!("{}/{}", self.project(), plan.metadata.name).parse()?;
        let repository = self.registry()?.repository(repository);
        let digest = repository.resolve(&Reference::Tag(channel)).await?.digest;
        let reference = Reference::Digest(digest.clone());
        let layout = LayoutTarget::create(self.work.join("pulled")).await?;
        copy(&repository, &reference, &layout, &CopyOptions::default()).await?;

        let manifest = layout.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await?;
        ensure!(manifest == plan.manifest, "the manifest came back with other bytes");
        for piece in plan.pieces() {
            let path = layout.blob_path(&piece.descriptor.digest)?;
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            ensure!(bytes == piece.bytes, "blob {} came back with other bytes", piece.descriptor.digest);
        }
        terminal::step(
            "Pulled",
            format_args!(
                "{} by digest",
                styled(NAME, format_args!("{}/{}", self.place(), plan.metadata.name))
            ),
        );
        terminal::more(&digest);
        terminal::step(
            "Compared",
            format_args!(
                "manifest, config and archive: identical, byte for byte ({})",
                terminal::size(plan.chart.descriptor.size)
            ),
        );
        Ok(())
    }

    /// Keeps the registry running, and tells how to look around in it.
    async fn wait(&self) -> anyhow::Result<()> {
        let password = match &self.credential {
            Credential::Basic { password, .. } => password.expose(),
            _ => "",
        };
        terminal::line("\nThe registry runs on until Ctrl-C. Look around in another terminal:\n");
        self.command(format_args!("wharf login {} -u admin --password-stdin <<< '{password}'", self.host));
        self.command(format_args!("helm show chart oci://{}/{} --plain-http", self.place(), self.name()));
        self.command(format_args!("curl -u 'admin:{password}' http://{}/api/v2.0/audit-logs", self.host));
        tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
    }

    fn farewell(&self) {
        terminal::line("\nThe registry of this demo is gone. To go on with one of your own:\n");
        self.command("wharf serve");
        self.command("wharf login localhost:5000 -u admin");
        self.command(format_args!(
            "wharf publish {} oci://localhost:5000/{} --channel {CHANNEL}",
            self.chart.display(),
            self.project()
        ));
        self.command(format_args!(
            "helm pull oci://localhost:5000/{}/{} --plain-http",
            self.project(),
            self.name()
        ));
    }

    fn command(&self, command: impl std::fmt::Display) {
        terminal::line(format_args!("  {}", styled(NAME, command)));
    }

    fn registry(&self) -> anyhow::Result<Registry> {
        let options = RegistryOptions { credential: self.credential.clone(), ..RegistryOptions::default() };
        Ok(Registry::new(&self.host, options)?)
    }

    fn name(&self) -> &str {
        &self.plan.metadata.name
    }

    fn project(&self) -> &'static str {
        "shop"
    }

    fn place(&self) -> String {
        format!("{}/{}", self.host, self.project())
    }

    fn destination(&self) -> anyhow::Result<Destination> {
        Destination::parse(&format!("oci://{}", self.place()))
    }
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if fs::metadata(entry.path())?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}
