//! Wharf's own registry, in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tempfile::TempDir;
use wharf_client::{Credential, Registry, RegistryOptions, RemoteRepository, Secret};
use wharf_registry::{App, Config, Server, ServerHandle, bootstrap};
use wharf_storage::{DiskStore, SqliteCatalog, SqliteOptions};

/// A registry with the project `shop`, in a folder of its own; both go when it is dropped.
pub struct LocalRegistry {
    server: ServerHandle,
    credential: Credential,
    _folder: TempDir,
}

impl LocalRegistry {
    /// Starts a registry.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        Self::with(true).await
    }

    /// Starts a registry that leaves referrers to fallback tags.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn without_referrers() -> Self {
        Self::with(false).await
    }

    async fn with(referrers_api: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = Config { listen, referrers_api, ..Config::with_data(folder.path()) };
        let blobs = Arc::new(DiskStore::open(&config.data).unwrap());
        let catalog = SqliteOptions::new(config.data.join("catalog.db"));
        let catalog = Arc::new(SqliteCatalog::open(catalog).unwrap());
        let app = App::new(catalog.clone(), blobs, config).await.unwrap();
        let server = Server::bind(app).await.unwrap();
        let password = bootstrap(&*catalog, None, |_| Ok(())).await.unwrap().unwrap();
        let password = Secret::new(password.as_str());
        let credential = Credential::Basic { username: "admin".to_owned(), password };
        let this = Self { server: server.start(), credential, _folder: folder };
        let project = serde_json::json!({ "project_name": "shop", "public": true });
        let made =
            this.registry().api(http::Method::POST, "api/v2.0/projects", Some(&project)).await.unwrap();
        assert_eq!(made.status, 201);
        this
    }

    /// Returns `HOST:PORT`.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// Returns how its administrator speaks to it.
    pub fn options(&self) -> RegistryOptions {
        RegistryOptions { credential: self.credential.clone(), ..RegistryOptions::default() }
    }

    /// Returns it as its administrator sees it.
    ///
    /// # Panics
    /// Never: the host is sound.
    pub fn registry(&self) -> Registry {
        Registry::new(&self.host(), self.options()).unwrap()
    }

    /// Returns a repository, such as `shop/web`.
    ///
    /// # Panics
    /// When the name is none.
    pub fn repository(&self, name: &str) -> RemoteRepository {
        self.registry().repository(name.parse().unwrap())
    }
}
