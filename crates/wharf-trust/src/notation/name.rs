//! Names of certificates: read from them, and demanded of them (trust-store-trust-policy.md, "Trusted Identities Constraints").

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::der::{self, Element};
use crate::error::{Error, ErrorKind, Result};

const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;

/// The attributes that have a name in text, RFC 4514 section 3 and RFC 4519.
const KNOWN: [(&[u8], &str); 11] = [
    (&[0x55, 0x04, 0x03], "CN"),
    (&[0x55, 0x04, 0x05], "SERIALNUMBER"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x09], "STREET"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x55, 0x04, 0x11], "POSTALCODE"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "DC"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01], "UID"),
];

/// The name of a certificate, RFC 5280 section 4.1.2.4. Written as RFC 4514 has it, the last attribute first.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// In the order of the certificate.
    attributes: Vec<(String, String)>,
    /// Whether several attributes stand in one place.
    is_multi_valued: bool,
}

impl Name {
    pub(super) fn read(encoded: &[u8]) -> Result<Self> {
        let mut list = der::only(encoded, der::SEQUENCE)?;
        let mut name = Self { attributes: Vec::new(), is_multi_valued: false };
        while !list.is_empty() {
            let mut set = list.nested(der::SET)?;
            let before = name.attributes.len();
            while !set.is_empty() {
                let mut attribute = set.sequence()?;
                let kind = attribute.contents(der::OID)?;
                let value = attribute.any()?;
                attribute.finish()?;
                name.attributes.push((kind_of(kind), value_of(value)));
            }
            name.is_multi_valued |= name.attributes.len() > before + 1;
        }
        Ok(name)
    }

    /// Returns the value of an attribute.
    fn value(&self, kind: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == kind).map(|(_, value)| value.as_str())
    }

    /// Whether nobody could be in doubt of an attribute: each comes once, in a place of its own.
    fn is_plain(&self) -> bool {
        let kinds = |at: usize| self.attributes[..at].iter().map(|(kind, _)| kind);
        let twice =
            self.attributes.iter().enumerate().any(|(at, (kind, _))| kinds(at).any(|each| each == kind));
        !twice && !self.is_multi_valued
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (kind, value)) in self.attributes.iter().rev().enumerate() {
            if at > 0 {
                f.write_char(',')?;
            }
            write!(f, "{kind}=")?;
            let last = value.chars().count().saturating_sub(1);
            for (at, each) in value.chars().enumerate() {
                match each {
                    // Invisible ones, too, so that a name cannot be taken for another on a screen.
                    _ if each.is_control() => write!(f, "{}", each.escape_default())?,
                    ',' | '+' | '"' | '\\' | '<' | '>' | ';' => write!(f, "\\{each}")?,
                    ' ' if at == 0 || at == last => f.write_str("\\ ")?,
                    _ => f.write_char(each)?,
                }
            }
        }
        Ok(())
    }
}

fn kind_of(oid: &[u8]) -> String {
    let known = KNOWN.iter().find(|(each, _)| *each == oid).map(|(_, name)| (*name).to_owned());
    known.unwrap_or_else(|| dotted(oid))
}

/// Writes an object identifier with numbers and dots.
fn dotted(oid: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number = 0_u64;
    for byte in oid {
        // What does not fit is only shown, never compared with a name.
        number = number.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            match numbers.is_empty() {
                true => {
                    let first = (number / 40).min(2);
                    numbers.extend([first, number - first * 40]);
                }
                false => numbers.push(number),
            }
            number = 0;
        }
    }
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// Returns text as it is, and anything else as RFC 4514 section 2.4 writes it: no demand can begin so.
fn value_of(value: Element<'_>) -> String {
    let is_text = matches!(value.tag, der::UTF8_STRING | PRINTABLE_STRING | IA5_STRING);
    let text = std::str::from_utf8(value.contents).ok().filter(|text| is_text && !text.starts_with('#'));
    text.map_or_else(|| format!("#{}", crate::encoding::to_hex(value.whole)), str::to_owned)
}

/// Attributes that the certificate of a signer must have.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    said: String,
    attributes: BTreeMap<String, String>,
}

impl Subject {
    /// Reads attributes as RFC 4514 writes them, with `S` for `ST`, and perhaps `x509.subject:` in front as in a trust policy of
    /// the Notary Project.
    pub(crate) fn parse(said: &str) -> Result<Self> {
        let wrong =
            |why: &str| Error::new(ErrorKind::Misuse, format!("subject `{}`: {why}", said.escape_default()));
        let text = said.trim_start().strip_prefix("x509.subject:").unwrap_or(said);
        let mut attributes = BTreeMap::new();
        let mut rest = text.chars();
        let mut more = true;
        while more {
            let kind: String = rest.by_ref().take_while(|each| *each != '=').collect();
            let kind = kind.trim().to_ascii_uppercase();
            let kind = if kind == "S" { "ST".to_owned() } else { kind };
            if !KNOWN.iter().any(|(_, name)| *name == kind) {
                return Err(wrong(&format!("`{}` is no name of an attribute", kind.escape_default())));
            }
            let value;
            (value, more) = read_value(&mut rest).map_err(wrong)?;
            if attributes.insert(kind.clone(), value).is_some() {
                return Err(wrong(&format!("{kind} comes twice")));
            }
        }
        // A country or a town signs nothing.
        if !attributes.contains_key("O") && !attributes.contains_key("CN") {
            return Err(wrong("names neither O nor CN"));
        }
        Ok(Self { said: text.trim().to_owned(), attributes })
    }

