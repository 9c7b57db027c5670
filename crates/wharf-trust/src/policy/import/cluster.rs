//! `ClusterImagePolicy` of sigstore's policy-controller, v1alpha1 and v1beta1.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Fate, Imported, Log, Result, list, malformed, text};
use crate::key::PublicKey;
use crate::policy::read_only_text;
use crate::statement::predicate_type;

/// What a policy of the cluster comes to.
struct Draft {
    name: String,
    repositories: Vec<String>,
    rule: Map<String, Value>,
}

/// One authority, as far as it can be said.
struct Authority {
    signers: Vec<String>,
    is_key: bool,
    by_log: bool,
    by_timestamp: bool,
    attestations: Vec<String>,
}

/// Puts policies of a cluster into one of this kind. `root` names the file of the trusted root that stands for those that
/// the originals refer to.
///
/// # Errors
/// A document is no such policy, or nothing of it can be said.
pub fn import_cluster_image_policies(documents: &[Value], root: Option<&str>) -> Result<Imported> {
    let mut log = Log::default();
    let (mut signers, mut drafts) = (Map::new(), Vec::new());
    for document in documents {
        drafts.push(draft(document, root, &mut signers, &mut log)?);
    }
    if drafts.is_empty() {
        return Err(malformed("there is no ClusterImagePolicy"));
    }
    for (at, one) in drafts.iter().enumerate() {
        for other in &drafts[at + 1..] {
            if one.repositories.iter().any(|a| other.repositories.iter().any(|b| may_meet(a, b))) {
                let text = "an image that both match must satisfy both there; here the first rule decides";
                log.note(Fate::Unsaid, format!("{} and {}", one.name, other.name), text);
            }
        }
    }
    log.note(Fate::Stricter, "no match", "denied here; there the controller's no-match-policy decides");
    let rules: Vec<Value> = drafts.into_iter().map(|draft| Value::Object(draft.rule)).collect();
    let mut policy = json!({ "version": 1, "default": "deny", "signers": signers, "rules": rules });
    if let Some(root) = root {
        policy["trustRoot"] = json!({ "file": root });
    }
    Ok(Imported { policy, items: log.0 })
}

fn draft(
    document: &Value,
    root: Option<&str>,
    signers: &mut Map<String, Value>,
    log: &mut Log,
) -> Result<Draft> {
    let version = text(document, "apiVersion").unwrap_or_default();
    let kind = text(document, "kind").unwrap_or_default();
    let is_known = ["policy.sigstore.dev/v1alpha1", "policy.sigstore.dev/v1beta1"].contains(&version);
    if kind != "ClusterImagePolicy" || !is_known {
        let found = format!("{} {}", version.escape_default(), kind.escape_default());
        return Err(malformed(format!("{found} is no ClusterImagePolicy of v1alpha1 or v1beta1")));
    }
    let name = document.pointer("/metadata/name").and_then(Value::as_str);
    let name = name.ok_or_else(|| malformed("a ClusterImagePolicy has no name"))?.to_owned();
    let spec = document.get("spec").filter(|spec| spec.is_object());
    let spec = spec.ok_or_else(|| malformed(format!("{name} has no spec")))?;
    log.unknown(spec, &name, &["images", "authorities", "mode", "match", "policy"]);
    if spec.get("policy").is_some() {
        log.note(Fate::Unsaid, format!("{name}.policy"), "CUE and Rego have no words here");
    }
    if !list(spec, "match").is_empty() {
        let text = "holds for every use of the images, not only for some resources";
        log.note(Fate::Stricter, format!("{name}.match"), text);
    }
    let mut found = Vec::new();
    let (mut passes, mut fails) = (false, None);
    for (at, authority) in list(spec, "authorities").iter().enumerate() {
        let path = format!("{name}.authorities[{at}]");
        match authority.get("static") {
            Some(fixed) if text(fixed, "action") == Some("pass") => {
                log.note(Fate::Taken, path, "everything passes");
                passes = true;
            }
            Some(fixed) => {
                log.note(Fate::Taken, path, "nothing passes");
                fails = Some(text(fixed, "message").unwrap_or("the policy fails everything").to_owned());
            }
            None => found.extend(read(authority, &path, &name, at, root, signers, log)),
        }
    }
    let repositories = repositories(spec, &name, passes, log)?;
    let mut rule = Map::new();
    rule.insert("name".to_owned(), json!(name));
    rule.insert("match".to_owned(), json!({ "repositories": repositories }));
    let mode = text(spec, "mode").unwrap_or("enforce");
    let level = match mode {
        "warn" => json!("warn"),
        _ => json!("enforce"),
    };
    log.note(Fate::Taken, format!("{name}.mode"), mode);
    if passes {
        return Ok(Draft { name, repositories, rule });
    }
    if found.is_empty() {
        let reason = fails.unwrap_or_else(|| "no authority of it can be verified here".to_owned());
        if mode == "warn" {
            log.note(
                Fate::Stricter,
                format!("{name}.mode"),
                "what can never be satisfied is denied, not warned of",
            );
        }
        rule.insert("deny".to_owned(), json!(reason));
        return Ok(Draft { name, repositories, rule });
    }
    demand(&name, &found, &level, &mut rule, log);
    Ok(Draft { name, repositories, rule })
}

