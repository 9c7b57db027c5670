//! Passwords of users: hashing and verifying, without letting a flood of logins eat the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::secret::Secret;

/// The longest password, in bytes. Nothing shorter is ever cut.
pub(crate) const MAX_PASSWORD_BYTES: usize = 1024;
/// The shortest password that the server accepts for a new user, in characters.
pub(crate) const MIN_PASSWORD_CHARS: usize = 8;
/// Logins that may wait for their turn; more are told to come back.
const MAX_WAITING: usize = 256;

/// The cost of a hash: 9 MiB, 4 passes, 1 lane. OWASP lists it beside 19 MiB and 2 passes as of equal strength; it takes as
/// long and half the memory, which is what a server under load is short of.
const MEMORY_KIB: u32 = 9 * 1024;
const PASSES: u32 = 4;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
/// What unknown names are verified against, so that they take as long as known ones: a hash of the same cost, of nothing
/// anybody knows.
const DECOY: &str =
    "$argon2id$v=19$m=9216,t=4,p=1$rPKoIwiDfH6ssH3b4WMv5A$0jpNSQ0LeruyLVqCaw5XdfAel7ZHUStFsNgbkjoN9r0";

/// Hashes and verifies passwords on blocking threads, few at a time: each hash takes 9 MiB and tens of milliseconds.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// More logins wait than the server takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Busy;

/// The right to use a blocking thread for one hash.
#[derive(Debug)]
pub(crate) struct Turn(OwnedSemaphorePermit);

impl Passwords {
    pub(super) fn new() -> Self {
        let at_a_time = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
        Self { turns: Arc::new(Semaphore::new(at_a_time)), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> Result<Turn, Busy> {
        /// Counts down even when the client goes away while waiting.
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= MAX_WAITING {
            return Err(Busy);
        }
        Arc::clone(&self.turns).acquire_owned().await.map(Turn).map_err(|_| Busy)
    }

    /// Verifies a password against a stored hash, or against nothing in the same time.
    pub(super) async fn verify(&self, turn: Turn, secret: Secret, stored: Option<String>) -> bool {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| DECOY.to_owned());
        // The turn goes with the work, not with the request: a client that hangs up frees nothing.
        let work = move || {
            let matched = matches(&secret, &stored);
            drop(turn.0);
            matched
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(false) && known
    }

    /// Hashes a new password.
    pub(crate) async fn hash(
        &self,
        turn: Turn,
        secret: Secret,
    ) -> Result<String, argon2::password_hash::Error> {
        let work = move || {
            let hashed = hash(&secret);
            drop(turn.0);
            hashed
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(argon2::password_hash::Error::Internal))
    }
}

/// Hashes with argon2id (RFC 9106) and a random salt, as a PHC string.
pub(super) fn hash(secret: &Secret) -> Result<String, argon2::password_hash::Error> {
    let cost = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|_| argon2::password_hash::Error::Crypto)?;
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    run(&argon2, secret.expose().as_bytes(), &salt, &mut output)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(Output::new(&output)?),
    };
    Ok(hash.to_string())
}

/// Returns whether the password has this argon2 hash.
fn has_hash(password: &[u8], hash: &PasswordHash) -> Result<bool, argon2::password_hash::Error> {
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
    let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(hash)?);
    let mut output = [0; Output::MAX_LENGTH];
    let output = &mut output[..expected.len()];
    run(&argon2, password, salt, output)?;
    // In constant time: it is how these compare.
    Ok(Output::new(output)? == *expected)
}

/// Computes a hash in memory that the system has back right after.
///
/// glibc keeps freed memory for later, and the more the larger the pieces it has seen, up to 32 MiB; what is larger it
/// always gives back. So more is asked for than is used: only what is used takes memory.
fn run(argon2: &Argon2<'_>, password: &[u8], salt: &[u8], output: &mut [u8]) -> Result<(), argon2::Error> {
    const GIVEN_BACK_BYTES: usize = 33 << 20;
    let blocks = argon2.params().block_count();
    let mut memory = Vec::with_capacity(blocks.max(GIVEN_BACK_BYTES / Block::SIZE));
    memory.resize(blocks, Block::default());
    argon2.hash_password_into_with_memory(password, salt, output, &mut memory)
}

/// Returns whether a stored hash is of an older form, to be replaced at the next login.
pub(super) fn is_outdated(stored: &str) -> bool {
    !stored.starts_with("$argon2id$")
}

