//! For how long a decision holds while nothing else changes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::file::Transparency;
use super::rule::{Attestation, Comparison, Exception, Policy, Rule, Signed, Signer, Who};

/// How long a decision that goes by the age of a signature is taken to hold.
const BY_AGE: SignedDuration = SignedDuration::from_secs(1);

impl Policy {
    /// Returns the moment from which on a decision made at `now` may turn out otherwise although neither the policy nor
    /// the papers change: an exception ends, a signer's period begins or ends, or the age of signatures counts. `None`
    /// where no time matters.
    #[must_use]
    pub fn steady_until(&self, now: Timestamp) -> Option<Timestamp> {
        // Taken apart field by field, so that whoever adds one is asked here whether a time is in it.
        let Self { default: _, root: _, root_good_until, signers, rules, exceptions } = self;
        let ends = exceptions.iter().map(|Exception { digest: _, reason: _, owner: _, expires }| *expires);
        let periods = signers.values().flat_map(|Signer { who: _, period, revoked: _ }| {
            [period.start, period.end].into_iter().flatten()
        });
        let edge = ends.chain(periods).chain(*root_good_until).filter(|edge| *edge >= now).min();
        let by_age = rules.iter().any(|rule| goes_by_the_clock(rule, signers));
        let by_age = by_age.then(|| now.saturating_add(BY_AGE).unwrap_or(now));
        edge.into_iter().chain(by_age).min()
    }
}

/// Whether what the rule demands depends on the present time: on how old a signature is, or on whether a certificate is
/// valid now, where nothing vouches for when it was used.
fn goes_by_the_clock(rule: &Rule, signers: &BTreeMap<String, Signer>) -> bool {
    let Rule {
        name: _,
        repositories: _,
        kinds: _,
        platforms: _,
        deny: _,
        require_digest: _,
        signatures,
        attestations,
        freshness,
        // It counts only while a promotion is under way.
        promotion: _,
    } = rule;
    let limited = |signed: &Signed| {
        let Signed { at_least: _, of, transparency, timestamp, max_age, level: _ } = signed;
        let unproven = *transparency == Transparency::None && !timestamp;
        let by_the_clock = |name| match signers.get(name).map(|signer| &signer.who) {
            Some(Who::Keyless(_)) => unproven,
            // Keys of OpenPGP end, and so do certificates and signatures of Notation.
            Some(Who::Pgp(_) | Who::Notation(_)) => true,
            Some(Who::Key(_)) | None => false,
        };
        max_age.is_some() || of.iter().any(by_the_clock)
    };
    let attested = |Attestation { demand, by, values }: &Attestation| {
        limited(by) || demand.goes_by_the_clock() || values.iter().any(Comparison::goes_by_the_clock)
    };
    let ages = freshness.iter().any(|fresh| fresh.said.max_age_days.is_some());
    ages || signatures.iter().any(limited) || attestations.iter().any(attested)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::key::{KeyAlgorithm, PrivateKey};

    /// Until when a decision of noon holds, in seconds from then.
    fn steady(
        signer: &serde_json::Value,
        signed: &serde_json::Value,
        exceptions: &serde_json::Value,
    ) -> Option<i64> {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let mut policy = serde_json::json!({
            "version": 1, "default": "deny", "exceptions": exceptions,
            "signers": { "a": { "key": { "pem": key.public().to_pem() } } },
            "rules": [{ "name": "all", "match": { "repositories": ["**"] }, "signatures": { "of": ["a"] } }],
        });
        for (at, with) in [("/signers/a", signer), ("/rules/0/signatures", signed)] {
            let members = policy.pointer_mut(at).unwrap().as_object_mut().unwrap();
            members.extend(with.as_object().unwrap().clone());
        }
        let noon: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let policy = Policy::from_json(policy.to_string().as_bytes(), &mut |_| Ok(Vec::new())).unwrap();
        policy.steady_until(noon).map(|until| until.duration_since(noon).as_secs())
    }

    #[test]
    fn a_decision_holds_until_the_first_time_that_matters() {
        let none = serde_json::json!({});
        let exception = |expires: &str| {
            let digest = wharf_oci::Algorithm::Sha256.digest(b"x").to_string();
            serde_json::json!([{ "digest": digest, "reason": "r", "owner": "o", "expires": expires }])
        };
        let signer = |from: &str, to: &str| serde_json::json!({ "notBefore": from, "notAfter": to });
        let nothing = serde_json::json!([]);
        assert_eq!(steady(&none, &none, &nothing), None);
        assert_eq!(steady(&none, &none, &exception("2026-11-28T12:00:30Z")), Some(30));
        assert_eq!(steady(&none, &none, &exception("2026-11-28T11:59:30Z")), None, "long over");
        let period = signer("2026-11-28T12:00:10Z", "2026-11-28T12:00:20Z");
        assert_eq!(steady(&period, &none, &exception("2026-11-28T12:00:30Z")), Some(10));
        let period = signer("2026-11-01T00:00:00Z", "2026-11-28T12:00:20Z");
        assert_eq!(steady(&period, &none, &nothing), Some(20));
        assert_eq!(steady(&none, &serde_json::json!({ "maxAgeDays": 30 }), &nothing), Some(1));
    }
}
