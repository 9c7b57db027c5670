//! `wharf logout`

use wharf_client::Stored;

use crate::exit::Status;
use crate::remote;
use crate::terminal::{self, NAME, styled};

/// Forget the login for a registry.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  wharf logout registry.example.com")]
pub(crate) struct Args {
    /// The registry.
    #[arg(value_name = "HOST[:PORT]")]
    host: String,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let host = remote::host(&args.host)?;
    let store = remote::credential_store();
    let removed = store.remove(&host).await?;
    if removed.is_empty() {
        terminal::line(format_args!("Not logged in to {}", styled(NAME, &host)));
    }
    for place in removed {
        let place = match place {
            Stored::Helper(name) => format!("credential helper {name}"),
            Stored::File(path) => path.display().to_string(),
        };
        terminal::line(format_args!("Removed the login for {} from {place}", styled(NAME, &host)));
    }
    if let Some(found) = store.find(&host).await? {
        terminal::warning(format_args!(
            "a login for {host} is still in {}, which Wharf only reads",
            found.origin
        ));
    }
    Ok(Status::Done)
}
