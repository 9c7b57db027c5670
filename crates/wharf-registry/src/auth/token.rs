//! Tokens: signed statements of who asked and for what.

use std::collections::BTreeSet;

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use wharf_access::Principal;
use wharf_oci::distribution::Scope;

/// The audience of tokens that requests carry; also the `service` of challenges.
pub(crate) const SERVICE: &str = "wharf";
/// The audience of refresh tokens, which buy tokens and nothing else.
const REFRESH: &str = "wharf-refresh";
/// How long a refresh token lives, in seconds. It ends with the password or the account, too.
const REFRESH_SECONDS: i64 = 90 * 86_400;

/// Signs and verifies tokens: JWT (RFC 7519) with HS256, and no other algorithm.
///
/// Neither `alg` nor any key in a token's header is ever followed: the key and the algorithm are this server's own.
pub(super) struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    stamping: hmac::Key,
    lifetime_seconds: i64,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// The account.
    pub(super) principal: Principal,
    /// Its name.
    pub(super) name: String,
    /// The credential that it was bought with; gone with a change of password or secret.
    pub(super) stamp: String,
    /// What it is limited to.
    pub(super) scopes: Vec<Scope>,
}

/// Which of the two kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Carried by requests.
    Access,
    /// Exchanged for access tokens.
    Refresh,
}

/// The claims on the wire; `access` is as Docker's token specification has it.
#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    account: WireAccount,
    stamp: String,
    #[serde(default)]
    access: Vec<WireAccess>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "lowercase")]
enum WireAccount {
    Anonymous,
    User(i64),
    Robot(i64),
}

#[derive(Serialize, Deserialize)]
struct WireAccess {
    r#type: String,
    name: String,
    actions: BTreeSet<String>,
}

impl Tokens {
    pub(super) fn new(key: &[u8], lifetime_seconds: i64) -> Self {
        Self {
            signing: EncodingKey::from_secret(key),
            verifying: DecodingKey::from_secret(key),
            stamping: hmac::Key::new(hmac::HMAC_SHA256, key),
            lifetime_seconds,
        }
    }

    /// Returns how long a token of this kind lives, in seconds.
    pub(super) const fn lifetime_seconds(&self, kind: Kind) -> i64 {
        match kind {
            Kind::Access => self.lifetime_seconds,
            Kind::Refresh => REFRESH_SECONDS,
        }
    }

    /// Returns the mark of a stored hash that tokens carry: it tells nothing about the hash, but changes with it.
    pub(super) fn stamp(&self, stored_hash: &str) -> String {
        let tag = hmac::sign(&self.stamping, format!("stamp:{stored_hash}").as_bytes());
        BASE64URL_NOPAD.encode(&tag.as_ref()[..16])
    }

    /// Signs a token that is valid from `now` (Unix seconds) on.
    ///
    /// # Errors
    /// When the system has no randomness, or for the server itself, which needs no token.
    pub(super) fn issue(&self, kind: Kind, claims: &Claims, now: i64) -> Result<String, IssueError> {
        let account = match claims.principal {
            Principal::Anonymous => WireAccount::Anonymous,
            Principal::User(id) => WireAccount::User(id),
            Principal::Robot(id) => WireAccount::Robot(id),
            Principal::System => return Err(IssueError),
        };
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| IssueError)?;
        let wire = Wire {
            iss: SERVICE.to_owned(),
            aud: audience(kind).to_owned(),
            sub: claims.name.clone(),
            iat: now,
            nbf: now,
            exp: now + self.lifetime_seconds(kind),
            jti: BASE64URL_NOPAD.encode(&id),
            account,
            stamp: claims.stamp.clone(),
            access: claims.scopes.iter().cloned().map(WireAccess::from).collect(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &wire, &self.signing).map_err(|_| IssueError)
    }

    /// Returns what a token says, if it is one of this kind, signed here and valid at `now`.
    pub(super) fn verify(&self, kind: Kind, token: &str, now: i64) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience(kind)]);
        validation.set_issuer(&[SERVICE]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // The times are compared below, against the caller's clock and without leeway: both ends are this server.
        validation.validate_exp = false;
        let wire = jsonwebtoken::decode::<Wire>(token, &self.verifying, &validation).ok()?.claims;
        if now >= wire.exp || now < wire.nbf.saturating_sub(60) {
            return None;
        }
        Some(Claims {
            principal: match wire.account {
                WireAccount::Anonymous => Principal::Anonymous,
                WireAccount::User(id) => Principal::User(id),
                WireAccount::Robot(id) => Principal::Robot(id),
            },
            name: wire.sub,
            stamp: wire.stamp,
            scopes: wire.access.into_iter().map(Scope::from).collect(),
        })
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("lifetime_seconds", &self.lifetime_seconds).finish_non_exhaustive()
    }
}

