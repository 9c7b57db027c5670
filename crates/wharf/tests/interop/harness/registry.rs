//! A `wharf serve` of its own for one test, with a public and a private project.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The administrator.
pub(crate) const USER: &str = "admin";
/// The administrator's secret; the server lives on loopback for one test.
pub(crate) const PASSWORD: &str = "Interop-12345";

const START_LIMIT: Duration = Duration::from_secs(30);

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
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        // Another build than this test's can be tried, an optimised one for instance.
        let program = std::env::var_os("WHARF_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_wharf").into());
        let log = File::create(folder.path().join("server.log")).unwrap();
        let mut command = Command::new(program);
        command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(folder.path().join("data"));
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
        let child =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut registry = Self { child, folder, address, transport };
        registry.wait_until_it_listens();
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

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "wharf serve ended with {ended:?}:\n{}", self.log());
            assert!(Instant::now() < deadline, "wharf serve does not listen:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
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
