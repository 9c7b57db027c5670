//! Signing configs: which services are asked when something is signed.
//!
//! The file is sigstore's `SigningConfig` in protobuf's JSON form (protobuf-specs, `sigstore_trustroot.proto`), version 0.2.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::root::{Period, PeriodFile};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// The public good instance of sigstore, as its root-signing repository publishes it
/// (`targets/signing_config.v0.2.json`, commit 3520aedde4ad).
const PUBLIC_GOOD: &[u8] = include_bytes!("../../data/sigstore-signing-config.json");

/// How many services of a kind a file may name.
const MAX_SERVICES: usize = 64;

/// Which services are asked when something is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SigningConfig {
    #[serde(alias = "media_type")]
    media_type: String,
    /// Authorities that issue certificates (Fulcio).
    #[serde(default, alias = "ca_urls", skip_serializing_if = "Vec::is_empty")]
    pub ca_urls: Vec<Service>,
    /// Identity providers, for those who sign in by hand.
    #[serde(default, alias = "oidc_urls", skip_serializing_if = "Vec::is_empty")]
    pub oidc_urls: Vec<Service>,
    /// Transparency logs (Rekor).
    #[serde(default, alias = "rekor_tlog_urls", skip_serializing_if = "Vec::is_empty")]
    pub rekor_tlog_urls: Vec<Service>,
    /// How many of the logs are asked.
    #[serde(default, alias = "rekor_tlog_config")]
    pub rekor_tlog_config: Selector,
    /// Timestamp authorities, with the path of their interface.
    #[serde(default, alias = "tsa_urls", skip_serializing_if = "Vec::is_empty")]
    pub tsa_urls: Vec<Service>,
    /// How many of the timestamp authorities are asked.
    #[serde(default, alias = "tsa_config")]
    pub tsa_config: Selector,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// Where it answers.
    #[serde(default)]
    pub url: String,
    /// The major version of its interface.
    #[serde(default, alias = "major_api_version")]
    pub major_api_version: u32,
    #[serde(default, alias = "valid_for")]
    valid_for: PeriodFile,
    /// Who runs it; of one operator one service is asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operator: String,
}

/// How many services are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SelectorFile", into = "SelectorFile")]
pub enum Selector {
    /// The file does not say, which it must where it names services.
    #[default]
    Undefined,
    /// All of them, one of each operator.
    All,
    /// Any one.
    Any,
    /// Exactly so many.
    Exact(u32),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SelectorFile {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    selector: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    count: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl From<SelectorFile> for Selector {
    fn from(file: SelectorFile) -> Self {
        match file.selector.as_str() {
            "ALL" => Self::All,
            "ANY" => Self::Any,
            "EXACT" => Self::Exact(file.count),
            _ => Self::Undefined,
        }
    }
}

impl From<Selector> for SelectorFile {
    fn from(selector: Selector) -> Self {
        let (selector, count) = match selector {
            Selector::Undefined => ("", 0),
            Selector::All => ("ALL", 0),
            Selector::Any => ("ANY", 0),
            Selector::Exact(count) => ("EXACT", count),
        };
        Self { selector: selector.to_owned(), count }
    }
}

impl Default for SigningConfig {
    /// Without services: what is signed by it is signed offline.
    fn default() -> Self {
        Self {
            media_type: MEDIA_TYPE.to_owned(),
            ca_urls: Vec::new(),
            oidc_urls: Vec::new(),
            rekor_tlog_urls: Vec::new(),
            rekor_tlog_config: Selector::Undefined,
            tsa_urls: Vec::new(),
            tsa_config: Selector::Undefined,
        }
    }
}

impl SigningConfig {
    /// Reads the JSON file.
    ///
    /// # Errors
    /// Not such a file, or of another version.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let config: Self = crate::json::read("signing config", text)?;
        if config.media_type != MEDIA_TYPE {
            return Err(Error::unsupported(format!(
                "unsupported SigningConfig media type: {}",
                config.media_type.escape_default()
            )));
        }
        let all = [&config.ca_urls, &config.oidc_urls, &config.rekor_tlog_urls, &config.tsa_urls];
        if let Some(many) = all.iter().find(|services| services.len() > MAX_SERVICES) {
            return Err(Error::unsupported(format!(
                "signing config: {} services of one kind, at most {MAX_SERVICES} are read",
                many.len()
            )));
        }
        Ok(config)
    }

    /// Returns the JSON file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data always has a JSON form")
    }

