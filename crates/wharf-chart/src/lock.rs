//! Chart.lock: the versions chosen for the dependencies.

use sha2::{Digest, Sha256};
use wharf_yaml::{Numbers, Reader, Value};

use crate::fields::{self, JsonObject};
use crate::metadata::Dependency;
use crate::{Error, hex};

/// The contents of Chart.lock (requirements.lock in version 1 charts).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lock {
    /// When it was written, as RFC 3339 text; empty for never.
    pub generated: String,
    /// What [`lock_digest`] gave.
    pub digest: String,
    /// The chosen versions; `None` if the file does not list any.
    pub dependencies: Option<Vec<Option<Dependency>>>,
}

impl Lock {
    /// Reads a lock file; `None` for an empty one.
    ///
    /// # Errors
    /// Malformed YAML, values of the wrong shape, a time that is not RFC 3339.
    pub fn from_yaml(text: &[u8]) -> Result<Option<Self>, Error> {
        let value = Reader::new()
            .numbers(Numbers::AsWritten)
            .read(text)
            .map_err(|error| Error::yaml(text, &error))?;
        if value.is_null() {
            return Ok(None);
        }
        let mut lock = Self::default();
        let mut decoder = fields::Decoder::new("Lock", false);
        let mut bad_time = None;
        decoder.object(
            &value,
            "v2.Lock",
            |d, field, value| {
                match (field, value) {
                    ("generated", Value::Null) => {}
                    ("generated", Value::String(text)) => match normal_time(text) {
                        Some(time) => lock.generated = time,
                        None => bad_time = Some(text.to_string()),
                    },
                    ("generated", _) => bad_time = Some("not a text".to_owned()),
                    ("digest", value) => d.text(value, &mut lock.digest),
                    ("dependencies", Value::Null) => lock.dependencies = None,
                    ("dependencies", value) => {
                        let mut list = Vec::new();
                        d.objects(value, &mut list, "[]*v2.Dependency", Dependency::decode);
                        lock.dependencies = Some(list);
                    }
                    _ => return false,
                }
                true
            },
            &["generated", "digest", "dependencies"],
        );
        if let Some(text) = bad_time {
            let text = format!(
                "error unmarshaling JSON: while decoding JSON: generated {text:?} is not an RFC 3339 time"
            );
            return Err(Error::malformed(text));
        }
        decoder.finish()?;
        Ok(Some(lock))
    }

    /// Returns the file as Helm writes it.
    ///
    /// # Errors
    /// Text that YAML cannot hold.
    pub fn to_yaml(&self) -> Result<String, Error> {
        let mut json = JsonObject::new();
        json.always("generated", if self.generated.is_empty() { ZERO_TIME } else { &self.generated });
        json.always("digest", &self.digest);
        json.raw("dependencies", &dependency_list(self.dependencies.as_deref()));
        fields::json_to_yaml(&json.finish())
    }
}

/// Go's zero time.
pub(crate) const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// Returns the digest that ties a lock to Chart.yaml: SHA-256 over the JSON of both lists, `None` where there is none.
#[must_use]
pub fn lock_digest(wanted: Option<&[Option<Dependency>]>, locked: Option<&[Option<Dependency>]>) -> String {
    let json = format!("[{},{}]", dependency_list(wanted), dependency_list(locked));
    format!("sha256:{}", hex(&Sha256::digest(json.as_bytes())))
}

/// Returns the digest of Helm 2 lock files, which covers the wanted list only.
#[must_use]
pub fn lock_digest_v2(wanted: Option<&[Option<Dependency>]>) -> String {
    let json = format!("{{\"dependencies\":{}}}", dependency_list(wanted));
    format!("sha256:{}", hex(&Sha256::digest(json.as_bytes())))
}

fn dependency_list(dependencies: Option<&[Option<Dependency>]>) -> String {
    let Some(dependencies) = dependencies else { return "null".to_owned() };
    let items: Vec<String> = dependencies
        .iter()
        .map(|dependency| dependency.as_ref().map_or_else(|| "null".to_owned(), Dependency::to_json))
        .collect();
    format!("[{}]", items.join(","))
}

/// Checks an RFC 3339 time and returns it as Go prints it again: no zeros at the end of the fraction.
pub(crate) fn normal_time(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let fixed = bytes.get(..19)?;
    let shape_holds = fixed.iter().zip(b"0000-00-00T00:00:00").all(|(byte, pattern)| match pattern {
        b'0' => byte.is_ascii_digit(),
        _ => byte == pattern,
    });
    let number = |from: usize| u32::from(bytes[from] - b'0') * 10 + u32::from(bytes[from + 1] - b'0');
    if !shape_holds
        || !(1..=12).contains(&number(5))
        || !(1..=31).contains(&number(8))
        || number(11) > 23
        || number(14) > 59
        || number(17) > 59
    {
        return None;
    }
    let rest = &text[19..];
    let digits = rest.strip_prefix('.').map_or(0, |r| r.bytes().take_while(u8::is_ascii_digit).count());
    let (fraction, zone) = if digits > 0 { rest.split_at(digits + 1) } else { ("", rest) };
    let zone = match zone.as_bytes() {
        b"Z" | b"+00:00" => "Z",
        [b'+' | b'-', a, b, b':', c, d] if [a, b, c, d].iter().all(|x| x.is_ascii_digit()) => zone,
        _ => return None,
    };
    let fraction: String = fraction.chars().take(10).collect();
    let fraction = fraction.trim_end_matches('0');
    let fraction = if fraction == "." { "" } else { fraction };
    Some(format!("{}{fraction}{zone}", &text[..19]))
}
