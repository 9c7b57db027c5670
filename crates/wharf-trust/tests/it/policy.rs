//! Policies: what is allowed, what is not, and what the decision says about it.

use jiff::Timestamp;
use serde_json::{Value, json};
use wharf_oci::Digest;
use wharf_trust::policy::{
    ArtifactKind, CheckOutcome, Decision, Evidence, PaperEvidence, PaperForm, Policy, Verdict,
};
use wharf_trust::{
    Bundle, COSIGN_SIGN, Envelope, Error, IN_TOTO_PAYLOAD, KeyAlgorithm, PrivateKey, STATEMENT_V1, Statement,
    Subject,
};

const DIGEST: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

struct World {
    release: PrivateKey,
    security: PrivateKey,
}

impl World {
    fn new() -> Self {
        let key = || PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        Self { release: key(), security: key() }
    }

    fn file(&self) -> Value {
        json!({
            "version": 1,
            "default": "deny",
            "signers": {
                "release": { "key": { "pem": self.release.public().to_pem() } },
                "security": { "key": { "file": "security.pub" } },
                "ci": { "keyless": {
                    "issuer": { "exact": "https://token.example" },
                    "subject": { "glob": "https://git.example/acme/*" },
                    "claims": { "sourceRepositoryRef": { "exact": "refs/heads/main" } },
                } },
            },
            "rules": [
                {
                    "name": "production",
                    "match": { "repositories": ["r.example/prod/**"] },
                    "signatures": { "atLeast": 1, "of": ["release", "ci"] },
                    "attestations": [{
                        "type": "https://example.com/scan/v1",
                        "by": { "of": ["security"] },
                        "values": [{ "pointer": "/critical", "atMost": 0 }, { "pointer": "/scanner/name", "oneOf": ["good", "better"] }],
                    }],
                },
                { "name": "playground", "match": { "repositories": ["r.example/play/*"], "kinds": ["image"] } },
            ],
        })
    }

    fn policy(&self, file: &Value) -> Result<Policy, Error> {
        Policy::from_json(file.to_string().as_bytes(), &mut |path| {
            assert_eq!(path, "security.pub");
            Ok(self.security.public().to_pem().into_bytes())
        })
    }
}

fn paper(key: &PrivateKey, kind: &str, predicate: Value, digest: &str) -> PaperEvidence {
    let digest = [("sha256".to_owned(), digest.trim_start_matches("sha256:").to_owned())].into();
    let statement = Statement {
        statement_type: STATEMENT_V1.into(),
        subject: vec![Subject { digest, ..Subject::default() }],
        predicate_type: kind.into(),
        predicate,
    };
    let envelope = Envelope::sign(IN_TOTO_PAYLOAD, &statement.to_json(), key).unwrap();
    PaperEvidence {
        name: format!("paper {kind}"),
        form: PaperForm::Bundle(Box::new(Bundle::of_envelope(envelope, key.public()))),
    }
}

fn signed(key: &PrivateKey) -> PaperEvidence {
    paper(key, COSIGN_SIGN, json!({}), DIGEST)
}

fn scanned(key: &PrivateKey, critical: i64) -> PaperEvidence {
    paper(
        key,
        "https://example.com/scan/v1",
        json!({"critical": critical, "scanner": {"name": "good"}}),
        DIGEST,
    )
}

fn now() -> Timestamp {
    "2026-11-21T05:00:00Z".parse().unwrap()
}

fn decide(policy: &Policy, repository: &str, papers: &[PaperEvidence]) -> Decision {
    let digest: Digest = DIGEST.parse().unwrap();
    let evidence = Evidence { repository, kind: ArtifactKind::Image, digest: &digest, pinned: false, papers };
    policy.decide(&evidence, now())
}

const PROD: &str = "r.example/prod/team/app";

#[test]
fn what_meets_every_demand_is_allowed_and_the_decision_says_by_what() {
    let world = World::new();
    let policy = world.policy(&world.file()).unwrap();
    let decision = decide(&policy, PROD, &[signed(&world.release), scanned(&world.security, 0)]);
    assert_eq!(
        (decision.verdict, decision.rule.as_deref()),
        (Verdict::Allow, Some("production")),
        "{decision:?}"
    );
    assert_eq!(decision.checks[0].by, [format!("paper {COSIGN_SIGN} by release")]);
    assert!(decision.checks.iter().all(|check| check.outcome == CheckOutcome::Met));
}

#[test]
fn each_demand_that_is_not_met_denies_and_says_why() {
    let world = World::new();
    let policy = world.policy(&world.file()).unwrap();
    let (sign, scan) = (signed(&world.release), scanned(&world.security, 0));
    let moved = paper(&world.release, COSIGN_SIGN, json!({}), &DIGEST.replace("2cf2", "3cf2"));
    let unreadable =
        PaperEvidence { name: "broken".into(), form: PaperForm::Unreadable("bundle: cut off".into()) };
    for (papers, why) in [
        (vec![], "nothing is attached"),
        (vec![sign.clone()], "not by security"),
        (vec![scan.clone()], "not by release"),
        (vec![signed(&world.security), scan.clone()], "not signed by key"),
        (vec![sign.clone(), scanned(&world.release, 0)], "not signed by key"),
        (vec![sign.clone(), scanned(&world.security, 1)], "demanded /critical is at most 0; found 1"),
        (vec![moved, scan.clone()], "the statement is about"),
        (vec![unreadable, scan], "bundle: cut off"),
        (
            vec![sign, paper(&world.security, "https://example.com/scan/v1", json!({}), DIGEST)],
            "found nothing there",
        ),
    ] {
        let decision = decide(&policy, PROD, &papers);
        assert_eq!(decision.verdict, Verdict::Deny, "{decision:?}");
        let reasons: Vec<_> = decision.checks.iter().flat_map(|check| &check.reasons).collect();
        assert!(reasons.iter().any(|reason| reason.contains(why)), "{why}: {reasons:?}");
    }
}

