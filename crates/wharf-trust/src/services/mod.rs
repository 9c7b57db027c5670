//! What signing asks of services and what they answer: requests as bytes out, answers as bytes in. Whoever sends them is
//! elsewhere, and nothing here is believed before [`Verifier`](crate::Verifier) or [`Fresh`] has seen it.

mod certificate;
mod config;
mod fresh;
mod log;
mod stamp;
mod token;

pub use certificate::CertificateRequest;
pub use config::{Selector, Service, SigningConfig};
pub use fresh::Fresh;
pub use log::LogApi;
pub use stamp::timestamp_request;
pub use token::IdentityToken;
