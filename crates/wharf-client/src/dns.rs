//! The name service, as far as servers may choose what is looked up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use crate::origin::{is_link_local, is_private_address};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Looks hosts up, and refuses private addresses for hosts that a public registry names: a realm or a redirect to
/// `x.example` is as good as one to `127.0.0.1` where the name says so.
///
/// A registry that is itself on a private network may name others there. Link-local addresses, where clouds keep their
/// metadata, are nobody's to name.
pub(crate) struct Resolver(Arc<Own>);

/// The hosts that were configured rather than named by a server.
struct Own {
    registry: String,
    proxies: Vec<String>,
}

impl Resolver {
    pub(crate) fn new(host: &str) -> Self {
        let registry = host_of(&format!("http://{host}/")).unwrap_or_else(|| host.to_owned());
        let variables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].into_iter();
        let variables = variables.flat_map(|name| [name.to_owned(), name.to_ascii_lowercase()]);
        let proxies = variables
            .filter_map(|name| std::env::var(name).ok())
            .filter_map(|proxy| host_of(&proxy).or_else(|| host_of(&format!("http://{proxy}"))))
            .collect();
        Self(Arc::new(Own { registry, proxies }))
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let own = Arc::clone(&self.0);
        Box::pin(async move {
            let found = lookup(name.as_str()).await?;
            let is_own =
                own.registry == name.as_str() || own.proxies.iter().any(|proxy| proxy == name.as_str());
            let allowed = if is_own { found } else { own.allowed(name.as_str(), found).await? };
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

impl Own {
    /// Returns the addresses that a host which a server has named may have.
    async fn allowed(&self, name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, BoxError> {
        if !found.iter().any(|address| is_private_address(address.ip())) {
            return Ok(found);
        }
        let is_near = match self.registry.parse::<IpAddr>() {
            Ok(address) => is_private_address(address),
            Err(_) => lookup(&self.registry).await?.iter().any(|address| is_private_address(address.ip())),
        };
        let refused = |address: &SocketAddr| match is_near {
            true => is_link_local(address.ip()),
            false => is_private_address(address.ip()),
        };
        match found.iter().find(|address| refused(address)) {
            None => Ok(found),
            Some(private) => Err(format!(
                "{name}, which {} names, has the private address {}: refused",
                self.registry,
                private.ip()
            )
            .into()),
        }
    }
}

async fn lookup(name: &str) -> Result<Vec<SocketAddr>, BoxError> {
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
}

fn host_of(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.host_str()?.trim_matches(['[', ']']).to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    fn own(registry: &str) -> Own {
        Own { registry: registry.to_owned(), proxies: Vec::new() }
    }

    /// A redirect or realm whose name has a private address passes a check of the URL's text.
    #[tokio::test]
    async fn a_public_registry_cannot_name_a_host_with_a_private_address() {
        let registry = own("93.184.216.34");
        for private in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"] {
            let error = registry.allowed("x.example", addresses(&["8.8.8.8", private])).await.unwrap_err();
            assert!(error.to_string().contains("x.example, which 93.184.216.34 names"), "{error}");
        }
        assert_eq!(registry.allowed("x.example", addresses(&["8.8.8.8"])).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_private_registry_can_name_its_neighbours_but_no_metadata_service() {
        let registry = own("10.0.0.1");
        assert!(registry.allowed("auth.corp", addresses(&["10.0.0.2"])).await.is_ok());
        assert!(registry.allowed("auth.corp", addresses(&["169.254.169.254"])).await.is_err());
        assert!(own("localhost").allowed("auth.corp", addresses(&["127.0.0.1"])).await.is_ok());
    }
}
