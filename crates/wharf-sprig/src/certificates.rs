//! Keys, certificates and encryption: arguments are checked here, the work is done by the [`Keys`] handed in.

use std::any::Any;
use std::net::IpAddr;
use std::rc::Rc;

use data_encoding::BASE64;
use wharf_template::{FuncError, FunctionTable, Object, Value};

use crate::args::{Add, Result, T, bytes, int, items, text};
use crate::encodings::decode_base64;
use crate::surroundings::{Certificate, CertificateRequest, Keys, Surroundings};

const TYPE_NAME: &str = "sprig.certificate";
const CERTIFICATE: T = T::Object(TYPE_NAME);

pub(crate) fn add(table: &mut FunctionTable, surroundings: &Rc<dyn Surroundings>) {
    const SS: &[T] = &[T::String, T::String];
    let source = Rc::clone(surroundings);
    table.with("bcrypt", &[T::String], move |_, args| Ok(bcrypt(&*source, &args[0]).into()));
    let source = Rc::clone(surroundings);
    table.with("htpasswd", SS, move |_, args| {
        let user = text(&args[0]);
        if user.contains(':') {
            return Ok(format!("invalid username: {user}").into());
        }
        Ok(format!("{user}:{}", bcrypt(&*source, &args[1])).into())
    });
    let source = Rc::clone(surroundings);
    table.with("genPrivateKey", &[T::String], move |_, args| {
        let kind = text(&args[0]);
        match &*kind {
            "" | "rsa" | "dsa" | "ecdsa" | "ed25519" => {
                Ok(keys(&*source)?.private_key(if kind.is_empty() { "rsa" } else { &kind })?.into())
            }
            other => Ok(format!("Unknown type {other}").into()),
        }
    });
    type Params = &'static [T];
    // Name, parameters, whether an authority, whether signed by another, whether the last parameter is a key.
    let makers: [(&'static str, Params, bool, bool, bool); 6] = [
        ("genCA", &[T::String, T::Int], true, false, false),
        ("genCAWithKey", &[T::String, T::Int, T::String], true, false, true),
        ("genSelfSignedCert", &[T::String, T::AnyList, T::AnyList, T::Int], false, false, false),
        (
            "genSelfSignedCertWithKey",
            &[T::String, T::AnyList, T::AnyList, T::Int, T::String],
            false,
            false,
            true,
        ),
        ("genSignedCert", &[T::String, T::AnyList, T::AnyList, T::Int, CERTIFICATE], false, true, false),
        (
            "genSignedCertWithKey",
            &[T::String, T::AnyList, T::AnyList, T::Int, CERTIFICATE, T::String],
            false,
            true,
            true,
        ),
    ];
    for (name, params, is_authority, is_signed, has_key) in makers {
        let source = Rc::clone(surroundings);
        table.with(name, params, move |_, args| {
            let mut request = CertificateRequest {
                common_name: text(&args[0]).into_owned(),
                is_authority,
                ..Default::default()
            };
            if is_authority {
                request.days = int(&args[1]);
            } else {
                request.ips = addresses(&args[1])?;
                request.dns_names = names(&args[2])?;
                request.days = int(&args[3]);
            }
            request.key_pem = args.last().filter(|_| has_key).map(|key| text(key).into_owned());
            let signer = if is_signed { certificate(&args[4]) } else { None };
            Ok(Value::Object(Rc::new(Made(keys(&*source)?.certificate(&request, signer)?))))
        });
    }
    table.plain("buildCustomCert", SS, |args| {
        let decode = |value: &Value, what: &str| {
            let text = decode_base64(bytes(value)).map_err(|_| format!("unable to decode base64 {what}"))?;
            Ok::<_, FuncError>(String::from_utf8_lossy(&text).into_owned())
        };
        let (cert, key) = (decode(&args[0], "certificate")?, decode(&args[1], "private key")?);
        if !cert.contains("-----BEGIN ") {
            return Err("unable to decode certificate".into());
        }
        if !key.contains("-----BEGIN ") {
            return Err("error parsing private key: no PEM data in input".into());
        }
        Ok(Value::Object(Rc::new(Made(Certificate { cert, key }))))
    });
    let source = Rc::clone(surroundings);
    table.with("encryptAES", SS, move |_, args| {
        if bytes(&args[1]).is_empty() {
            return Ok("".into());
        }
        let sealed = keys(&*source)?.encrypt(&aes_key(bytes(&args[0])), bytes(&args[1]))?;
        Ok(BASE64.encode(&sealed).into())
    });
    let source = Rc::clone(surroundings);
    table.with("decryptAES", SS, move |_, args| {
        if bytes(&args[1]).is_empty() {
            return Ok("".into());
        }
        let sealed =
            decode_base64(bytes(&args[1])).map_err(|at| format!("illegal base64 data at input byte {at}"))?;
        Ok(Value::str(keys(&*source)?.decrypt(&aes_key(bytes(&args[0])), &sealed)?))
    });
}

fn keys(surroundings: &dyn Surroundings) -> Result<&dyn Keys> {
    surroundings.keys().ok_or_else(|| "keys and certificates cannot be made here".into())
}

fn bcrypt(surroundings: &dyn Surroundings, password: &Value) -> String {
    let hash = keys(surroundings).and_then(|keys| keys.bcrypt(bytes(password)));
    hash.unwrap_or_else(|error| format!("failed to encrypt string with bcrypt: {error}"))
}

/// The password itself, cut or filled up with zeros.
fn aes_key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    for (target, byte) in key.iter_mut().zip(password) {
        *target = *byte;
    }
    key
}

fn addresses(value: &Value) -> Result<Vec<IpAddr>> {
    let items = items(value).unwrap_or_default();
    items
        .iter()
        .map(|item| match item {
            Value::Str(text) => {
                text.to_text().parse().map_err(|_| FuncError::Message(format!("error parsing ip: {text}")))
            }
            other => Err(FuncError::Message(format!("error parsing ip: {other} is not a string"))),
        })
        .collect()
}

fn names(value: &Value) -> Result<Vec<String>> {
    let items = items(value).unwrap_or_default();
    items
        .iter()
        .map(|item| match item {
            Value::Str(text) => Ok(text.to_string()),
            other => Err(FuncError::Message(format!(
                "error processing alternate dns name: {other} is not a string"
            ))),
        })
        .collect()
}

fn certificate(value: &Value) -> Option<&Certificate> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref::<Made>().map(|made| &made.0),
        _ => None,
    }
}

/// A certificate as templates see it: fields `Cert` and `Key`.
#[derive(Debug)]
struct Made(Certificate);

impl Object for Made {
    fn type_name(&self) -> &'static str {
        TYPE_NAME
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", self.0.cert.as_str().into()), ("Key", self.0.key.as_str().into())]
    }
}
