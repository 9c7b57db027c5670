//! The JSON form of a trusted root, to read and to write.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Period;
use crate::encoding::Base64;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct File {
    #[serde(alias = "media_type")]
    pub(super) media_type: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tlogs: Vec<LogFile>,
    #[serde(default, alias = "certificate_authorities", skip_serializing_if = "Vec::is_empty")]
    pub(super) certificate_authorities: Vec<AuthorityFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ctlogs: Vec<LogFile>,
    #[serde(default, alias = "timestamp_authorities", skip_serializing_if = "Vec::is_empty")]
    pub(super) timestamp_authorities: Vec<AuthorityFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LogFile {
    #[serde(default, alias = "base_url", skip_serializing_if = "String::is_empty")]
    pub(super) base_url: String,
    #[serde(alias = "hash_algorithm")]
    pub(super) hash_algorithm: String,
    #[serde(alias = "public_key")]
    pub(super) public_key: KeyFile,
    #[serde(alias = "log_id")]
    pub(super) log_id: IdFile,
    /// Not needed: the log id names the key already.
    #[serde(default, alias = "checkpoint_key_id", skip_serializing_if = "Option::is_none")]
    pub(super) checkpoint_key_id: Option<IdFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeyFile {
    #[serde(alias = "raw_bytes")]
    pub(super) raw_bytes: Base64,
    #[serde(alias = "key_details")]
    pub(super) key_details: String,
    #[serde(default, alias = "valid_for", skip_serializing_if = "Option::is_none")]
    pub(super) valid_for: Option<PeriodFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IdFile {
    #[serde(alias = "key_id")]
    pub(super) key_id: Base64,
}

/// A span of time, as all of sigstore's files write it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PeriodFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<Timestamp>,
}

impl From<Period> for PeriodFile {
    fn from(period: Period) -> Self {
        Self { start: period.start, end: period.end }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AuthorityFile {
    /// Not needed: the certificates say it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<SubjectFile>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) uri: String,
    #[serde(alias = "cert_chain")]
    pub(super) cert_chain: ChainFile,
    #[serde(default, alias = "valid_for", skip_serializing_if = "Option::is_none")]
    pub(super) valid_for: Option<PeriodFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubjectFile {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) organization: String,
    #[serde(default, alias = "common_name", skip_serializing_if = "String::is_empty")]
    pub(super) common_name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChainFile {
    pub(super) certificates: Vec<CertificateFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CertificateFile {
    #[serde(alias = "raw_bytes")]
    pub(super) raw_bytes: Base64,
}