    /// Returns the public good instance of sigstore as this version of Wharf knows it. It ages, as
    /// [`TrustedRoot::public_good`](crate::TrustedRoot::public_good) does.
    #[must_use]
    pub fn public_good() -> Self {
        Self::from_json(PUBLIC_GOOD).expect("a test reads it")
    }

    /// Returns the certificate authority to ask now.
    ///
    /// # Errors
    /// None is named, or none is good now.
    pub fn certificate_authority(&self, now: Timestamp) -> Result<&Service> {
        one(&self.ca_urls, now, "certificate authority")
    }

    /// Returns the identity provider to ask now.
    ///
    /// # Errors
    /// None is named, or none is good now.
    pub fn identity_provider(&self, now: Timestamp) -> Result<&Service> {
        one(&self.oidc_urls, now, "identity provider")
    }

    /// Returns the logs to ask now: those of the newest interface, one of each operator, as many as wanted. `pick` chooses
    /// one of so many, by chance.
    ///
    /// # Errors
    /// Logs are named and too few of them are good now, or it is not said how many are wanted.
    pub fn logs(&self, now: Timestamp, pick: &mut dyn FnMut(usize) -> usize) -> Result<Vec<&Service>> {
        select(&self.rekor_tlog_urls, self.rekor_tlog_config, &[2, 1], now, pick)
            .map_err(|error| error.within("transparency logs"))
    }

    /// Returns the timestamp authorities to ask now; see [`SigningConfig::logs`].
    ///
    /// # Errors
    /// Authorities are named and too few of them are good now, or it is not said how many are wanted.
    pub fn timestamp_authorities(
        &self,
        now: Timestamp,
        pick: &mut dyn FnMut(usize) -> usize,
    ) -> Result<Vec<&Service>> {
        select(&self.tsa_urls, self.tsa_config, &[1], now, pick)
            .map_err(|error| error.within("timestamp authorities"))
    }
}

impl Service {
    /// Returns a service that is good at all times.
    #[must_use]
    pub fn new(url: impl Into<String>, major_api_version: u32) -> Self {
        Self { url: url.into(), major_api_version, valid_for: PeriodFile::default(), operator: String::new() }
    }

    /// Returns the service that somebody runs in that period.
    #[must_use]
    pub fn run_by(mut self, operator: impl Into<String>, period: Period) -> Self {
        self.operator = operator.into();
        self.valid_for = period.into();
        self
    }

    /// Returns when the service may be asked.
    #[must_use]
    pub fn period(&self) -> Period {
        Period { start: self.valid_for.start, end: self.valid_for.end }
    }
}

impl Selector {
    /// Reads `ANY`, `ALL` or `EXACT:n`.
    ///
    /// # Errors
    /// None of these, in cosign's words.
    pub fn parse(text: &str) -> Result<Self> {
        let (mode, count) = match text.split_once(':') {
            Some((mode, count)) => (mode.to_ascii_uppercase(), Some(count)),
            None => (text.to_ascii_uppercase(), None),
        };
        let misuse = |text: String| Err(Error::new(ErrorKind::Misuse, text));
        match (mode.as_str(), count) {
            ("ANY", None) => Ok(Self::Any),
            ("ALL", None) => Ok(Self::All),
            ("ANY" | "ALL", Some(_)) => misuse(format!("mode {mode} does not accept a count")),
            ("EXACT", None) => misuse("mode EXACT requires a count, e.g. EXACT:2".to_owned()),
            ("EXACT", Some(count)) => match count.parse() {
                Ok(count) => Ok(Self::Exact(count)),
                Err(_) => misuse(format!("invalid count for EXACT mode: {count:?} is no number")),
            },
            _ => misuse(format!("invalid service config mode: {mode}")),
        }
    }
}

/// The services that may be asked now, those of the highest version that has any, the newest first.
fn candidates<'s>(services: &'s [Service], versions: &[u32], now: Timestamp) -> Vec<&'s Service> {
    let mut newest_first: Vec<&Service> = services.iter().collect();
    newest_first.sort_by_key(|service| std::cmp::Reverse(service.valid_for.start));
    let of = |version: &u32| -> Vec<&Service> {
        let good =
            |service: &&&Service| service.major_api_version == *version && service.period().contains(now);
        newest_first.iter().filter(good).copied().collect()
    };
    versions.iter().map(of).find(|found| !found.is_empty()).unwrap_or_default()
}

fn one<'s>(services: &'s [Service], now: Timestamp, what: &str) -> Result<&'s Service> {
    candidates(services, &[1], now).first().copied().ok_or_else(|| {
        Error::new(
            ErrorKind::Misuse,
            format!(
                "the signing config names no {what} with version 1 of the API that is valid at {now} (of {})",
                services.len()
            ),
        )
    })
}