#[test]
fn the_first_rule_that_matches_decides_and_the_default_the_rest() {
    let world = World::new();
    let mut file = world.file();
    let policy = world.policy(&file).unwrap();
    assert_eq!(decide(&policy, "r.example/play/app", &[]).verdict, Verdict::Allow);
    let rest = decide(&policy, "r.example/play/team/app", &[]);
    assert_eq!((rest.verdict, rest.rule), (Verdict::Deny, None));
    assert_eq!(decide(&policy, "evil.example/r.example/prod/app", &[]).verdict, Verdict::Deny);
    file["default"] = json!("warn");
    let policy = world.policy(&file).unwrap();
    assert_eq!(decide(&policy, "elsewhere.example/app", &[]).verdict, Verdict::Warn);
}

#[test]
fn thresholds_count_signers_and_not_signatures() {
    let world = World::new();
    let mut file = world.file();
    file["rules"][0]["attestations"] = json!([]);
    file["rules"][0]["signatures"] = json!({ "atLeast": 2, "of": ["release", "security"] });
    let policy = world.policy(&file).unwrap();
    assert_eq!(
        decide(&policy, PROD, &[signed(&world.release), signed(&world.release)]).verdict,
        Verdict::Deny
    );
    assert_eq!(
        decide(&policy, PROD, &[signed(&world.release), signed(&world.security)]).verdict,
        Verdict::Allow
    );
}

/// CVE-2024-23332: what was once good must not stay good for ever.
#[test]
fn revoked_expired_and_undated_signers_are_refused() {
    let world = World::new();
    let mut file = world.file();
    file["rules"][0]["attestations"] = json!([]);
    let papers = [signed(&world.release)];
    for (name, value) in [
        ("revoked", json!(true)),
        ("notAfter", json!("2026-01-01T00:00:00Z")),
        ("notBefore", json!("2027-01-01T00:00:00Z")),
    ] {
        let mut changed = file.clone();
        changed["signers"]["release"][name] = value;
        assert_eq!(decide(&world.policy(&changed).unwrap(), PROD, &papers).verdict, Verdict::Deny, "{name}");
    }
    file["rules"][0]["signatures"]["maxAgeDays"] = json!(30);
    let decision = decide(&world.policy(&file).unwrap(), PROD, &papers);
    assert_eq!(decision.verdict, Verdict::Deny);
    assert!(decision.checks[0].reasons[0].contains("nothing vouches for its age"), "{decision:?}");
}

#[test]
fn levels_and_exceptions_soften_and_end() {
    let world = World::new();
    let mut file = world.file();
    file["rules"][0]["signatures"]["level"] = json!("warn");
    file["rules"][0]["attestations"][0]["by"]["level"] = json!("off");
    let decision = decide(&world.policy(&file).unwrap(), PROD, &[]);
    assert_eq!((decision.verdict, decision.checks.len()), (Verdict::Warn, 1));
    let exception = |expires: &str| {
        let mut file = world.file();
        file["exceptions"] =
            json!([{ "digest": DIGEST, "reason": "hotfix", "owner": "ops", "expires": expires }]);
        world.policy(&file).unwrap()
    };
    assert_eq!(decide(&exception("2026-12-01T00:00:00Z"), PROD, &[]).verdict, Verdict::Allow);
    assert_eq!(decide(&exception("2026-11-01T00:00:00Z"), PROD, &[]).verdict, Verdict::Deny);
}

#[test]
fn a_policy_that_cannot_be_meant_is_refused() {
    let world = World::new();
    for (pointer, value, why) in [
        ("/version", json!(2), "version 2"),
        ("/rules/0/signatures/of", json!(["nobody"]), "signer `nobody` is not defined"),
        ("/rules/0/signatures/of", json!(["release", "release"]), "comes twice"),
        ("/rules/0/signatures/atLeast", json!(0), "can never be meant"),
        ("/rules/0/signatures/atLeast", json!(3), "can never be meant"),
        ("/rules/0/signatures", json!({ "of": ["release"], "atleast": 2 }), "unknown field"),
        ("/rules/0/match/repositories", json!([]), "matches no repository"),
        ("/signers/ci/keyless/subject", json!({ "glob": "**" }), "not everything"),
        ("/signers/ci/keyless/issuer", json!({}), "exactly one of"),
        ("/signers/ci/keyless/claims", json!({ "nosuch": { "exact": "x" } }), "claim `nosuch`"),
        ("/signers/release", json!({}), "either a key or keyless"),
        ("/rules/0/attestations/0/values/0", json!({ "pointer": "/x" }), "compared with nothing"),
    ] {
        let mut file = world.file();
        *file.pointer_mut(pointer).unwrap() = value;
        let error = world.policy(&file).unwrap_err().to_string();
        assert!(error.contains(why), "{pointer}: {error}");
    }
    let lines = world.policy(&world.file()).unwrap().explain();
    assert!(lines.iter().any(|line| line.contains("1 of release, ci")), "{lines:?}");
}
