//! JSON from outside: a name that comes twice in one object is refused, because two readers would see two documents.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Result};

/// Reads a document of that kind; the text names `what` when it fails.
pub(crate) fn read<T: DeserializeOwned>(what: &str, text: &[u8]) -> Result<T> {
    let failed = |error: serde_json::Error| Error::malformed(format!("{what}: {error}"));
    serde_json::from_slice::<Once>(text).map_err(failed)?;
    serde_json::from_slice(text).map_err(failed)
}

/// Any document in which every name comes once.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<Once, E> {
        Ok(Once)
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<Once, E> {
        Ok(Once)
    }

    fn visit_unit<E>(self) -> std::result::Result<Once, E> {
        Ok(Once)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Once, A::Error> {
        while items.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<Once, A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            entries.next_value::<Once>()?;
            if let Some(twice) = seen.replace(name) {
                return Err(A::Error::custom(format!("`{}` comes twice", twice.escape_default())));
            }
        }
        Ok(Once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_twice_is_refused_at_any_depth() {
        let good = r#"{"a":[{"b":1},{"b":2}],"c":null,"d":1.5,"e":true,"f":-1}"#;
        assert!(read::<serde_json::Value>("test", good.as_bytes()).is_ok());
        for bad in
            [r#"{"a":1,"a":1}"#, r#"[{"x":{"a":1,"b":2,"a":3}}]"#, r#"{"a":1,"\u0061":2}"#, "{", "{} {}"]
        {
            assert!(read::<serde_json::Value>("test", bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
