use wharf_template::{FuncError, Value};

/// What functions need from outside: the clock, randomness, zones, and a cluster to look things up in.
///
/// Everything else in this crate depends on arguments alone, so a render with fixed surroundings gives the same
/// bytes every time.
pub trait Surroundings {
    /// Returns the time since 1970 in nanoseconds.
    fn now_nanoseconds(&self) -> i128;

    /// Fills a buffer with random bytes fit for keys.
    fn fill_random(&self, buffer: &mut [u8]);

    /// Returns the offset from UTC in seconds and the abbreviation of a zone (`Local`, `Europe/Berlin`) at a time
    /// given in seconds since 1970; nothing if the zone is unknown.
    fn zone(&self, name: &str, unix_seconds: i64) -> Option<(i32, String)> {
        let _ = unix_seconds;
        matches!(name, "UTC" | "Local" | "").then(|| (0, "UTC".to_owned()))
    }

    /// Looks an object up in the cluster; an empty map if there is none or no cluster.
    ///
    /// # Errors
    /// Fails when the cluster cannot be asked.
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Value, FuncError> {
        let _ = (api_version, kind, namespace, name);
        Ok(Value::Map(wharf_template::Map::of::<&str>([])))
    }

    /// Returns an address of a host; empty unless look-ups are allowed.
    fn host_address(&self, name: &str) -> String {
        let _ = name;
        String::new()
    }

    /// Makes keys and certificates; without it those functions fail and say so.
    fn keys(&self) -> Option<&dyn Keys> {
        None
    }
}

/// A certificate and its key, both as PEM text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate.
    pub cert: String,
    /// The private key.
    pub key: String,
}

/// What a certificate is made for.
#[derive(Debug, Clone, Default)]
pub struct CertificateRequest {
    /// The common name.
    pub common_name: String,
    /// Addresses, already checked.
    pub ips: Vec<std::net::IpAddr>,
    /// DNS names.
    pub dns_names: Vec<String>,
    /// For how many days from now it is valid.
    pub days: i64,
    /// Whether it can sign others.
    pub is_authority: bool,
    /// The key to use instead of a new one, as PEM text.
    pub key_pem: Option<String>,
}

/// Makes keys, certificates and password hashes. These need large libraries, so they are handed in.
pub trait Keys {
    /// Makes a private key of a type (`rsa`, `ecdsa`, `ed25519`, `dsa`) and returns it as PEM text.
    ///
    /// # Errors
    /// Fails when the type cannot be made.
    fn private_key(&self, kind: &str) -> Result<String, FuncError>;

    /// Makes a certificate, signed by another one or by itself.
    ///
    /// # Errors
    /// Fails when the signer or the key given cannot be read.
    fn certificate(
        &self,
        request: &CertificateRequest,
        signer: Option<&Certificate>,
    ) -> Result<Certificate, FuncError>;

    /// Hashes a password with bcrypt at Go's default cost.
    ///
    /// # Errors
    /// Fails when the password is too long.
    fn bcrypt(&self, password: &[u8]) -> Result<String, FuncError>;

    /// Encrypts with AES-256-CBC and PKCS 7 padding: initial vector, then text.
    ///
    /// # Errors
    /// Fails when the library does.
    fn encrypt(&self, key: &[u8; 32], text: &[u8]) -> Result<Vec<u8>, FuncError>;

    /// Decrypts what `encrypt` made.
    ///
    /// # Errors
    /// Fails when the text is damaged.
    fn decrypt(&self, key: &[u8; 32], text: &[u8]) -> Result<Vec<u8>, FuncError>;
}
