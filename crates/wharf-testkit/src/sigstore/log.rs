//! Transparency logs: a Merkle tree in memory (RFC 9162 section 2.1) that answers as Rekor 1 or as Rekor 2.

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use wharf_trust::{
    Certificate, Envelope, HashAlgorithm, KeyAlgorithm, PrivateKey, PublicKey, SignatureScheme,
};

use super::{Fault, clock};

pub(super) struct Tree {
    pub(super) key: PrivateKey,
    /// What it calls itself in checkpoints.
    origin: String,
    /// The name behind the dash of a signature.
    name: String,
    /// The hash that names the key, of which the first four bytes are written with signatures.
    id: Vec<u8>,
    leaves: Vec<Vec<u8>>,
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    HashAlgorithm::Sha256.digest(bytes)
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn bytes_of(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.as_str().ok_or("text is missing")?;
    BASE64.decode(text.as_bytes()).map_err(|error| error.to_string())
}

fn text_of(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "text is missing".to_owned())
}

impl Tree {
    /// A log of Rekor 1, which names its tree behind its host and its key by the key's digest.
    pub(super) fn first(key: PrivateKey, host: &str) -> Self {
        let id = key.public().fingerprint().to_vec();
        Self {
            key,
            origin: format!("{host} - 1193050959916656506"),
            name: host.to_owned(),
            id,
            leaves: Vec::new(),
        }
    }

    /// A log of Rekor 2, which follows the specification of signed notes.
    pub(super) fn second(key: PrivateKey, host: &str) -> Self {
        let spki = key.public().as_der();
        let raw = &spki[spki.len() - 32..];
        let id = sha256(&[host.as_bytes(), b"\n", &[1], raw].concat());
        Self { key, origin: host.to_owned(), name: host.to_owned(), id, leaves: Vec::new() }
    }

    /// Takes an entry as Rekor 1 does and answers with its status and body.
    pub(super) fn take_first(&mut self, request: &Value, fault: Option<Fault>) -> (u16, String, Value) {
        match self.canonical_first(request) {
            Ok(body) => {
                let (id, entry) = self.entry_first(body, fault);
                let answer = json!({ id.clone(): entry });
                (201, id, answer)
            }
            Err(why) => (400, String::new(), json!({ "code": 400, "message": why })),
        }
    }

    /// The body that is logged, names in order, or why it is not taken.
    fn canonical_first(&self, request: &Value) -> Result<String, String> {
        let spec = &request["spec"];
        match (request["kind"].as_str(), request["apiVersion"].as_str()) {
            (Some("hashedrekord"), Some("0.0.1")) => {
                let hash = &spec["data"]["hash"];
                let (algorithm, digest) = (text_of(&hash["algorithm"])?, text_of(&hash["value"])?);
                let (signature, pem) =
                    (&spec["signature"]["content"], &spec["signature"]["publicKey"]["content"]);
                let (_, key) = verifier_of_pem(&bytes_of(pem)?)?;
                let raw = HEXLOWER.decode(digest.as_bytes()).map_err(|error| error.to_string())?;
                let named = HashAlgorithm::named(algorithm).map_err(|error| error.to_string())?;
                if key.logged_scheme().hash() != Some(named) {
                    return Err(format!("{algorithm} does not fit the key"));
                }
                verify(&key, &raw, &bytes_of(signature)?)?;
                Ok(format!(
                    r#"{{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{{"data":{{"hash":{{"algorithm":"{algorithm}","value":"{digest}"}}}},"signature":{{"content":{signature},"publicKey":{{"content":{pem}}}}}}}}}"#
                ))
            }
            (Some("dsse"), Some("0.0.1")) => {
                let proposed = &spec["proposedContent"];
                let text = text_of(&proposed["envelope"])?;
                let envelope = Envelope::from_json(text.as_bytes()).map_err(|error| error.to_string())?;
                let pem = &proposed["verifiers"][0];
                let (_, key) = verifier_of_pem(&bytes_of(pem)?)?;
                envelope.verify(&key).map_err(|error| error.to_string())?;
                Ok(format!(
                    r#"{{"apiVersion":"0.0.1","kind":"dsse","spec":{{"envelopeHash":{{"algorithm":"sha256","value":"{}"}},"payloadHash":{{"algorithm":"sha256","value":"{}"}},"signatures":[{{"signature":"{}","verifier":{pem}}}]}}}}"#,
                    hex(&sha256(text.as_bytes())),
                    hex(&sha256(&envelope.payload)),
                    base64(&envelope.signatures[0].sig),
                ))
            }
            (Some("intoto"), Some("0.0.2")) => {
                let envelope = &spec["content"]["envelope"];
                let signature = &envelope["signatures"][0];
                // Payload and signature are base64 of base64 here.
                let payload = bytes_of(&Value::String(utf8(bytes_of(&envelope["payload"])?)?))?;
                let hash = hex(&sha256(&payload));
                Ok(format!(
                    r#"{{"apiVersion":"0.0.2","kind":"intoto","spec":{{"content":{{"envelope":{{"payloadType":{},"signatures":[{{"publicKey":{},"sig":{}}}]}},"hash":{},"payloadHash":{{"algorithm":"sha256","value":"{hash}"}}}}}}}}"#,
                    envelope["payloadType"],
                    signature["publicKey"],
                    signature["sig"],
                    spec["content"]["hash"],
                ))
            }
            (kind, version) => Err(format!("{kind:?} {version:?} is not taken here")),
        }
    }