/// Puts what the authorities demand, any of them, into the rule.
fn demand(name: &str, found: &[Authority], level: &Value, rule: &mut Map<String, Value>, log: &mut Log) {
    let by = |authorities: &[&Authority]| {
        let of: BTreeSet<&String> = authorities.iter().flat_map(|each| &each.signers).collect();
        let by_log = authorities.iter().any(|each| each.by_log);
        let transparency = match (by_log, authorities.iter().any(|each| !each.is_key)) {
            (true, _) => "required",
            (false, true) => "if-keyless",
            (false, false) => "none",
        };
        json!({
            "of": of, "transparency": transparency,
            "timestamp": authorities.iter().any(|each| each.by_timestamp), "level": level,
        })
    };
    let (logs, times) =
        (found.iter().filter(|each| each.by_log), found.iter().filter(|each| each.by_timestamp));
    let mixes = |count: usize| count != 0 && count != found.len();
    if mixes(logs.count()) || mixes(times.count()) {
        let text = "what one authority wants of log and timestamp is wanted of all";
        log.note(Fate::Stricter, format!("{name}.authorities"), text);
    }
    if found.iter().any(|each| each.attestations != found[0].attestations) {
        let text = "either a signature by one or an attestation by another cannot be said: both are demanded";
        log.note(Fate::Unsaid, format!("{name}.authorities"), text);
    }
    let signing: Vec<&Authority> = found.iter().filter(|each| each.attestations.is_empty()).collect();
    if !signing.is_empty() {
        rule.insert("signatures".to_owned(), by(&signing));
    }
    let mut types: Vec<&String> = found.iter().flat_map(|each| &each.attestations).collect();
    types.sort();
    types.dedup();
    let attestation = |kind: &String| {
        let attesting: Vec<&Authority> =
            found.iter().filter(|each| each.attestations.contains(kind)).collect();
        json!({ "type": kind, "by": by(&attesting) })
    };
    if !types.is_empty() {
        rule.insert("attestations".to_owned(), types.into_iter().map(attestation).collect());
    }
}

/// Reads an authority. `None`: nobody could be verified by it here, so one way to pass is gone.
fn read(
    authority: &Value,
    path: &str,
    name: &str,
    at: usize,
    root: Option<&str>,
    signers: &mut Map<String, Value>,
    log: &mut Log,
) -> Option<Authority> {
    let known = [
        "name",
        "key",
        "keyless",
        "static",
        "source",
        "ctlog",
        "attestations",
        "rfc3161timestamp",
        "signatureFormat",
    ];
    log.unknown(authority, path, &known);
    if !list(authority, "source").is_empty() {
        let text = "signatures are looked for beside the artifact only";
        log.note(Fate::Stricter, format!("{path}.source"), text);
    }
    let has_root = ["keyless", "ctlog", "rfc3161timestamp"].iter().any(|part| {
        let part = authority.get(*part);
        part.is_some_and(|part| part.get("trustRootRef").is_some() || part.get("ca-cert").is_some())
    });
    if has_root && root.is_none() {
        let text = "is left out: its trust root must be given as --trust-root FILE";
        log.note(Fate::Stricter, path, text);
        return None;
    }
    let base = text(authority, "name").map_or_else(|| format!("{name}-{at}"), |own| format!("{name}-{own}"));
    let (mut of, mut is_key) = (Vec::new(), false);
    if let Some(key) = authority.get("key") {
        let Some(pem) = text(key, "data") else {
            log.note(
                Fate::Stricter,
                path,
                "is left out: a key in a secret or a key service is not at hand; give its public half",
            );
            return None;
        };
        if text(key, "hashAlgorithm").is_some_and(|hash| hash != "sha256") {
            log.note(
                Fate::Stricter,
                format!("{path}.key.hashAlgorithm"),
                "keys sign with the hash of their kind here",
            );
        }
        if PublicKey::from_pem(pem.as_bytes()).is_err() {
            log.note(Fate::Stricter, path, "is left out: its key is none that is known here");
            return None;
        }
        log.note(Fate::Taken, format!("{path}.key"), "the key");
        of.push(put(signers, base, json!({ "key": { "pem": pem } })));
        is_key = true;
    } else if let Some(keyless) = authority.get("keyless") {
        log.unknown(
            keyless,
            &format!("{path}.keyless"),
            &["url", "identities", "ca-cert", "trustRootRef", "insecureIgnoreSCT"],
        );
        if keyless.get("insecureIgnoreSCT") == Some(&Value::Bool(true)) {
            log.note(
                Fate::Stricter,
                format!("{path}.keyless.insecureIgnoreSCT"),
                "certificates must be logged here",
            );
        }
        for (number, identity) in list(keyless, "identities").iter().enumerate() {
            let path = format!("{path}.keyless.identities[{number}]");
            let said = (
                of_identity(identity, "issuer", "issuerRegExp"),
                of_identity(identity, "subject", "subjectRegExp"),
            );
            let (Some(issuer), Some(subject)) = said else {
                log.note(
                    Fate::Stricter,
                    path,
                    "is left out: it lets everybody of an issuer, or any issuer, sign",
                );
                continue;
            };
            let is_pattern = issuer.get("regex").is_some() || subject.get("regex").is_some();
            let (fate, text) = match is_pattern {
                true => (Fate::Stricter, "the identity; its patterns hold for the whole text"),
                false => (Fate::Taken, "the identity"),
            };
            log.note(fate, path, text);
            let signer = json!({ "keyless": { "issuer": issuer, "subject": subject } });
            of.push(put(signers, format!("{base}-{number}"), signer));
        }
    }
    if of.is_empty() {
        log.note(Fate::Stricter, path, "is left out: it names nobody who can be verified here");
        return None;
    }
    let mut attestations = Vec::new();
    for (number, attestation) in list(authority, "attestations").iter().enumerate() {
        let path = format!("{path}.attestations[{number}]");
        log.unknown(attestation, &path, &["name", "predicateType", "policy"]);
        if attestation.get("policy").is_some() {
            log.note(
                Fate::Unsaid,
                format!("{path}.policy"),
                "CUE and Rego have no words here: add values by hand",
            );
        }
        let kind = text(attestation, "predicateType").unwrap_or("custom");
        match predicate_type(kind) {
            Ok(_) => log.note(Fate::Taken, &path, format!("an attestation of type {kind}")),
            Err(error) => log.note(Fate::Unsaid, &path, error.to_string()),
        }
        attestations.extend(predicate_type(kind).ok().map(|_| kind.to_owned()));
    }
    attestations.sort();
    Some(Authority {
        signers: of,
        is_key,
        by_log: authority.get("ctlog").is_some(),
        by_timestamp: authority.get("rfc3161timestamp").is_some(),
        attestations,
    })
}

