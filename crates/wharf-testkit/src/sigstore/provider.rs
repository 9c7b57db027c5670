//! An identity provider: tokens signed by RS256, its discovery document and its keys (OpenID Connect).

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use wharf_trust::{KeyAlgorithm, PrivateKey, SignatureScheme};

use super::{der, now_seconds};

/// What a build shows to be given its token.
pub(super) const AMBIENT: &str = "ambient-request-token";

pub(super) struct Provider {
    pub(super) issuer: String,
    key: PrivateKey,
}

impl Provider {
    pub(super) fn new(issuer: String) -> Self {
        Self { issuer, key: PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap() }
    }

    pub(super) fn token(&self, claims: &Value) -> String {
        let now = now_seconds();
        let mut all = json!({ "iss": self.issuer, "aud": "sigstore", "iat": now, "exp": now + 300 });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let head = json!({ "alg": "RS256", "kid": "fake", "typ": "JWT" });
        let signed = format!("{}.{}", part(&head), part(&all));
        let signature = self.key.sign(SignatureScheme::RsaPkcs1Sha256, signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    /// Returns the claims of a token, or why it is not believed.
    pub(super) fn claims(&self, token: &str) -> Result<Value, String> {
        let (signed, signature) = token.rsplit_once('.').ok_or("no token")?;
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|error| error.to_string());
        let key = self.key.public();
        key.verify(SignatureScheme::RsaPkcs1Sha256, signed.as_bytes(), &decode(signature)?)
            .map_err(|error| error.to_string())?;
        let claims = signed.split_once('.').ok_or("no token")?.1;
        let claims: Value = serde_json::from_slice(&decode(claims)?).map_err(|error| error.to_string())?;
        if claims["exp"].as_i64().is_none_or(|until| until < now_seconds()) {
            return Err("the token has expired".to_owned());
        }
        if claims["aud"] != "sigstore" || claims["iss"] != self.issuer {
            return Err(format!("the token is for {} by {}", claims["aud"], claims["iss"]));
        }
        Ok(claims)
    }

    pub(super) fn discovery(&self) -> Value {
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": format!("{}/auth", self.issuer),
            "device_authorization_endpoint": format!("{}/device/code", self.issuer),
            "token_endpoint": format!("{}/token", self.issuer),
            "jwks_uri": format!("{}/keys", self.issuer),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    }

    pub(super) fn keys(&self) -> Value {
        let spki = der::elements(der::elements(self.key.public().as_der()).unwrap()[0].contents).unwrap();
        let key = der::elements(der::elements(&spki[1].contents[1..]).unwrap()[0].contents).unwrap();
        let number = |at: usize| {
            let bytes: &[u8] = key[at].contents;
            BASE64URL_NOPAD.encode(bytes.strip_prefix(&[0]).unwrap_or(bytes))
        };
        json!({ "keys": [{ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "fake", "n": number(0), "e": number(1) }] })
    }
}

/// The claims that a hosted build's token has.
pub(super) fn workflow() -> Value {
    json!({
        "sub": "repo:octo/shop:ref:refs/heads/main",
        "job_workflow_ref": "octo/shop/.github/workflows/release.yml@refs/heads/main",
        "job_workflow_sha": "2f9b9b0b2a0a3f6c5d5a6f0c0f8f4f1f5c4e2d11",
        "workflow_ref": "octo/shop/.github/workflows/release.yml@refs/heads/main",
        "workflow_sha": "2f9b9b0b2a0a3f6c5d5a6f0c0f8f4f1f5c4e2d11",
        "workflow": "release",
        "event_name": "push",
        "sha": "2f9b9b0b2a0a3f6c5d5a6f0c0f8f4f1f5c4e2d11",
        "ref": "refs/heads/main",
        "repository": "octo/shop",
        "repository_id": "17",
        "repository_owner": "octo",
        "repository_owner_id": "7",
        "repository_visibility": "public",
        "runner_environment": "github-hosted",
        "run_id": "170",
        "run_attempt": "1",
    })
}
