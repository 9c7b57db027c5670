//! Keyrings: binary, armoured, and GnuPG's keybox.

use pgp::composed::{PublicOrSecret, SignedPublicKey, SignedSecretKey};
use pgp::types::KeyDetails;

use crate::{Error, ErrorKind, keybox, packets};

/// The longest keyring that is read, in bytes.
pub const MAX_KEYRING_BYTES: u64 = 64 << 20;

/// The keys of a file.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<Key>,
}

/// One key with its owner's names.
#[derive(Clone, Debug)]
pub struct Key {
    pub(crate) public: SignedPublicKey,
    pub(crate) secret: Option<SignedSecretKey>,
}

impl Keyring {
    /// Reads public and secret keys. Keys that cannot be understood are passed over, as long as there are others.
    ///
    /// # Errors
    /// A file in none of the three forms, larger than [`MAX_KEYRING_BYTES`], or with nothing but keys that cannot be
    /// understood.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let broken = |text: String| Error::new(ErrorKind::Keyring, text);
        if bytes.len() as u64 > MAX_KEYRING_BYTES {
            return Err(broken(format!(
                "the keyring has {} bytes, at most {MAX_KEYRING_BYTES} are read",
                bytes.len()
            )));
        }
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let is_keybox = keybox::is_keybox(bytes);
        let bytes = if is_keybox { keybox::keys(bytes)? } else { bytes.to_vec() };
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let bytes = packets::without_trust(&bytes);
        let (found, _) = PublicOrSecret::from_reader_many(bytes.as_slice())
            .map_err(|error| broken(format!("openpgp: {error}")))?;
        let mut keys: Vec<Key> = Vec::new();
        let mut first_error = None;
        for key in found {
            match key {
                Ok(PublicOrSecret::Public(public)) => keys.push(Key { public, secret: None }),
                Ok(PublicOrSecret::Secret(secret)) => {
                    keys.push(Key { public: secret.to_public_key(), secret: Some(secret) });
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) if keys.is_empty() => Err(broken(format!("openpgp: {error}"))),
            None if keys.is_empty() => Err(broken("openpgp: there is no key in the keyring".to_owned())),
            _ => Ok(Self { keys }),
        }
    }

    /// Finds a key by one of its owner's names, else by a part of one.
    ///
    /// # Errors
    /// No name is it, and it is part of the names of several keys.
    pub fn find(&self, name: &str) -> Result<Option<&Key>, Error> {
        if let Some(key) = self.keys.iter().find(|key| key.names().iter().any(|known| known == name)) {
            return Ok(Some(key));
        }
        let mut having = self.keys.iter().filter(|key| key.names().iter().any(|known| known.contains(name)));
        let first = having.next();
        if having.next().is_some() {
            return Err(Error::new(ErrorKind::Keyring, format!("more than one key contain the id {name:?}")));
        }
        Ok(first)
    }

    /// Returns the keys in the order of the file.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl Key {
    /// Returns its owner's names, such as `Jane <jane@example.com>`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let users = &self.public.details.users;
        users.iter().map(|user| String::from_utf8_lossy(user.id.id()).into_owned()).collect()
    }

    /// Returns the fingerprint in upper-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.public.primary_key.fingerprint().to_string().to_uppercase()
    }

    /// Whether the secret half is there.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Whether the secret half needs a passphrase.
    #[must_use]
    pub fn needs_passphrase(&self) -> bool {
        self.secret.as_ref().is_some_and(|key| key.primary_key.secret_params().is_encrypted())
    }
}