/// Returns whether this is a bcrypt hash as htpasswd files hold them, with a cost that a login can be expected to wait for.
pub(crate) fn is_importable(hash: &str) -> bool {
    let mut parts = hash.split('$');
    let (Some(""), Some("2a" | "2b" | "2x" | "2y"), Some(cost), Some(rest), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let radix64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/');
    cost.len() == 2
        && cost.parse().is_ok_and(|cost: u32| (4..=14).contains(&cost))
        && rest.len() == 53
        && rest.bytes().all(radix64)
}

fn matches(secret: &Secret, stored: &str) -> bool {
    let password = secret.expose().as_bytes();
    if password.len() > MAX_PASSWORD_BYTES {
        return false;
    }
    if is_importable(stored) {
        // Refuses passwords beyond 72 bytes rather than comparing their beginning.
        return bcrypt::non_truncating_verify(password, stored).unwrap_or(false);
    }
    PasswordHash::new(stored).is_ok_and(|hash| has_hash(password, &hash).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use argon2::password_hash::PasswordHasher as _;

    fn secret(text: &str) -> Secret {
        text.to_owned().into()
    }

    #[test]
    fn a_hash_is_argon2id_with_the_stated_figures_and_its_own_salt() {
        let first = hash(&secret("correct horse")).unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=9216,t=4,p=1$"), "{first}");
        assert_ne!(first, hash(&secret("correct horse")).unwrap());
        assert!(matches(&secret("correct horse"), &first));
        assert!(!matches(&secret("correct horsf"), &first));
        assert!(!is_outdated(&first));
    }

    #[test]
    fn a_hash_of_the_earlier_figures_still_verifies() {
        let earlier = Argon2::default().hash_password(b"correct horse").unwrap().to_string();
        assert!(earlier.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{earlier}");
        assert!(matches(&secret("correct horse"), &earlier));
        assert!(!matches(&secret("correct horsf"), &earlier));
    }

    #[test]
    fn cve_2025_4374_no_password_is_silently_cut() {
        let long = "x".repeat(72);
        let stored = hash(&secret(&format!("{long}a"))).unwrap();
        assert!(matches(&secret(&format!("{long}a")), &stored));
        assert!(!matches(&secret(&format!("{long}b")), &stored));
        let imported = bcrypt::hash(&long[..71], 4).unwrap();
        assert!(matches(&secret(&long[..71]), &imported));
        assert!(!matches(&secret(&format!("{long}tail")), &imported));
    }

    #[test]
    fn hashes_of_an_htpasswd_file_verify_and_are_outdated() {
        let stored = bcrypt::hash("opensesame", 4).unwrap().replace("$2b$", "$2y$");
        assert!(is_importable(&stored) && is_outdated(&stored));
        assert!(matches(&secret("opensesame"), &stored));
        assert!(!matches(&secret("opensesamf"), &stored));
    }

    #[test]
    fn only_bcrypt_hashes_of_bearable_cost_are_importable() {
        for bad in [
            "",
            "plain",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "$apr1$x$y",
            "$2y$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcde",
            "$2y$05$short",
            "$2y$05$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabc:e",
        ] {
            assert!(!is_importable(bad), "{bad}");
        }
    }

    #[test]
    fn a_damaged_hash_matches_nothing() {
        for stored in ["", "$argon2id$", "$argon2id$v=19$m=99999999999,t=2,p=1$AA$AA", "x"] {
            assert!(!matches(&secret(""), stored), "{stored}");
        }
    }

    #[tokio::test]
    async fn unknown_names_are_verified_like_known_ones_and_never_succeed() {
        let passwords = Passwords::new();
        assert!(!passwords.verify(passwords.turn().await.unwrap(), secret("decoy"), None).await);
        let cost = |stored: &str| stored.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cost(DECOY), cost(&hash(&secret("known")).unwrap()));
        // It is a whole hash: anything else would be refused at once.
        assert_eq!(PasswordHash::new(DECOY).unwrap().hash.unwrap().len(), 32);
    }

    #[tokio::test]
    async fn a_flood_of_logins_is_turned_away_instead_of_queued_without_end() {
        let passwords = Arc::new(Passwords::new());
        let turns = passwords.turns.available_permits();
        let mut held = Vec::new();
        for _ in 0..turns {
            held.push(passwords.turn().await.unwrap());
        }
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let passwords = Arc::clone(&passwords);
                tokio::spawn(async move { passwords.turn().await.is_ok() })
            })
            .collect();
        while passwords.waiting.load(Ordering::Relaxed) < MAX_WAITING {
            tokio::task::yield_now().await;
        }
        assert!(passwords.turn().await.is_err());
        drop(held);
        for task in waiting {
            assert!(task.await.unwrap());
        }
    }
}
