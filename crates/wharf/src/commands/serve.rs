//! `wharf serve`: runs the registry.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use wharf_registry::config::Effective;
use wharf_registry::{App, Server, bootstrap};

use super::data;
use crate::exit::{Status, Usage};
use crate::log_filter::log_filter;
use crate::terminal;
use crate::waiting::block_on;

/// The password of the first administrator, for automation.
const ADMIN_PASSWORD: &str = "WHARF_ADMIN_PASSWORD";

/// Run the registry.
///
/// Without arguments it listens on 127.0.0.1:5000 and keeps its data under the XDG data folder. The first start makes the
/// administrator "admin" and shows the password once.
///
/// Each setting is taken from its flag, else its WHARF_* variable, else the configuration file, else its default;
/// --print-config lists them all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wharf serve
  wharf serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --data /srv/wharf
  WHARF_GC_UNTAGGED=true wharf serve --config wharf.toml --print-config")]
pub(crate) struct Serve {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Folder that holds everything: blobs and catalog
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "WHARF_CONFIG")]
    config: Option<PathBuf>,
    /// PEM file with the certificate chain; read again when it changes
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// PEM file with the private key of the certificate
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Show every setting with its value and where it comes from, and end
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    pub(crate) fn run(self) -> Result<Status> {
        let print_config = self.print_config;
        let effective = self.effective()?;
        if print_config {
            show(&effective);
            return Ok(Status::Done);
        }
        start_logging();
        block_on(serve(effective))?;
        Ok(Status::Done)
    }

    fn effective(self) -> Result<Effective> {
        let flags: Vec<(&str, String)> = [
            ("--listen", self.listen),
            ("--data", self.data),
            ("--tls-cert", self.tls_cert),
            ("--tls-key", self.tls_key),
        ]
        .into_iter()
        .filter_map(|(flag, value)| Some((flag, value?)))
        .collect();
        let folder = data::default_folder().unwrap_or_default();
        let variable = |name: &str| std::env::var(name).ok();
        let effective =
            Effective::load(&folder, self.config.as_deref(), variable, &flags).map_err(|error| {
                if error.is_flag() { Usage(error.to_string()).into() } else { anyhow::Error::from(error) }
            })?;
        if effective.config.data == Path::new("") {
            anyhow::bail!("there is no home folder to keep data in; name a folder with --data");
        }
        Ok(effective)
    }
}

async fn serve(effective: Effective) -> Result<()> {
    let config = effective.config;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (catalog, blobs) = data::open(&config.data)?;
    let password = std::env::var(ADMIN_PASSWORD).ok().filter(|password| !password.is_empty());
    let folder = config.data.display().to_string();
    let scheme = if config.tls_certificate.is_some() { "https" } else { "http" };
    let app = App::new(catalog.clone(), blobs, config).await?;
    // The address comes first: a start that fails must not have shown a secret that nobody wrote down.
    let server = Server::bind(app).await?;
    let started = format!("wharf serves {scheme}://{} from {folder}", server.address());
    let show = |secret: &str| {
        let mut out = anstream::stdout().lock();
        writeln!(
            out,
            "{started}\n\nThis is the first start. The administrator is \"admin\" with the password\n\n    {secret}\n\n\
             It is shown this once; only its hash is stored.\n"
        )?;
        out.flush()
    };
    let shown = bootstrap(&*catalog, password.as_deref(), show).await?;
    let handle = server.start();
    if shown.is_none() {
        terminal::line(started);
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: finishing what is in flight");
    handle.shutdown().await;
    Ok(())
}

fn show(effective: &Effective) {
    for (setting, value, source) in effective.rows() {
        let value = toml::Value::String(value);
        anstream::println!("{} = {value}  # {source} ({})", setting.key, setting.variable);
    }
}

/// Logs go to standard error: lines for people, or JSON where `WHARF_LOG_FORMAT=json`; `WHARF_LOG` filters them.
fn start_logging() {
    let filtered = tracing_subscriber::registry().with(log_filter(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if std::env::var("WHARF_LOG_FORMAT").is_ok_and(|format| format == "json") {
        filtered.with(lines.json()).init();
    } else {
        filtered.with(lines.with_target(false)).init();
    }
}
