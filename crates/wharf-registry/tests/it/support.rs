//! A registry on a free loopback port with a folder of its own, and what tests send to it.

use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use wharf_access::Caller;
use wharf_oci::{Algorithm, Digest, media_type};
use wharf_registry::{App, Config, Server, ServerHandle, bootstrap};
use wharf_storage::catalog::{Accounts as _, Management as _, NewProject, NewUser};
use wharf_storage::{DiskStore, SqliteCatalog, SqliteOptions};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A running registry with the private project `shop` and the public project `open`.
pub(crate) struct Registry {
    pub(crate) folder: TempDir,
    pub(crate) catalog: Arc<SqliteCatalog>,
    pub(crate) handle: Option<ServerHandle>,
    client: Client,
    config: Config,
}

impl Registry {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::with_data(folder.path().join("data"));
        config.listen = "127.0.0.1:0".parse().unwrap();
        change(&mut config);
        let (catalog, handle) = open(&config).await;
        bootstrap(&*catalog, Some(PASSWORD), |_| Ok(())).await.unwrap();
        for (name, public) in [("shop", false), ("open", true)] {
            let project = NewProject { name: name.to_owned(), public, ..NewProject::default() };
            catalog.create_project(&Caller::system(), project, false).await.unwrap();
        }
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { folder, catalog, handle: Some(handle), client, config }
    }

    /// Ends the server and starts another on the same folder.
    pub(crate) async fn restart(mut self) -> Self {
        self.handle.take().unwrap().shutdown().await;
        let Self { folder, catalog, client, config, .. } = self;
        drop(catalog);
        let (catalog, handle) = open(&config).await;
        Self { folder, catalog, handle: Some(handle), client, config }
    }

    /// Makes a user who is in no project, with [`PASSWORD`].
    pub(crate) async fn create_user(&self, name: &str) {
        let admin = self.catalog.user_credential("admin").await.unwrap().unwrap();
        let user =
            NewUser { name: name.to_owned(), password_hash: admin.password_hash, ..NewUser::default() };
        self.catalog.create_user(&Caller::system(), user).await.unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.handle.as_ref().unwrap().address())
    }

    /// A request by the administrator.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.request_by("admin", method, path)
    }

    pub(crate) fn request_by(&self, user: &str, method: &str, path: &str) -> RequestBuilder {
        self.anonymous(method, path).basic_auth(user, Some(PASSWORD))
    }

    pub(crate) fn anonymous(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), self.url(path))
    }

    /// Returns a token that the service gives to whoever has no account.
    pub(crate) async fn anonymous_token(&self, scope: &str) -> String {
        let path = format!("/service/token?service=wharf&scope={scope}");
        let answer = self.anonymous("GET", &path).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().await.unwrap()
    }

    pub(crate) async fn head(&self, path: &str) -> Response {
        self.request("HEAD", path).send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.request("DELETE", path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str) -> Response {
        self.request("POST", path).send().await.unwrap()
    }

    /// Begins an upload and returns its location.
    pub(crate) async fn begin_upload(&self, repository: &str) -> String {
        let response = self.post(&format!("/v2/{repository}/blobs/uploads/")).await;
        assert_eq!(response.status(), 202);
        header(&response, "location")
    }

    /// Pushes a blob in one request.
    pub(crate) async fn push_blob(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = Algorithm::Sha256.digest(content);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let response = self.request("POST", &path).body(content.to_vec()).send().await.unwrap();
        assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
        digest
    }

    pub(crate) async fn put_manifest(&self, repository: &str, reference: &str, manifest: &Value) -> Response {
        let content = serde_json::to_vec(manifest).unwrap();
        self.request("PUT", &format!("/v2/{repository}/manifests/{reference}"))
            .header("content-type", manifest["mediaType"].as_str().unwrap())
            .body(content)
            .send()
            .await
            .unwrap()
    }

    /// Pushes an image whose only layer is `layer`, under a tag; returns the digest of its manifest.
    pub(crate) async fn push_image(&self, repository: &str, tag: &str, layer: &[u8]) -> Digest {
        let manifest = self.image(repository, layer).await;
        let response = self.put_manifest(repository, tag, &manifest).await;
        assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
        digest_of(&manifest)
    }

    /// Pushes config and layer; returns the manifest that refers to them.
    pub(crate) async fn image(&self, repository: &str, layer: &[u8]) -> Value {
        let config = self.push_blob(repository, b"{}").await;
        let digest = self.push_blob(repository, layer).await;
        image(&config, 2, &digest, layer.len())
    }
}

async fn open(config: &Config) -> (Arc<SqliteCatalog>, ServerHandle) {
    let blobs = Arc::new(DiskStore::open(&config.data).unwrap());
    let catalog = Arc::new(SqliteCatalog::open(SqliteOptions::new(config.data.join("catalog.db"))).unwrap());
    let app = App::new(catalog.clone(), blobs, config.clone()).await.unwrap();
    (catalog, Server::bind(app).await.unwrap().start())
}

pub(crate) fn image(config: &Digest, config_size: usize, layer: &Digest, layer_size: usize) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": media_type::OCI_CONFIG, "digest": config, "size": config_size },
        "layers": [
            { "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": layer_size }
        ]
    })
}

pub(crate) fn digest_of(manifest: &Value) -> Digest {
    Algorithm::Sha256.digest(&serde_json::to_vec(manifest).unwrap())
}

pub(crate) fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.unwrap_or_else(|| panic!("no {name} in {response:?}")).to_str().unwrap().to_owned()
}

/// Returns the error code of an answer, after checking its form.
pub(crate) async fn code(response: Response) -> String {
    assert_eq!(header(&response, "content-type"), "application/json");
    let body: Value = response.json().await.unwrap();
    body["errors"][0]["code"].as_str().unwrap().to_owned()
}

/// Returns `length` bytes that do not repeat soon.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()
    })
    .flatten()
    .take(length)
    .collect()
}
