//! `policy.json` of Podman, Skopeo, CRI-O and the like: containers-policy.json(5).

use serde_json::{Map, Value, json};

use super::{Fate, Imported, Log, Result, list, malformed, text};
use crate::encoding::from_base64;
use crate::key::PublicKey;

/// The transport of registries.
const REGISTRIES: &str = "docker";

/// What the requirements of one scope come to.
enum Demand {
    Accept,
    Deny(String),
    Signed(Value),
}

/// Puts a `policy.json` into a policy of this kind. `root` names the file of the trusted root that stands for the
/// authorities and logs that the original names.
///
/// # Errors
/// The document is no such policy.
pub fn import_containers_policy(document: &Value, root: Option<&str>) -> Result<Imported> {
    let mut log = Log::default();
    let mut signers = Map::new();
    let mut reader = Reader { root, signers: &mut signers, log: &mut log };
    let default = document.get("default").ok_or_else(|| malformed("the policy has no default"))?;
    reader.log.unknown(document, "policy", &["default", "transports"]);
    let default = reader.requirements(default, "default")?;
    let transports = document.get("transports").and_then(Value::as_object);
    for transport in transports.into_iter().flatten().map(|(name, _)| name).filter(|name| *name != REGISTRIES)
    {
        reader.log.note(Fate::Apart, format!("transports.{transport}"), "only registries are judged here");
    }
    let scopes = transports.and_then(|all| all.get(REGISTRIES)).and_then(Value::as_object);
    let mut scopes: Vec<(&String, &Value)> = scopes.into_iter().flatten().collect();
    // The most specific decides there; here the first does.
    scopes.sort_by_key(|(scope, _)| {
        let class = if scope.is_empty() { 2 } else { u8::from(scope.starts_with('*')) };
        (class, std::cmp::Reverse(scope.len()))
    });
    let mut rules = Vec::new();
    let mut catches_all = false;
    for (scope, requirements) in scopes {
        let path = format!("transports.{REGISTRIES}.{scope:?}");
        let demand = reader.requirements(requirements, &path)?;
        let Some(repositories) = repositories(scope, &demand, &path, reader.log) else { continue };
        catches_all |= scope.is_empty();
        rules.push(rule(if scope.is_empty() { "everything else" } else { scope }, &repositories, demand));
    }
    let verdict = match default {
        Demand::Accept => "allow",
        Demand::Deny(_) => "deny",
        Demand::Signed(_) if catches_all => "deny",
        signed @ Demand::Signed(_) => {
            rules.push(rule("default", &["**".to_owned()], signed));
            "deny"
        }
    };
    let mut policy = json!({ "version": 1, "default": verdict, "signers": signers, "rules": rules });
    if let Some(root) = root {
        policy["trustRoot"] = json!({ "file": root });
    }
    Ok(Imported { policy, items: log.0 })
}

fn rule(name: &str, repositories: &[String], demand: Demand) -> Value {
    let mut rule = json!({ "name": name, "match": { "repositories": repositories } });
    match demand {
        Demand::Accept => {}
        Demand::Deny(reason) => rule["deny"] = json!(reason),
        Demand::Signed(signed) => rule["signatures"] = signed,
    }
    rule
}

/// Returns the patterns of a scope. `None`: it is left out, because what is wider would let more through.
fn repositories(scope: &str, demand: &Demand, path: &str, log: &mut Log) -> Option<Vec<String>> {
    let last = scope.rfind('/').map(|slash| slash + 1);
    let version = last.and_then(|last| Some(last + scope[last..].find(['@', ':'])?));
    let scope = match version {
        None => scope,
        Some(_) if matches!(demand, Demand::Accept) => {
            log.note(
                Fate::Stricter,
                path,
                "is left out: it lets one tag or digest through, and rules here are of repositories",
            );
            return None;
        }
        Some(end) => {
            log.note(Fate::Stricter, path, "holds for the whole repository, not for one tag or digest");
            &scope[..end]
        }
    };
    Some(match (scope.is_empty(), scope.contains('/')) {
        (true, _) => vec!["**".to_owned()],
        (false, false) => vec![format!("{scope}/**")],
        (false, true) => vec![scope.to_owned(), format!("{scope}/**")],
    })
}

struct Reader<'a> {
    root: Option<&'a str>,
    signers: &'a mut Map<String, Value>,
    log: &'a mut Log,
}

