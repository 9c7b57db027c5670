//! Requests, under the names of the CNCF Distribution registry.

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::SECONDS;

/// Requests by handler, method and status.
#[derive(Debug)]
pub(crate) struct Http {
    in_flight: Gauge,
    requests: Family<Request, Counter>,
    durations: Family<Handler, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    handler: &'static str,
    method: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handler {
    handler: &'static str,
    method: &'static str,
}

/// A request that is being served; dropped, it no longer is.
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Http {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let http = Self {
            in_flight: Gauge::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        };
        let registry = registry.sub_registry_with_prefix("http");
        registry.register("in_flight_requests", "Requests being served", http.in_flight.clone());
        registry.register("requests", "Requests served", http.requests.clone());
        registry.register(
            "request_duration_seconds",
            "Time from the headers of a request to those of its answer",
            http.durations.clone(),
        );
        http
    }

    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(crate) fn end(&self, handler: &'static str, method: &Method, status: StatusCode, time: Duration) {
        let method = match *method {
            Method::GET => "get",
            Method::HEAD => "head",
            Method::POST => "post",
            Method::PUT => "put",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "other",
        };
        self.requests.get_or_create(&Request { handler, method, code: status.as_u16() }).inc();
        self.durations.get_or_create(&Handler { handler, method }).observe(time.as_secs_f64());
    }
}