/// Adds a signer under a name, or under one like it where another has that already, and returns the name.
fn put(signers: &mut Map<String, Value>, name: String, signer: Value) -> String {
    let mut free = name.clone();
    let mut number = 1;
    while signers.get(&free).is_some_and(|known| *known != signer) {
        number += 1;
        free = format!("{name}-{number}");
    }
    signers.insert(free.clone(), signer);
    free
}

/// Reads what an issuer or subject must be. A pattern that fits everything says nothing.
fn of_identity(identity: &Value, exact: &str, pattern: &str) -> Option<Value> {
    let said = match (text(identity, exact), text(identity, pattern)) {
        (Some(exact), _) => json!({ "exact": exact }),
        // Anchors are put around it here.
        (None, Some(pattern)) => json!({ "regex": pattern }),
        (None, None) => return None,
    };
    read_only_text(&said).ok().map(|()| said)
}

/// Reads the images that a policy is about.
fn repositories(spec: &Value, name: &str, passes: bool, log: &mut Log) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for (at, image) in list(spec, "images").iter().enumerate() {
        let path = format!("{name}.images[{at}]");
        let glob = text(image, "glob").ok_or_else(|| malformed(format!("{path} has no glob")))?;
        let full = match glob {
            "*" => "index.docker.io/library/*",
            "*/*" => "index.docker.io/*/*",
            other => other,
        };
        let last = full.rfind('/').map_or(0, |slash| slash + 1);
        let end = full[last..].find(['@', ':']).map_or(full.len(), |at| last + at);
        let (repository, version) = full.split_at(end);
        let is_any = version.is_empty() || version.trim_start_matches([':', '@']).chars().all(|c| c == '*');
        match (is_any, passes) {
            (true, _) => log.note(Fate::Taken, &path, glob),
            (false, false) => {
                log.note(Fate::Stricter, &path, format!("{glob}: holds for every tag of {repository}"))
            }
            (false, true) => {
                log.note(
                    Fate::Unsaid,
                    &path,
                    format!("{glob}: every tag of {repository} passes, not only these"),
                );
            }
        }
        all.push(repository.to_owned());
        // The same registry has two names.
        if let Some(rest) = repository.strip_prefix("index.docker.io/") {
            all.push(format!("docker.io/{rest}"));
        }
    }
    if all.is_empty() {
        return Err(malformed(format!("{name} is about no images")));
    }
    Ok(all)
}

/// Whether some text may fit both patterns, as far as what stands before their first stars tells.
fn may_meet(one: &str, other: &str) -> bool {
    let start = |pattern: &str| pattern.split('*').next().unwrap_or_default().to_owned();
    let (a, b) = (start(one), start(other));
    match (one.contains('*'), other.contains('*')) {
        (false, false) => one == other,
        (true, false) => b.starts_with(&a),
        (false, true) => a.starts_with(&b),
        (true, true) => a.starts_with(&b) || b.starts_with(&a),
    }
}
