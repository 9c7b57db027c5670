//! The management API of a registry, as the commands speak to it.

mod table;
mod values;

use anyhow::Context;
use reqwest::Method;
use serde_json::Value;
use wharf_client::{ApiAnswer, Credential, Registry, Secret};
use wharf_content::{Error, ErrorKind};

use crate::cli::Output;
use crate::exit::Usage;
use crate::remote::{self, Connection, Identity};
use crate::terminal;

pub(crate) use table::Table;
pub(crate) use values::{duration, quota, shown, time};

/// The most of a foreign error text that is shown, in characters.
const MAX_TEXT: usize = 500;

/// Which registry to manage, and how to show what it says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// The registry. The login is the one stored by `wharf login`, or WHARF_USERNAME and WHARF_PASSWORD.
    #[arg(long, value_name = "HOST[:PORT]", env = "WHARF_REGISTRY", help_heading = "Connection")]
    registry: Option<String>,

    /// How to show the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,

    #[command(flatten)]
    connection: Connection,
}

/// The management API of one registry.
pub(crate) struct Api {
    registry: Registry,
}

impl Target {
    /// Returns the API of the registry. Nothing is sent yet.
    pub(crate) async fn connect(&self) -> anyhow::Result<Api> {
        let Some(registry) = &self.registry else {
            return Err(
                Usage("say which registry: --registry HOST[:PORT], or WHARF_REGISTRY".to_owned()).into()
            );
        };
        let host = remote::host(registry)?;
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let registry = match (variable("WHARF_USERNAME"), variable("WHARF_PASSWORD")) {
            (Some(username), Some(password)) => {
                let credential = Credential::Basic { username, password: Secret::new(password) };
                self.connection.registry_as(&host, credential)?
            }
            (None, None) => self.connection.registry(&host, &Identity::default()).await?,
            _ => return Err(Usage("WHARF_USERNAME and WHARF_PASSWORD go together".to_owned()).into()),
        };
        Ok(Api { registry })
    }

    /// Shows a result: as it came for programs, by `text` for people.
    pub(crate) fn show(&self, value: &Value, text: impl FnOnce(&Value)) {
        match self.output {
            Output::Json => terminal::line(format_args!("{value:#}")),
            Output::Text => text(value),
        }
    }

    /// Shows that something was done.
    pub(crate) fn done(&self, verb: &str, what: &str) {
        match self.output {
            Output::Json => {
                terminal::line(serde_json::json!({ "result": verb.to_lowercase(), "name": what }))
            }
            Output::Text => terminal::step(verb, what),
        }
    }
}

impl Api {
    /// Returns the API beside the repositories of a registry. Nothing is sent yet.
    pub(crate) const fn of(registry: Registry) -> Self {
        Self { registry }
    }

    /// Asks whether the registry is a Wharf. One that knows no such question is not.
    pub(crate) async fn is_wharf(&self) -> anyhow::Result<bool> {
        match self.get("/systeminfo").await {
            Ok(info) => Ok(info["product"] == "wharf"),
            Err(error) => match error.downcast_ref::<Error>().map(Error::kind) {
                Some(ErrorKind::Network | ErrorKind::Busy) => Err(error),
                _ => Ok(false),
            },
        }
    }

    /// Reads one thing; `path` is below `/api/v2.0`.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Reads a list, all pages of it.
    pub(crate) async fn list(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
        let mut next = Some(address(path, query));
        let mut entries = Vec::new();
        while let Some(path) = next {
            let page;
            (page, next) = self.page(&path).await?;
            entries.extend(page);
        }
        Ok(entries)
    }

    /// Reads one page of a list, and where the next one is.
    pub(crate) async fn page(&self, address: &str) -> anyhow::Result<(Vec<Value>, Option<String>)> {
        let answer = self.answer(Method::GET, address, None).await?;
        let link = answer.headers.get("link").and_then(|link| link.to_str().ok());
        let next = link.and_then(wharf_oci::distribution::next_link);
        let next = next.map(|next| next.trim_start_matches('/').to_owned()).filter(|next| next != address);
        match self.read(&answer)? {
            Value::Array(entries) => Ok((entries, next)),
            other => Err(self.strange(&format!("a list was expected, and this came: {other}"))),
        }
    }

    /// Sends a request and returns the answer's body, or null when it has none.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let answer = self.answer(method, &address(path, &[]), body).await?;
        self.read(&answer)
    }

    async fn answer(&self, method: Method, address: &str, body: Option<&Value>) -> anyhow::Result<ApiAnswer> {
        let answer = self.registry.api(method, address, body).await;
        let answer = answer.with_context(|| format!("cannot ask {}", self.registry.origin()))?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.refusal(&answer).into()) }
    }

    fn read(&self, answer: &ApiAnswer) -> anyhow::Result<Value> {
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).map_err(|_| {
            self.strange("it has no management API under /api/v2.0, or a proxy answered in its place")
        })
    }

    fn strange(&self, what: &str) -> anyhow::Error {
        Error::new(ErrorKind::Peer, format!("{}: {what}", self.registry.origin())).into()
    }

    /// Returns the error for an answer that is none of success.
    fn refusal(&self, answer: &ApiAnswer) -> Error {
        let kind = match answer.status.as_u16() {
            400 | 413 | 415 => ErrorKind::Usage,
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Denied,
            404 => ErrorKind::NotFound,
            429 | 503 => ErrorKind::Busy,
            _ => ErrorKind::Peer,
        };
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let message = body["errors"][0]["message"].as_str().unwrap_or_default();
        let message: String = message.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
        let origin = self.registry.origin();
        let text = if message.is_empty() {
            format!("{origin} answered {}", answer.status)
        } else {
            format!("{origin}: {message}")
        };
        Error::new(kind, text)
    }
}

/// Returns the address of a path below `/api/v2.0` with a query, relative to the host.
pub(crate) fn address(path: &str, query: &[(&str, &str)]) -> String {
    let mut address = format!("api/v2.0{path}");
    for (at, (name, value)) in query.iter().enumerate() {
        address.push(if at == 0 { '?' } else { '&' });
        address.push_str(&format!("{name}={}", encoded(value)));
    }
    address
}

/// Returns a text as one part of a path or query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Returns the path of a repository, `PROJECT/PATH`, its inner slashes encoded twice as Harbor's API has it.
pub(crate) fn repository_path(name: &str) -> anyhow::Result<String> {
    match name.split_once('/') {
        Some((project, path)) if !project.is_empty() && !path.is_empty() => {
            Ok(format!("/projects/{}/repositories/{}", encoded(project), encoded(&encoded(path))))
        }
        _ => Err(Usage(format!("{name:?} is not PROJECT/REPOSITORY")).into()),
    }
}

/// Returns a field as text; empty when it is absent.
pub(crate) fn text(value: &Value, field: &str) -> String {
    match &value[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn repositories_are_named_as_harbors_api_has_it() {
        assert_eq!(repository_path("shop/a/b").unwrap(), "/projects/shop/repositories/a%252Fb");
        assert!(repository_path("shop").is_err());
        assert_eq!(address("/users", &[("q", "username=a b")]), "api/v2.0/users?q=username%3Da%20b");
    }
}
