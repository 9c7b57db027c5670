//! What templates get from outside: clock, randomness, keys. No cluster; look-ups of hosts only where asked for.

use std::net::ToSocketAddrs;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use wharf_engine::Surroundings;
use wharf_sprig::{Keys, LibraryKeys};

struct Machine {
    keys: LibraryKeys,
    dns: bool,
}

/// Returns what a render gets from this machine.
pub(crate) fn machine() -> Rc<dyn Surroundings> {
    Rc::new(Machine { keys: LibraryKeys, dns: false })
}

/// The same, with look-ups of hosts, which tell others what is looked up (CVE-2023-25165).
pub(crate) fn machine_with_dns() -> Rc<dyn Surroundings> {
    Rc::new(Machine { keys: LibraryKeys, dns: true })
}

impl Surroundings for Machine {
    fn now_nanoseconds(&self) -> i128 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |time| i128::try_from(time.as_nanos()).unwrap_or(i128::MAX))
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("an operating system has randomness");
    }

    fn zone(&self, name: &str, unix_seconds: i64) -> Option<(i32, String)> {
        let zone = match name {
            "" | "UTC" => return Some((0, "UTC".to_owned())),
            "Local" => jiff::tz::TimeZone::system(),
            name => jiff::tz::TimeZone::get(name).ok()?,
        };
        let time = jiff::Timestamp::from_second(unix_seconds).ok()?;
        let info = zone.to_offset_info(time);
        Some((info.offset().seconds(), info.abbreviation().to_owned()))
    }

    fn host_address(&self, name: &str) -> String {
        let found = self.dns.then(|| (name, 0).to_socket_addrs().ok()).flatten();
        found.and_then(|mut found| found.next()).map(|found| found.ip().to_string()).unwrap_or_default()
    }

    fn keys(&self) -> Option<&dyn Keys> {
        Some(&self.keys)
    }
}

struct Still(LibraryKeys);

/// Returns the same clock and the same randomness every time, for renders that are compared with each other.
pub(crate) fn still() -> Rc<dyn Surroundings> {
    Rc::new(Still(LibraryKeys))
}

impl Surroundings for Still {
    fn now_nanoseconds(&self) -> i128 {
        0
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.iter_mut().zip((0u8..=255).cycle()).for_each(|(byte, number)| *byte = number.wrapping_mul(7));
    }

    fn keys(&self) -> Option<&dyn Keys> {
        Some(&self.0)
    }
}
