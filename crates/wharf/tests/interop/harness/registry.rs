//! A `wharf serve` of its own for one test, with a public and a private project.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command};

use tempfile::TempDir;

/// The administrator.
pub(crate) const USER: &str = "admin";
/// The administrator's secret; the server lives on loopback for one test.
pub(crate) const PASSWORD: &str = "Interop-12345";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Tls,
}

/// A running server with the projects `open` (public) and `closed` (private); dropped, it is killed.
pub(crate) struct Registry {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
    transport: Transport,
}

impl Registry {
    pub(crate) fn start(transport: Transport) -> Self {
        Self::start_with(transport, &[])
    }

    /// The same, with variables set for the server.
    pub(crate) fn start_with(transport: Transport, settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        // Another build than this test's can be tried, an optimised one for instance.
        let program = std::env::var_os("WHARF_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_wharf").into());
        let mut command = Command::new(program);
        command.args(["serve", "--data"]).arg(folder.path().join("data"));
        if transport == Transport::Tls {
            let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
            let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            fs::write(&certificate, made.cert.pem()).unwrap();
            fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            command.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
        }
        command.env("WHARF_ADMIN_PASSWORD", PASSWORD).env("HOME", folder.path());
        command.envs(settings.iter().copied());
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let (child, address) = wharf_testkit::serve(&mut command, listen, &folder.path().join("server.log"));
        let registry = Self { child, folder, address, transport };
        registry.create_project("open", true);
        registry.create_project("closed", false);
        registry
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }

    /// The certificate that signs the server's, which clients must be told to trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    /// Deletes by the API, for clients that have no command for it.
    pub(crate) fn delete(&self, repository: &str, reference: &str) {
        let status =
            self.request(reqwest::Method::DELETE, &format!("/v2/{repository}/manifests/{reference}"), None);
        assert_eq!(status, 202, "deleting {repository} {reference}");
    }

    /// Asks for the digest of a manifest, for clients that do not print it in a form made for reading by programs.
    pub(crate) fn digest(&self, repository: &str, reference: &str) -> String {
        let answer =
            self.send(reqwest::Method::HEAD, &format!("/v2/{repository}/manifests/{reference}"), None);
        answer.headers()["docker-content-digest"].to_str().unwrap().to_owned()
    }

    fn create_project(&self, name: &str, public: bool) {
        let body = serde_json::json!({"project_name": name, "metadata": {"public": public.to_string()}});
        let status = self.request(reqwest::Method::POST, "/api/v2.0/projects", Some(body));
        assert_eq!(status, 201, "creating the project {name}");
    }

    fn request(&self, method: reqwest::Method, path: &str, body: Option<serde_json::Value>) -> u16 {
        self.send(method, path, body).status().as_u16()
    }

    /// Sends one request as the administrator.
    fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> reqwest::Response {
        let scheme = if self.transport == Transport::Tls { "https" } else { "http" };
        let url = format!("{scheme}://{}{path}", self.address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let trusted =
                fs::read(self.authority()).ok().and_then(|pem| reqwest::Certificate::from_pem(&pem).ok());
            let client = reqwest::Client::builder().tls_certs_only(trusted).build().unwrap();
            // Charts' manifests are asked for by their media type.
            let accept = "application/vnd.oci.image.manifest.v1+json, */*";
            let mut request =
                client.request(method, url).header("accept", accept).basic_auth(USER, Some(PASSWORD));
            if let Some(body) = body {
                request = request.json(&body);
            }
            request.send().await.unwrap()
        })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Both fail only when the server is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("the server wrote:\n{}", self.log());
        }
    }
}