    fn entry_first(&mut self, body: String, fault: Option<Fault>) -> (String, Value) {
        let body = match fault {
            Some(Fault::OtherEntry) => other_first(),
            _ => body,
        };
        let (index, hashes, root) = self.append(body.as_bytes(), fault);
        let at = clock(fault);
        let id = hex(&self.id);
        let signed = format!(
            r#"{{"body":"{}","integratedTime":{at},"logID":"{id}","logIndex":{index}}}"#,
            base64(body.as_bytes())
        );
        let promiser = match fault {
            Some(Fault::WrongPromise) => &PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap(),
            _ => &self.key,
        };
        let promise = promiser.sign(SignatureScheme::EcdsaSha256, signed.as_bytes()).unwrap();
        let entry = json!({
            "body": base64(body.as_bytes()),
            "integratedTime": at,
            "logID": id,
            "logIndex": index,
            "verification": {
                "inclusionProof": {
                    "checkpoint": self.checkpoint(&root),
                    "hashes": hashes.iter().map(|hash| hex(hash)).collect::<Vec<_>>(),
                    "logIndex": index,
                    "rootHash": hex(&root),
                    "treeSize": self.leaves.len(),
                },
                "signedEntryTimestamp": base64(&promise),
            },
        });
        let leaf = hex(&sha256(&[&[0], body.as_bytes()].concat()));
        (format!("108e9186e8c5677a{leaf}"), entry)
    }

    /// Takes an entry as Rekor 2 does and answers with its status and body.
    pub(super) fn take_second(&mut self, request: &Value, fault: Option<Fault>) -> (u16, Value) {
        match canonical_second(request) {
            Ok((kind, body)) => (201, self.entry_second(kind, body, fault)),
            Err(why) => (400, json!({ "code": 3, "message": why, "details": [] })),
        }
    }

    fn entry_second(&mut self, kind: &str, body: String, fault: Option<Fault>) -> Value {
        let body = match fault {
            Some(Fault::OtherEntry) => other_second(),
            _ => body,
        };
        let (index, hashes, root) = self.append(body.as_bytes(), fault);
        json!({
            "logIndex": index.to_string(),
            "logId": { "keyId": base64(&self.id) },
            "kindVersion": { "kind": kind, "version": "0.0.2" },
            "integratedTime": "0",
            "inclusionPromise": null,
            "inclusionProof": {
                "logIndex": index.to_string(),
                "rootHash": base64(&root),
                "treeSize": self.leaves.len().to_string(),
                "hashes": hashes.iter().map(|hash| base64(hash)).collect::<Vec<_>>(),
                "checkpoint": { "envelope": self.checkpoint(&root) },
            },
            "canonicalizedBody": base64(body.as_bytes()),
        })
    }

    /// Adds a leaf, and returns its index, its path and the root.
    fn append(&mut self, body: &[u8], fault: Option<Fault>) -> (usize, Vec<Vec<u8>>, Vec<u8>) {
        if self.leaves.is_empty() {
            // A tree of one would prove everything by nothing.
            self.leaves.push(sha256(&[0]));
        }
        self.leaves.push(sha256(&[&[0], body].concat()));
        let index = self.leaves.len() - 1;
        let mut hashes = path(index, &self.leaves);
        if fault == Some(Fault::WrongProof) {
            hashes[0][0] ^= 1;
        }
        (index, hashes, root(&self.leaves))
    }

    /// A signed note of size and root.
    fn checkpoint(&self, root: &[u8]) -> String {
        let text = format!("{}\n{}\n{}\n", self.origin, self.leaves.len(), base64(root));
        let signature = self.key.sign(self.key.public().default_scheme(), text.as_bytes()).unwrap();
        let signed = [&self.id[..4], &signature].concat();
        format!("{text}\n\u{2014} {} {}\n", self.name, base64(&signed))
    }
}