fn select<'s>(
    services: &'s [Service],
    selector: Selector,
    versions: &[u32],
    now: Timestamp,
    pick: &mut dyn FnMut(usize) -> usize,
) -> Result<Vec<&'s Service>> {
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let mut left: Vec<&Service> = Vec::new();
    for service in candidates(services, versions, now) {
        if left.iter().all(|known| known.operator != service.operator) {
            left.push(service);
        }
    }
    let misuse = |text: String| Err(Error::new(ErrorKind::Misuse, text));
    if left.is_empty() {
        return misuse(format!(
            "no matching services found for API versions {versions:?} and current time {now}"
        ));
    }
    let wanted = match selector {
        Selector::All => return Ok(left),
        Selector::Any => 1,
        Selector::Exact(0) => return misuse("service selector count must be greater than 0".to_owned()),
        Selector::Exact(count) => usize::try_from(count).unwrap_or(usize::MAX),
        Selector::Undefined => return misuse("invalid service selector".to_owned()),
    };
    if wanted > left.len() {
        return misuse(format!(
            "service selector count {wanted} must be less than or equal to the slice length {}",
            left.len()
        ));
    }
    Ok((0..wanted).map(|_| left.swap_remove(pick(left.len()) % left.len())).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn service(url: &str, version: u32, operator: &str, years: (i16, Option<i16>)) -> Service {
        let at = |year: i16| format!("{year}-01-01T00:00:00Z").parse().unwrap();
        let period = Period { start: Some(at(years.0)), end: years.1.map(at) };
        Service::new(url, version).run_by(operator, period)
    }

    fn urls(services: Vec<&Service>) -> Vec<&str> {
        services.into_iter().map(|service| service.url.as_str()).collect()
    }

    fn now() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_public_instance_logs_to_the_newest_interface_and_stamps() {
        let config = SigningConfig::public_good();
        assert_eq!(urls(config.logs(now(), &mut |_| 0).unwrap()), ["https://log2025-1.rekor.sigstore.dev"]);
        let before = "2024-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(urls(config.logs(before, &mut |_| 0).unwrap()), ["https://rekor.sigstore.dev"]);
        assert_eq!(config.timestamp_authorities(now(), &mut |_| 0).unwrap().len(), 1);
        assert_eq!(config.certificate_authority(now()).unwrap().url, "https://fulcio.sigstore.dev");
        assert_eq!(SigningConfig::from_json(&config.to_json()).unwrap(), config);
    }

    #[test]
    fn services_are_chosen_by_version_time_operator_and_number() {
        let mut config = SigningConfig {
            rekor_tlog_urls: vec![
                service("old", 1, "a", (2020, None)),
                service("ended", 2, "a", (2020, Some(2021))),
                service("late", 2, "a", (2030, None)),
                service("a1", 2, "a", (2021, None)),
                service("a2", 2, "a", (2022, None)),
                service("b", 2, "b", (2020, None)),
                service("c", 2, "c", (2019, None)),
            ],
            ..SigningConfig::default()
        };
        let mut chosen = |selector| {
            config.rekor_tlog_config = selector;
            let found = config.logs(now(), &mut |count| count - 1)?;
            Ok::<_, Error>(urls(found).into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(chosen(Selector::All).unwrap(), ["a2", "b", "c"]);
        assert_eq!(chosen(Selector::Any).unwrap(), ["c"]);
        assert_eq!(chosen(Selector::Exact(2)).unwrap(), ["c", "b"]);
        for wrong in [Selector::Exact(0), Selector::Exact(4), Selector::Undefined] {
            assert_eq!(chosen(wrong).unwrap_err().kind(), ErrorKind::Misuse, "{wrong:?}");
        }
        config.rekor_tlog_urls = vec![service("ended", 2, "a", (2020, Some(2021)))];
        assert!(config.logs(now(), &mut |_| 0).is_err(), "a log that is named and not good is not left out");
        config.rekor_tlog_urls.clear();
        assert!(config.logs(now(), &mut |_| 0).unwrap().is_empty());
    }

    #[test]
    fn a_selector_is_read_in_any_case() {
        assert_eq!(Selector::parse("any").unwrap(), Selector::Any);
        assert_eq!(Selector::parse("EXACT:3").unwrap(), Selector::Exact(3));
        for text in ["", "EXACT", "EXACT:x", "ALL:1", "SOME"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn another_version_of_the_file_is_refused() {
        let text = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.1+json"}"#;
        assert_eq!(SigningConfig::from_json(text.as_bytes()).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