impl Reader<'_> {
    /// Reads a list of requirements, all of which must be met.
    fn requirements(&mut self, value: &Value, path: &str) -> Result<Demand> {
        let all = value.as_array().filter(|all| !all.is_empty());
        let all = all.ok_or_else(|| malformed(format!("{path} is no list of requirements")))?;
        let (mut deny, mut signed) = (None, Vec::new());
        for (at, requirement) in all.iter().enumerate() {
            let path = format!("{path}[{at}]");
            match text(requirement, "type").unwrap_or_default() {
                "insecureAcceptAnything" => self.log.note(Fate::Taken, path, "anything is accepted"),
                "reject" => {
                    self.log.note(Fate::Taken, path, "nothing is accepted");
                    deny = Some("the policy rejects it".to_owned());
                }
                "signedBy" => {
                    self.log.note(
                        Fate::Stricter,
                        path,
                        "OpenPGP signatures of images are not verified here: denied",
                    );
                    deny = Some("it needs an OpenPGP signature, which is not verified here".to_owned());
                }
                "sigstoreSigned" => match self.sigstore(requirement, &path)? {
                    Some(each) => signed.push(each),
                    None => deny = Some("nobody who must sign it can be verified here".to_owned()),
                },
                other => return Err(malformed(format!("{path} is of type {:?}, which is not known", other))),
            }
        }
        if let Some(reason) = deny {
            return Ok(Demand::Deny(reason));
        }
        let Some((first, rest)) = signed.split_first() else { return Ok(Demand::Accept) };
        let mut of = first.of.clone();
        rest.iter().flat_map(|each| &each.of).for_each(|name| {
            if !of.contains(name) {
                of.push(name.clone());
            }
        });
        let at_least = match signed.len() {
            1 => 1,
            _ => {
                if signed.iter().any(|each| each.of.len() > 1) {
                    let text = "one of several keys for each of several requirements cannot be said: as many of all are demanded";
                    self.log.note(Fate::Unsaid, path, text);
                }
                // The same key twice is one demand.
                signed.len().min(of.len())
            }
        };
        let by_log = signed.iter().any(|each| each.by_log);
        let transparency = if by_log { "required" } else { "if-keyless" };
        Ok(Demand::Signed(json!({ "atLeast": at_least, "of": of, "transparency": transparency })))
    }

    /// Reads who must have signed. `None`: nobody who can be verified here.
    fn sigstore(&mut self, requirement: &Value, path: &str) -> Result<Option<Signed>> {
        const LOGS: [&str; 4] =
            ["rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas"];
        let known = ["type", "keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki", "signedIdentity"];
        self.log.unknown(requirement, path, &[&known[..], &LOGS].concat());
        let identity = requirement.get("signedIdentity").and_then(|identity| text(identity, "type"));
        let identity = identity.unwrap_or("matchRepoDigestOrExact");
        let said =
            "the name inside a signature is not compared here: it holds for the digest wherever that lies";
        self.log.note(Fate::Unsaid, format!("{path}.signedIdentity ({identity})"), said);
        let by_log = LOGS.iter().any(|name| requirement.get(*name).is_some());
        if by_log && self.root.is_none() {
            let text = "the log must be one of the public instance; --trust-root FILE names another";
            self.log.note(Fate::Stricter, format!("{path}.rekorPublicKey"), text);
        }
        let mut keys = Vec::new();
        let paths = list(requirement, "keyPaths").iter().filter_map(Value::as_str);
        keys.extend(
            text(requirement, "keyPath").into_iter().chain(paths).map(|path| json!({ "file": path })),
        );
        let datas = list(requirement, "keyDatas").iter().filter_map(Value::as_str);
        for data in text(requirement, "keyData").into_iter().chain(datas) {
            let pem = from_base64(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pem = pem.filter(|pem| PublicKey::from_pem(pem.as_bytes()).is_ok());
            let pem = pem.ok_or_else(|| malformed(format!("{path} has a key that is no PEM in base64")))?;
            keys.push(json!({ "pem": pem }));
        }
        let mut of: Vec<String> = Vec::new();
        for key in keys {
            self.log.note(
                Fate::Taken,
                path,
                format!("a key {}", text(&key, "file").unwrap_or("in the policy")),
            );
            let name = self.signer("key", json!({ "key": key }));
            if !of.contains(&name) {
                of.push(name);
            }
        }
        if let Some(fulcio) = requirement.get("fulcio") {
            let (issuer, subject) = (text(fulcio, "oidcIssuer"), text(fulcio, "subjectEmail"));
            let (Some(issuer), Some(subject)) = (issuer, subject) else {
                return Err(malformed(format!("{path}.fulcio names no issuer and subject")));
            };
            if self.root.is_none() {
                let text = "is left out: its certificate authority must be given as --trust-root FILE";
                self.log.note(Fate::Stricter, format!("{path}.fulcio"), text);
                return Ok(None);
            }
            self.log.note(Fate::Taken, format!("{path}.fulcio"), format!("{subject} by {issuer}"));
            let identity = json!({ "issuer": { "exact": issuer }, "subject": { "exact": subject } });
            of.push(self.signer("keyless", json!({ "keyless": identity })));
        }
        if requirement.get("pki").is_some() {
            self.log.note(
                Fate::Stricter,
                format!("{path}.pki"),
                "certificates of one's own authority are not verified here",
            );
        }
        Ok((!of.is_empty()).then_some(Signed { of, by_log }))
    }

    /// Returns the name of a signer, the same for the same key.
    fn signer(&mut self, start: &str, signer: Value) -> String {
        if let Some((name, _)) = self.signers.iter().find(|(_, known)| **known == signer) {
            return name.clone();
        }
        let name = format!("{start}-{}", self.signers.len() + 1);
        self.signers.insert(name.clone(), signer);
        name
    }
}

struct Signed {
    of: Vec<String>,
    by_log: bool,
}
