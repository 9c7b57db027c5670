//! Times that a predicate states. Its signer is who vouches for them.

use jiff::{SignedDuration, Timestamp};

use super::unmet;
use crate::error::Result;

/// How far clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Fails unless `said` is a time (RFC 3339) that is not longer ago than `days`, and not yet to come.
pub(in crate::policy) fn check_age(what: &str, said: Option<&str>, days: u32, now: Timestamp) -> Result<()> {
    let at = time(what, said)?;
    if at > now.saturating_add(SKEW).unwrap_or(now) {
        return Err(unmet(format!("{what} is {at}, which is yet to come")));
    }
    let age = now.duration_since(at);
    if age > SignedDuration::from_hours(i64::from(days) * 24) {
        return Err(unmet(format!("{what} is {at}, {} days ago, more than {days}", age.as_hours() / 24)));
    }
    Ok(())
}

/// Fails unless `said` is a time that is yet to come.
pub(in crate::policy) fn check_not_expired(what: &str, said: Option<&str>, now: Timestamp) -> Result<()> {
    let at = time(what, said)?;
    if at < now { Err(unmet(format!("{what} is {at}, which is past"))) } else { Ok(()) }
}

fn time(what: &str, said: Option<&str>) -> Result<Timestamp> {
    let said = said.ok_or_else(|| unmet(format!("{what} is not said")))?;
    said.parse().map_err(|_| unmet(format!("{what} is `{}`, which is no time", said.escape_default())))
}