    /// Whether a certificate's name has all of them; of one in which an attribute comes twice nobody knows.
    pub(super) fn accepts(&self, name: &Name) -> bool {
        name.is_plain() && self.attributes.iter().all(|(kind, value)| name.value(kind) == Some(value))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

/// Reads a value up to its comma or the end, and says whether there is more.
fn read_value(rest: &mut std::str::Chars<'_>) -> std::result::Result<(String, bool), &'static str> {
    let mut value = Vec::new();
    // How much of it is no blank at the end that was not escaped.
    let mut kept = 0;
    let mut more = false;
    while let Some(each) = rest.next() {
        match each {
            '\\' => {
                let first = rest.next().ok_or("ends with a backslash")?;
                match first.to_digit(16) {
                    Some(high) => {
                        let low = rest.next().and_then(|low| low.to_digit(16));
                        let byte = low.and_then(|low| u8::try_from(high << 4 | low).ok());
                        value.push(byte.ok_or("has a backslash before one digit")?);
                    }
                    None if first.is_ascii_punctuation() || first == ' ' => {
                        value.extend(first.to_string().bytes());
                    }
                    None => return Err("has a backslash before what needs none"),
                }
                kept = value.len();
            }
            ',' => {
                more = true;
                break;
            }
            '+' => return Err("has several attributes in one place"),
            '"' | '<' | '>' | ';' => return Err("has a quote or bracket without a backslash"),
            '#' if value.is_empty() => return Err("has a value that is no text"),
            ' ' if value.is_empty() => {}
            _ => {
                value.extend(each.to_string().bytes());
                if each != ' ' {
                    kept = value.len();
                }
            }
        }
    }
    value.truncate(kept);
    let value = String::from_utf8(value).map_err(|_| "has a value that is no text")?;
    if value.is_empty() { Err("has an attribute without a value") } else { Ok((value, more)) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn name(parts: &[&[(&[u8], u8, &str)]]) -> Name {
        let attribute = |(oid, tag, text): &(&[u8], u8, &str)| {
            der::wrap(der::SEQUENCE, &[&der::write(der::OID, oid), &der::write(*tag, text.as_bytes())])
        };
        let set = |parts: &&[(&[u8], u8, &str)]| {
            let parts: Vec<u8> = parts.iter().flat_map(attribute).collect();
            der::write(der::SET, &parts)
        };
        let sets: Vec<u8> = parts.iter().flat_map(set).collect();
        Name::read(&der::write(der::SEQUENCE, &sets)).unwrap()
    }

    const C: &[u8] = &[0x55, 0x04, 0x06];
    const O: &[u8] = &[0x55, 0x04, 0x0a];
    const OU: &[u8] = &[0x55, 0x04, 0x0b];
    const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];

    #[test]
    fn a_name_is_written_the_last_attribute_first() {
        let found = name(&[
            &[(C, PRINTABLE_STRING, "US")],
            &[(O, der::UTF8_STRING, "Example, Inc. ")],
            &[(EMAIL, IA5_STRING, "a\u{7}@b")],
            &[(OU, 0x1e, "\0A")],
        ]);
        let written = "OU=#1e020041,1.2.840.113549.1.9.1=a\\u{7}@b,O=Example\\, Inc.\\ ,C=US";
        assert_eq!(found.to_string(), written);
    }

    #[test]
    fn every_attribute_that_is_demanded_must_be_there_with_its_value() {
        let found = name(&[&[(C, PRINTABLE_STRING, "US")], &[(O, der::UTF8_STRING, "Example, Inc. é")]]);
        for (subject, accepted) in [
            ("C=US, O=Example\\, Inc. é", true),
            (" x509.subject: c=US,o=Example\\2c Inc. \\c3\\a9 ", true),
            ("O=Example\\, Inc. é", true),
            ("O=Example\\, Inc. é\\ ", false),
            ("O=example\\, inc. é", false),
            ("C=DE, O=Example\\, Inc. é", false),
            ("O=Example\\, Inc. é, OU=Release", false),
        ] {
            assert_eq!(Subject::parse(subject).unwrap().accepts(&found), accepted, "{subject}");
        }
    }

    /// Which of both would be meant?
    #[test]
    fn a_name_with_an_attribute_twice_is_nobodys() {
        let wanted = Subject::parse("O=Example").unwrap();
        let (o, ou) = ((O, der::UTF8_STRING, "Example"), (OU, der::UTF8_STRING, "A"));
        assert!(wanted.accepts(&name(&[&[o], &[ou]])));
        assert!(!wanted.accepts(&name(&[&[o], &[o]])));
        assert!(!wanted.accepts(&name(&[&[o], &[ou], &[ou]])));
        assert!(!wanted.accepts(&name(&[&[o, ou]])));
    }

    #[test]
    fn a_subject_that_cannot_be_meant_is_refused() {
        for subject in [
            "",
            "*",
            "US",
            "C=US",
            "C=US, ST=WA",
            "O=",
            "O=a,",
            "O=a,O=b",
            "O=a+OU=b",
            "X=a",
            "O=#0c01",
            "O=a\\",
            "O=\\c3",
            "O=\\cz",
            "O=\\n",
            "O=\"a\"",
            "O= ",
            "S=a, ST=b, O=c",
            "1.2.3=a",
        ] {
            assert!(Subject::parse(subject).is_err(), "{subject}");
        }
    }
}