/// A token could not be signed; the surroundings are at fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct IssueError;

const fn audience(kind: Kind) -> &'static str {
    match kind {
        Kind::Access => SERVICE,
        Kind::Refresh => REFRESH,
    }
}

impl From<Scope> for WireAccess {
    fn from(scope: Scope) -> Self {
        Self { r#type: scope.kind, name: scope.name, actions: scope.actions }
    }
}

impl From<WireAccess> for Scope {
    fn from(access: WireAccess) -> Self {
        Self { kind: access.r#type, name: access.name, actions: access.actions }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn tokens() -> Tokens {
        Tokens::new(&[1; 32], 300)
    }

    fn claims() -> Claims {
        Claims {
            principal: Principal::User(7),
            name: "ann".to_owned(),
            stamp: tokens().stamp("hash"),
            scopes: vec![Scope::repository("shop/web", ["pull", "push"])],
        }
    }

    #[test]
    fn a_token_says_what_was_signed_until_it_ends() {
        for kind in [Kind::Access, Kind::Refresh] {
            let token = tokens().issue(kind, &claims(), NOW).unwrap();
            let last = NOW + tokens().lifetime_seconds(kind) - 1;
            assert_eq!(tokens().verify(kind, &token, last), Some(claims()));
            assert_eq!(tokens().verify(kind, &token, last + 1), None);
            assert_eq!(tokens().verify(kind, &token, NOW - 3600), None);
        }
    }

    #[test]
    fn a_refresh_token_opens_no_door_and_an_access_token_buys_no_other() {
        let access = tokens().issue(Kind::Access, &claims(), NOW).unwrap();
        let refresh = tokens().issue(Kind::Refresh, &claims(), NOW).unwrap();
        assert_eq!(tokens().verify(Kind::Access, &refresh, NOW), None);
        assert_eq!(tokens().verify(Kind::Refresh, &access, NOW), None);
    }

    #[test]
    fn a_changed_byte_or_another_servers_key_is_refused() {
        let token = tokens().issue(Kind::Access, &claims(), NOW).unwrap();
        assert_eq!(Tokens::new(&[2; 32], 300).verify(Kind::Access, &token, NOW), None);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last character of a base64 text has bits that mean nothing; strict decoding refuses them.
            assert_eq!(tokens().verify(Kind::Access, &changed, NOW), None, "byte {at}");
        }
        for not_one in ["", "a.b.c", "..", "Bearer"] {
            assert_eq!(tokens().verify(Kind::Access, not_one, NOW), None);
        }
    }

    /// Distribution accepted a token signed with a key that the token itself brought along.
    #[test]
    fn cve_2025_24976_keys_and_algorithms_in_a_tokens_header_are_ignored() {
        let attackers_key = [9; 32];
        let body = json!({
            "iss": "wharf", "aud": "wharf", "sub": "admin", "iat": NOW, "nbf": NOW, "exp": NOW + 300, "jti": "x",
            "account": { "kind": "user", "id": 1 }, "stamp": "",
        });
        let jwk = json!({ "kty": "oct", "alg": "HS256", "k": BASE64URL_NOPAD.encode(&attackers_key) });
        for header in [
            json!({ "alg": "HS256", "typ": "JWT", "jwk": jwk }),
            json!({ "alg": "HS256", "typ": "JWT", "kid": "wharf", "jwk": jwk }),
            json!({ "alg": "HS256", "typ": "JWT", "jku": "https://attacker.example/keys" }),
            json!({ "alg": "none", "typ": "JWT" }),
            json!({ "alg": "HS384", "typ": "JWT" }),
        ] {
            let encode = |value: &serde_json::Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
            let signed = format!("{}.{}", encode(&header), encode(&body));
            let key = hmac::Key::new(hmac::HMAC_SHA256, &attackers_key);
            let signature = BASE64URL_NOPAD.encode(hmac::sign(&key, signed.as_bytes()).as_ref());
            assert_eq!(
                tokens().verify(Kind::Access, &format!("{signed}.{signature}"), NOW),
                None,
                "{header}"
            );
            assert_eq!(tokens().verify(Kind::Access, &format!("{signed}."), NOW), None, "{header}");
        }
    }

    #[test]
    fn a_stamp_changes_with_the_hash() {
        assert_eq!(tokens().stamp("a"), tokens().stamp("a"));
        assert_ne!(tokens().stamp("a"), tokens().stamp("b"));
    }
}