/// Kind and canonical body of an entry, or why it is not taken.
fn canonical_second(request: &Value) -> Result<(&'static str, String), String> {
    if let Some(asked) = request.get("hashedRekordRequestV002") {
        let (digest, content) = (&asked["digest"], &asked["signature"]["content"]);
        let (key, verifier) = verifier_second(&asked["signature"]["verifier"])?;
        let raw = bytes_of(digest)?;
        verify(&key, &raw, &bytes_of(content)?)?;
        let algorithm = format!("SHA2_{}", raw.len() * 8);
        return Ok((
            "hashedrekord",
            format!(
                r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"data":{{"algorithm":"{algorithm}","digest":{digest}}},"signature":{{"content":{content},"verifier":{verifier}}}}}}}}}"#
            ),
        ));
    }
    if let Some(asked) = request.get("dsseRequestV002") {
        let envelope = Envelope::from_json(asked["envelope"].to_string().as_bytes())
            .map_err(|error| error.to_string())?;
        let (key, verifier) = verifier_second(&asked["verifiers"][0])?;
        envelope.verify(&key).map_err(|error| error.to_string())?;
        return Ok((
            "dsse",
            format!(
                r#"{{"apiVersion":"0.0.2","kind":"dsse","spec":{{"dsseV002":{{"payloadHash":{{"algorithm":"SHA2_256","digest":"{}"}},"signatures":[{{"content":"{}","verifier":{verifier}}}]}}}}}}"#,
                base64(&sha256(&envelope.payload)),
                base64(&envelope.signatures[0].sig),
            ),
        ));
    }
    Err("missing spec: a hashedrekord or a DSSE envelope".to_owned())
}

/// The key, and how the verifier stands in the canonical body.
fn verifier_second(verifier: &Value) -> Result<(PublicKey, String), String> {
    let details = text_of(&verifier["keyDetails"])?;
    let (key, name, raw) = match verifier.get("x509Certificate") {
        Some(certificate) => {
            let raw = &certificate["rawBytes"];
            let read = Certificate::from_der(&bytes_of(raw)?).map_err(|error| error.to_string())?;
            (read.public_key().clone(), "x509Certificate", raw)
        }
        None => {
            let raw = &verifier["publicKey"]["rawBytes"];
            (PublicKey::from_der(&bytes_of(raw)?).map_err(|error| error.to_string())?, "publicKey", raw)
        }
    };
    // Names go in order: a certificate's comes behind the details, a key's, too.
    Ok((key, format!(r#"{{"keyDetails":"{details}","{name}":{{"rawBytes":{raw}}}}}"#)))
}

fn verify(key: &PublicKey, digest: &[u8], signature: &[u8]) -> Result<(), String> {
    key.verify_digest(key.logged_scheme(), digest, signature).map_err(|error| error.to_string())
}

fn verifier_of_pem(pem: &[u8]) -> Result<(Option<Certificate>, PublicKey), String> {
    if let Ok(certificates) = Certificate::all_from_pem(pem)
        && let Some(first) = certificates.into_iter().next()
    {
        let key = first.public_key().clone();
        return Ok((Some(first), key));
    }
    PublicKey::from_pem(pem).map(|key| (None, key)).map_err(|error| error.to_string())
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// An entry about something that nobody asked to log, rightly signed.
fn other_first() -> String {
    let (key, digest, signature) = other();
    format!(
        r#"{{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{{"data":{{"hash":{{"algorithm":"sha256","value":"{}"}}}},"signature":{{"content":"{}","publicKey":{{"content":"{}"}}}}}}}}"#,
        hex(&digest),
        base64(&signature),
        base64(key.to_pem().as_bytes()),
    )
}

fn other_second() -> String {
    let (key, digest, signature) = other();
    format!(
        r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"data":{{"algorithm":"SHA2_256","digest":"{}"}},"signature":{{"content":"{}","verifier":{{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{{"rawBytes":"{}"}}}}}}}}}}}}"#,
        base64(&digest),
        base64(&signature),
        base64(key.as_der()),
    )
}

fn other() -> (PublicKey, Vec<u8>, Vec<u8>) {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let signature = key.sign(SignatureScheme::EcdsaSha256, b"other").unwrap();
    (key.public().clone(), sha256(b"other"), signature)
}

/// The largest power of two below a number above one.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [one] => one.clone(),
        many => {
            let (left, right) = many.split_at(split(many.len()));
            sha256(&[&[1], &root(left)[..], &root(right)[..]].concat())
        }
    }
}

fn path(index: usize, leaves: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut inner, beside) = if index < left.len() {
        (path(index, left), root(right))
    } else {
        (path(index - left.len(), right), root(left))
    };
    inner.push(beside);
    inner
}
