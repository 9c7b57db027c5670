//! Policies: what is allowed, what is not, and what the decision says about it.

use jiff::Timestamp;
use serde_json::{Value, json};
use wharf_oci::Digest;
use wharf_trust::policy::{
    ArtifactKind, Asked, AskedImage, CheckOutcome, Decision, Evidence, Facts, Intent, PROMOTION_APPROVAL,
    PROMOTION_REQUEST, PaperEvidence, PaperForm, Policy, Verdict,
};
use wharf_trust::{COSIGN_SIGN, Error, KeyAlgorithm, PrivateKey};

use crate::paper::{DIGEST, paper};

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
    decide_on(policy, repository, &Facts::of_kind(ArtifactKind::Image), papers, None)
}

fn decide_on(
    policy: &Policy,
    repository: &str,
    facts: &Facts,
    papers: &[PaperEvidence],
    promotion: Option<Intent<'_>>,
) -> Decision {
    let digest: Digest = DIGEST.parse().unwrap();
    let evidence = Evidence { repository, facts, digest: &digest, pinned: false, papers, promotion };
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
        ("/signers/release", json!({}), "one of key, keyless, pgp and notation"),
        ("/rules/0/attestations/0/values/0", json!({ "pointer": "/x" }), "compared with nothing"),
        ("/rules/0/attestations/0/type", json!(null), "exactly one of type"),
        ("/rules/0/deny", json!("closed"), "can demand nothing"),
        ("/rules/0/freshness", json!({ "minVersion": "1" }), "no semantic version"),
        ("/rules/0/freshness", json!({}), "demands nothing"),
    ] {
        let mut file = world.file();
        match file.pointer_mut(pointer) {
            Some(found) => *found = value,
            None => file["rules"][0][pointer.trim_start_matches("/rules/0/")] = value,
        }
        let error = world.policy(&file).unwrap_err().to_string();
        assert!(error.contains(why), "{pointer}: {error}");
    }
    let lines = world.policy(&world.file()).unwrap().explain();
    assert!(lines.iter().any(|line| line.contains("1 of release, ci")), "{lines:?}");
}

/// One key under two names must not make two signers of one.
#[test]
fn two_names_of_one_key_are_one_signer() {
    let world = World::new();
    let mut file = world.file();
    file["signers"]["twin"] = file["signers"]["release"].clone();
    file["rules"][0]["attestations"] = json!([]);
    file["rules"][0]["signatures"] = json!({ "atLeast": 2, "of": ["release", "twin"] });
    let decision =
        decide(&world.policy(&file).unwrap(), PROD, &[signed(&world.release), signed(&world.release)]);
    assert_eq!(decision.verdict, Verdict::Deny);
    assert!(
        decision.checks[0].reasons.iter().any(|reason| reason.contains("counts already")),
        "{decision:?}"
    );
}

/// A policy whose one rule demands one attestation of `security`.
fn demanding(world: &World, attestation: &Value) -> Policy {
    let mut file = world.file();
    file["rules"][0]["signatures"] = json!(null);
    file["rules"][0]["attestations"] = json!([attestation]);
    file["rules"][0]["attestations"][0]["by"] = json!({ "of": ["security"] });
    world.policy(&file).unwrap()
}

/// Decides on each predicate and holds the reason against the one expected; none where it is allowed.
fn table(demand: &Value, kind: &str, cases: &[(Value, Option<&str>)]) {
    let world = World::new();
    let policy = demanding(&world, demand);
    for (predicate, why) in cases {
        let decision = decide(&policy, PROD, &[paper(&world.security, kind, predicate.clone(), DIGEST)]);
        let reason = decision.checks[0].reasons.first().cloned().unwrap_or_default();
        match why {
            None => assert_eq!(decision.verdict, Verdict::Allow, "{predicate}: {reason}"),
            Some(why) => {
                assert!(decision.verdict == Verdict::Deny && reason.contains(why), "{predicate}: {reason}");
            }
        }
    }
}

#[test]
fn provenance_counts_from_believed_builders_and_repositories_only() {
    let demand = json!({ "provenance": {
        "builders": [
            { "id": "https://builder.example/strong@*", "level": 3 },
            { "id": "https://builder.example/*", "level": 1 },
        ],
        "sources": ["https://git.example/acme/*"],
        "minLevel": 2,
    } });
    let v1 = |builder: &str, source: &str| {
        json!({
            "buildDefinition": { "externalParameters": { "workflow": { "repository": source } } },
            "runDetails": { "builder": { "id": builder } },
        })
    };
    let (strong, weak) = ("https://builder.example/strong@v1", "https://builder.example/weak");
    let acme = "git+https://git.example/acme/web@refs/heads/main";
    table(
        &demand,
        "https://slsa.dev/provenance/v1",
        &[
            (v1(strong, acme), None),
            (v1(weak, acme), Some("reaches level 1, and 2 is demanded")),
            (v1("https://evil.example/strong@v1", acme), Some("is not believed")),
            (v1(strong, "https://git.example/evil/web"), Some("built from")),
            (v1(strong, "https://git.example/acme/web/../../evil/x"), Some("built from")),
            (json!({ "runDetails": { "builder": { "id": strong } } }), Some("no source repository")),
            (json!({}), Some("names no builder")),
        ],
    );
    table(
        &demand,
        "https://slsa.dev/provenance/v0.2",
        &[(json!({ "builder": { "id": strong }, "invocation": { "configSource": { "uri": acme } } }), None)],
    );
    table(
        &demand,
        "https://slsa.dev/provenance/v0.1",
        &[(v1(strong, acme), Some("the predicate is of type"))],
    );
}

#[test]
fn an_sbom_must_be_one_and_list_something() {
    let demand = json!({ "sbom": { "formats": ["spdx"], "minComponents": 2 } });
    let spdx = |count: usize| json!({ "spdxVersion": "SPDX-2.3", "packages": vec![json!({}); count] });
    table(
        &demand,
        "https://spdx.dev/Document",
        &[
            (spdx(2), None),
            (json!(spdx(2).to_string()), None),
            (json!({ "Data": spdx(2), "Timestamp": "" }), None),
            (spdx(1), Some("lists 1 components, not 2")),
            (json!({ "spdxVersion": "SPDX-2.3" }), Some("lists 0 components")),
            (json!({ "packages": [{}, {}] }), Some("is none")),
            (json!("no document"), Some("is none")),
        ],
    );
    table(&demand, "https://spdx.dev/Document/v2.3", &[(spdx(3), None)]);
    table(&demand, "https://cyclonedx.org/bom", &[(json!({}), Some("the predicate is of type"))]);
    let cyclone = json!({ "bomFormat": "CycloneDX", "components": [{}] });
    table(&json!({ "sbom": {} }), "https://cyclonedx.org/bom", &[(cyclone, None)]);
}

#[test]
fn findings_of_every_scanner_are_held_against_the_limit() {
    let demand = json!({ "vulnerabilities": {
        "maxSeverity": "medium", "fixableOnly": true, "maxAgeDays": 7,
        "ignore": [
            { "id": "CVE-1", "reason": "not reachable", "expires": "2026-12-01T00:00:00Z" },
            { "id": "CVE-2", "reason": "was looked at", "expires": "2026-11-01T00:00:00Z" },
        ],
    } });
    let scan = |at: &str, result: Value| json!({ "scanner": { "result": result }, "metadata": { "scanFinishedOn": at } });
    let fresh = |result| scan("2026-11-20T00:00:00Z", result);
    let trivy = |id: &str, severity: &str, fixed: &str| {
        fresh(json!({ "SchemaVersion": 2, "ArtifactName": "a", "Results": [
            { "Vulnerabilities": [{ "VulnerabilityID": id, "Severity": severity, "FixedVersion": fixed }] },
        ] }))
    };
    let grype = |severity: &str, state: &str| {
        let found = json!({ "id": "CVE-3", "severity": severity, "fix": { "state": state } });
        fresh(json!({ "matches": [{ "vulnerability": found }] }))
    };
    let over = Some("1 findings beyond the limit");
    table(
        &demand,
        "https://cosign.sigstore.dev/attestation/vuln/v1",
        &[
            (fresh(json!({ "SchemaVersion": 2, "ArtifactName": "a" })), None),
            (trivy("CVE-3", "MEDIUM", "1"), None),
            (trivy("CVE-3", "HIGH", "1"), over),
            (trivy("CVE-3", "UNKNOWN", "1"), over),
            (trivy("CVE-3", "HIGH", ""), None),
            (trivy("CVE-1", "CRITICAL", "1"), None),
            (trivy("CVE-2", "CRITICAL", "1"), over),
            (grype("Medium", "fixed"), None),
            (grype("Critical", "not-fixed"), None),
            (grype("Critical", "fixed"), over),
            (fresh(json!({ "found": [] })), Some("in no form that is known")),
            (fresh(json!(null)), Some("holds no result")),
            (scan("2026-11-01T00:00:00Z", json!({ "matches": [] })), Some("more than 7")),
            (scan("2027-01-01T00:00:00Z", json!({ "matches": [] })), Some("yet to come")),
            (json!({ "scanner": { "result": { "matches": [] } } }), Some("scanFinishedOn is not said")),
        ],
    );
    let in_toto =
        |score: &str| fresh(json!([{ "id": "CVE-4", "severity": [{ "method": "nvd", "score": score }] }]));
    table(
        &demand,
        "https://in-toto.io/attestation/vulns/v0.1",
        &[
            (in_toto("6.9"), None),
            (in_toto("7.0"), over),
            (in_toto("high"), over),
            (fresh(json!([])), None),
            (fresh(json!([{ "severity": [] }])), Some("in no form that is known")),
        ],
    );
    let by_score = json!({ "vulnerabilities": { "maxScore": 7.5 } });
    table(
        &by_score,
        "https://in-toto.io/attestation/vulns/v0.1",
        &[(in_toto("7.5"), None), (in_toto("7.6"), over), (in_toto("high"), over), (in_toto("medium"), None)],
    );
}

#[test]
fn a_summary_counts_from_believed_verifiers_while_it_is_young() {
    let demand = json!({ "summary": { "verifiers": ["https://verifier.example/*"], "minLevel": 2, "maxAgeDays": 30 } });
    let said = |verifier: &str, result: &str, level: &str, at: &str| {
        json!({
            "verifier": { "id": verifier }, "verificationResult": result, "verifiedLevels": [level], "timeVerified": at,
        })
    };
    let (good, at, level) = ("https://verifier.example/a", "2026-11-20T00:00:00Z", "SLSA_BUILD_LEVEL_3");
    table(
        &demand,
        "https://slsa.dev/verification_summary/v1",
        &[
            (said(good, "PASSED", level, at), None),
            (said("https://evil.example/a", "PASSED", level, at), Some("not one that is believed")),
            (said(good, "FAILED", level, at), Some("ended with `FAILED`")),
            (said(good, "PASSED", "SLSA_BUILD_LEVEL_1", at), Some("build level 1, not 2")),
            (said(good, "PASSED", level, "2026-01-01T00:00:00Z"), Some("more than 30")),
        ],
    );
}

#[test]
fn times_in_a_predicate_are_compared_with_now() {
    let demand = json!({ "type": "https://example.com/test/v1", "values": [
        { "pointer": "/at", "maxAgeDays": 10 }, { "pointer": "/until", "notExpired": true },
    ] });
    let said = |at: &str, until: &str| json!({ "at": at, "until": until });
    table(
        &demand,
        "https://example.com/test/v1",
        &[
            (said("2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z"), None),
            (said("2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z"), Some("which is past")),
            (said("2026-11-01T00:00:00Z", "2026-11-22T00:00:00Z"), Some("more than 10")),
            (said("yesterday", "2026-11-22T00:00:00Z"), Some("which is no time")),
        ],
    );
}

/// CVE-2024-23332, the other half: an old artifact must not come back, however well it is signed.
#[test]
fn what_is_older_than_the_rule_allows_is_refused() {
    let world = World::new();
    let mut file = world.file();
    file["rules"][0]["attestations"] = json!([]);
    file["rules"][0]["freshness"] =
        json!({ "minVersion": "1.4.0", "notBefore": "2026-01-01T00:00:00Z", "maxAgeDays": 90 });
    let policy = world.policy(&file).unwrap();
    let facts = |version: Option<&str>, created: Option<&str>| Facts {
        version: version.map(str::to_owned),
        created: created.map(|at| at.parse().unwrap()),
        ..Facts::of_kind(ArtifactKind::Chart)
    };
    let papers = [signed(&world.release)];
    for (version, created, why) in [
        (Some("1.4.0"), Some("2026-11-01T00:00:00Z"), None),
        (Some("1.10.0"), Some("2026-11-01T00:00:00Z"), None),
        (Some("1.4.0-rc.1"), Some("2026-11-01T00:00:00Z"), Some("older than 1.4.0")),
        (Some("1.3.9"), Some("2026-11-01T00:00:00Z"), Some("older than 1.4.0")),
        (None, Some("2026-11-01T00:00:00Z"), Some("says no version")),
        (Some("1.4.0"), Some("2025-11-01T00:00:00Z"), Some("before 2026-01-01")),
        (Some("1.4.0"), Some("2026-02-01T00:00:00Z"), Some("more than 90 days ago")),
        (Some("1.4.0"), None, Some("does not say when")),
    ] {
        let decision = decide_on(&policy, PROD, &facts(version, created), &papers, None);
        let reasons = decision.checks[0].reasons.join("; ");
        assert_eq!(decision.is_allowed(), why.is_none(), "{version:?} {created:?}: {reasons}");
        assert!(why.is_none_or(|why| reasons.contains(why)), "{version:?} {created:?}: {reasons}");
    }
}

#[test]
fn platforms_choose_the_rule_and_what_nobody_knows_slips_through_none() {
    let world = World::new();
    let mut file = world.file();
    file["rules"][0]["match"]["platforms"] = json!(["linux/*", "linux/arm/*"]);
    file["rules"].as_array_mut().unwrap().push(json!({
        "name": "windows", "match": { "repositories": ["r.example/prod/**"], "platforms": ["windows/*"] },
        "deny": "nobody looks after it",
    }));
    let policy = world.policy(&file).unwrap();
    assert!(policy.asks_for_platforms());
    for (platforms, rule) in
        [(&["linux/arm64"][..], "production"), (&["windows/amd64"], "windows"), (&[], "production")]
    {
        let platforms = platforms.iter().map(|&platform| platform.to_owned()).collect();
        let facts = Facts { platforms, ..Facts::of_kind(ArtifactKind::Image) };
        let decision = decide_on(&policy, PROD, &facts, &[], None);
        assert_eq!((decision.rule.as_deref(), decision.verdict), (Some(rule), Verdict::Deny));
    }
}

#[test]
fn a_trust_root_that_nobody_looked_after_is_believed_no_more() {
    let world = World::new();
    let mut file = world.file();
    file["rules"][0]["attestations"] = json!([]);
    file["rules"][0]["signatures"]["transparency"] = json!("none");
    let root = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data/sigstore-public-good.json")).unwrap();
    let decide = |until: &str, by_log: bool| {
        let mut file = file.clone();
        file["trustRoot"] = json!({ "file": "root.json", "goodUntil": until });
        if by_log {
            file["rules"][0]["signatures"]["transparency"] = json!("required");
        }
        let policy = Policy::from_json(file.to_string().as_bytes(), &mut |path| {
            Ok(if path == "root.json" { root.clone() } else { world.security.public().to_pem().into_bytes() })
        });
        let decision = decide(&policy.unwrap(), PROD, &[signed(&world.release)]);
        (decision.is_allowed(), decision.checks[0].reasons.join("; "))
    };
    // A key needs no root.
    assert!(decide("2026-01-01T00:00:00Z", false).0);
    let (_, reasons) = decide("2026-01-01T00:00:00Z", true);
    assert!(reasons.contains("the trust root was good until 2026-01-01"), "{reasons}");
    let (_, reasons) = decide("2027-01-01T00:00:00Z", true);
    assert!(!reasons.contains("good until"), "{reasons}");
}

/// What a promotion asks for, the papers that are there, and how the policy decides.
struct FourEyes {
    world: std::rc::Rc<World>,
    policy: Policy,
    asked: Asked,
    root: Digest,
}

impl FourEyes {
    fn new(promotion: &Value) -> Self {
        let world = World::new();
        let mut file = world.file();
        file["signers"]["twin"] = file["signers"]["release"].clone();
        file["rules"][0]["attestations"] = json!([]);
        file["rules"][0]["signatures"] = json!(null);
        file["rules"][0]["promotion"] = promotion.clone();
        let policy = world.policy(&file).unwrap();
        let asked = Asked {
            repository: PROD.to_owned(),
            tags: vec!["1.4.0".to_owned()],
            channels: vec![],
            policy: DIGEST.parse().unwrap(),
            images: vec![],
        };
        Self { world: world.into(), policy, asked, root: DIGEST.parse().unwrap() }
    }

    fn decide(&self, papers: &[PaperEvidence]) -> Decision {
        let intent = Intent { root: &self.root, papers, asked: &self.asked };
        decide_on(&self.policy, PROD, &Facts::of_kind(ArtifactKind::Chart), papers, Some(intent))
    }

    fn request(&self, key: &PrivateKey, at: &str) -> PaperEvidence {
        paper(key, PROMOTION_REQUEST, self.asked.request(at), DIGEST)
    }

    fn approval(&self, key: &PrivateKey, of: &PaperEvidence, at: &str) -> PaperEvidence {
        let request = self.decide(std::slice::from_ref(of)).approvals.unwrap().requests[0].clone();
        paper(key, PROMOTION_APPROVAL, self.asked.approval(&request, at), DIGEST)
    }
}

const TODAY: &str = "2026-11-21T04:00:00Z";

#[test]
fn a_promotion_needs_a_request_and_an_approval_by_another_key() {
    let eyes = FourEyes::new(&json!({ "of": ["release", "twin", "security"] }));
    let (ann, bob) = (&eyes.world.release, &eyes.world.security);
    let request = eyes.request(ann, TODAY);
    let nothing = eyes.decide(&[]);
    assert!(nothing.waits_for_approval() && !nothing.is_allowed());
    assert_eq!(nothing.checks[0].reasons, ["nobody asked for it"]);
    let alone = eyes.decide(std::slice::from_ref(&request));
    assert!(alone.waits_for_approval() && !alone.is_allowed(), "{alone:?}");
    // The requester's key has a second name in the policy, which helps nobody.
    let own = eyes.decide(&[request.clone(), eyes.approval(ann, &request, TODAY)]);
    assert!(
        !own.is_allowed() && own.checks[0].reasons.iter().any(|why| why.contains("who asked for it")),
        "{own:?}"
    );
    let both = eyes.decide(&[request.clone(), eyes.approval(bob, &request, TODAY)]);
    assert!(both.is_allowed(), "{both:?}");
    let found = both.approvals.unwrap();
    assert_eq!(
        (found.request.unwrap().signer.as_str(), found.approvals[0].signer.as_str()),
        ("release", "security")
    );
    // Without a promotion under way nobody needs to have asked.
    assert!(decide(&eyes.policy, PROD, &[]).is_allowed());
}

#[test]
fn an_approval_holds_for_that_request_alone_and_not_for_ever() {
    let mut eyes = FourEyes::new(&json!({ "of": ["release", "security"], "maxAgeDays": 7 }));
    let world = std::rc::Rc::clone(&eyes.world);
    let (ann, bob) = (&world.release, &world.security);
    let request = eyes.request(ann, TODAY);
    let approval = eyes.approval(bob, &request, TODAY);
    assert!(eyes.decide(&[request.clone(), approval.clone()]).is_allowed());
    let again = eyes.request(ann, "2026-11-21T04:30:00Z");
    assert!(!eyes.decide(&[again.clone(), approval.clone()]).is_allowed(), "a later request is another");
    assert!(
        eyes.decide(&[again, request.clone(), approval.clone()]).is_allowed(),
        "the first is still there"
    );
    let old = eyes.request(ann, "2026-11-01T00:00:00Z");
    assert!(!eyes.decide(std::slice::from_ref(&old)).approvals.unwrap().requests.iter().any(|_| true));
    let future = eyes.request(ann, "2027-11-01T00:00:00Z");
    assert!(eyes.decide(&[future]).approvals.unwrap().requests.is_empty());
    for change in [
        |asked: &mut Asked| asked.channels = vec!["stable".to_owned()],
        |asked: &mut Asked| asked.repository = "r.example/prod/other".to_owned(),
        |asked: &mut Asked| asked.policy = DIGEST.replace("2cf2", "3cf2").parse().unwrap(),
        |asked: &mut Asked| {
            asked.images = vec![AskedImage { name: "a".to_owned(), digest: DIGEST.to_owned() }]
        },
    ] {
        let before = eyes.asked.clone();
        change(&mut eyes.asked);
        let decision = eyes.decide(&[request.clone(), approval.clone()]);
        assert!(!decision.is_allowed(), "{decision:?}");
        eyes.asked = before;
    }
}

#[test]
fn who_may_ask_and_how_many_must_agree_is_the_policys() {
    let eyes = FourEyes::new(&json!({ "approvals": 1, "of": ["security"], "requestedBy": ["release"] }));
    let (ann, bob) = (&eyes.world.release, &eyes.world.security);
    assert!(eyes.decide(&[eyes.request(bob, TODAY)]).approvals.unwrap().requests.is_empty());
    let request = eyes.request(ann, TODAY);
    assert!(eyes.decide(&[request.clone(), eyes.approval(bob, &request, TODAY)]).is_allowed());
    let stranger = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    assert!(!eyes.decide(&[request.clone(), eyes.approval(&stranger, &request, TODAY)]).is_allowed());
    let mut file = eyes.world.file();
    file["rules"][0]["promotion"] = json!({ "of": ["release"] });
    let error = eyes.world.policy(&file).unwrap_err().to_string();
    assert!(error.contains("can never come from 1"), "{error}");
}

/// A provenance file says nothing but that the archive is signed: it must not pass for an attestation.
#[test]
fn openpgp_keys_make_no_statements() {
    let world = World::new();
    for (member, value) in [
        ("attestations", json!([{ "sbom": {}, "by": { "of": ["maintainers"] } }])),
        ("promotion", json!({ "of": ["maintainers", "release"] })),
    ] {
        let mut file = world.file();
        file["signers"]["maintainers"] = json!({ "pgp": { "keyring": "security.pub" } });
        file["rules"][0][member] = value;
        let error = world.policy(&file).unwrap_err().to_string();
        assert!(error.contains("makes no statements"), "{error}");
    }
}

/// CVE-2022-35930: at admission, too, an attestation of another type satisfied the wanted one, and none at all did.
#[test]
fn an_attestation_of_another_type_does_not_satisfy_a_policy() {
    let world = World::new();
    let policy = world.policy(&world.file()).unwrap();
    let sign = signed(&world.release);
    let other = paper(&world.security, "https://example.com/other/v1", json!({"critical": 0}), DIGEST);
    assert_eq!(decide(&policy, PROD, &[sign.clone(), other]).verdict, Verdict::Deny);
    assert_eq!(decide(&policy, PROD, &[sign]).verdict, Verdict::Deny);
}

/// CVE-2023-33957 and CVE-2023-33958: endless papers on one artifact kept a verifier busy.
#[test]
fn too_many_papers_are_denied_before_any_is_looked_at() {
    let world = World::new();
    let policy = world.policy(&world.file()).unwrap();
    let mut papers = vec![signed(&world.release), scanned(&world.security, 0)];
    assert_eq!(decide(&policy, PROD, &papers).verdict, Verdict::Allow);
    let empty = PaperEvidence { name: "more".into(), form: PaperForm::Unreadable("bundle: cut off".into()) };
    papers.resize(1001, empty);
    let decision = decide(&policy, PROD, &papers);
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(decision.checks[0].demand, "a bounded number of papers");
}

/// An image that goes along with a chart is covered by what was asked of the chart, and by nothing else.
#[test]
fn approvals_of_a_chart_cover_the_images_that_were_named_in_them() {
    let mut eyes = FourEyes::new(&json!({ "of": ["release", "security"] }));
    let image: Digest = DIGEST.replace("2cf2", "4cf2").parse().unwrap();
    eyes.asked.images = vec![AskedImage { name: "r.example/web:1".to_owned(), digest: image.to_string() }];
    let request = eyes.request(&eyes.world.release, TODAY);
    let approval = eyes.approval(&eyes.world.security, &request, TODAY);
    let papers = [request, approval];
    let decide = |digest: &Digest| {
        let facts = Facts::of_kind(ArtifactKind::Image);
        let promotion = Some(Intent { root: &eyes.root, papers: &papers, asked: &eyes.asked });
        let evidence =
            Evidence { repository: PROD, facts: &facts, digest, pinned: true, papers: &[], promotion };
        eyes.policy.decide(&evidence, now())
    };
    assert!(decide(&image).is_allowed());
    let other = decide(&DIGEST.replace("2cf2", "5cf2").parse().unwrap());
    assert!(!other.is_allowed() && other.checks[0].reasons[0].contains("does not go along"), "{other:?}");
}

/// What is said of findings, by whom, and whether they count then.
#[test]
fn a_finding_that_vex_lifts_does_not_count() {
    let world = World::new();
    let demand = json!({ "vulnerabilities": { "maxSeverity": "medium", "vex": { "of": ["release"] } } });
    let policy = demanding(&world, &demand);
    assert!(policy.weighs_papers());
    let scan = json!({ "scanner": { "result": { "matches": [{
        "vulnerability": { "id": "GHSA-1", "severity": "Critical", "fix": { "state": "fixed" } },
        "relatedVulnerabilities": [{ "id": "CVE-1" }],
        "artifact": { "purl": "pkg:deb/debian/zlib@1.2?arch=amd64" },
    }] } } });
    let scan = paper(&world.security, "https://cosign.sigstore.dev/attestation/vuln/v1", scan, DIGEST);
    let kind = "https://openvex.dev/ns/v0.2.0";
    let said = |entries: &[Value]| json!({ "@context": kind, "author": "a", "timestamp": "2026-11-01T00:00:00Z", "statements": entries });
    let entry = |more: Value| {
        let mut entry = json!({ "vulnerability": { "name": "CVE-1" }, "status": "not_affected",
            "justification": "component_not_present" });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let by_release = |document: Value| paper(&world.release, kind, document, DIGEST);
    let here = format!("pkg:oci/web@{}?repository_url=r.example/web", DIGEST.replace(':', "%3A"));
    let hex = DIGEST.trim_start_matches("sha256:");
    for (papers, lifted) in [
        (vec![], false),
        (vec![by_release(said(&[entry(json!({}))]))], true),
        (vec![by_release(said(&[entry(json!({ "status": "fixed", "justification": null }))]))], true),
        (vec![by_release(json!(said(&[entry(json!({}))]).to_string()))], true),
        (vec![by_release(said(&[entry(json!({ "vulnerability": "CVE-1" }))]))], true),
        (
            vec![by_release(said(&[entry(
                json!({ "vulnerability": { "name": "X", "aliases": ["GHSA-1"] } }),
            )]))],
            true,
        ),
        (vec![by_release(said(&[entry(json!({ "products": [{ "@id": here }] }))]))], true),
        (vec![by_release(said(&[entry(json!({ "products": [{ "hashes": { "sha-256": hex } }] }))]))], true),
        (
            vec![by_release(said(&[entry(json!({ "products": [{ "@id": here,
            "subcomponents": [{ "@id": "pkg:deb/debian/zlib" }] }] }))]))],
            true,
        ),
        // Not affected, and nobody says why; somebody still looks; another one; another product; another package.
        (vec![by_release(said(&[entry(json!({ "justification": "" }))]))], false),
        (vec![by_release(said(&[entry(json!({ "status": "under_investigation" }))]))], false),
        (vec![by_release(said(&[entry(json!({ "vulnerability": { "name": "CVE-2" } }))]))], false),
        (vec![by_release(said(&[entry(json!({ "products": ["pkg:oci/web@sha256%3A00"] }))]))], false),
        (vec![by_release(said(&[entry(json!({ "products": [] }))]))], false),
        (
            vec![by_release(said(&[entry(json!({ "products": [{ "@id": here,
            "subcomponents": [{ "@id": "pkg:deb/debian/zlib@1.3" }] }] }))]))],
            false,
        ),
        // Whoever may not say so; about another artifact; of another type; no such document; of tomorrow.
        (vec![paper(&world.security, kind, said(&[entry(json!({}))]), DIGEST)], false),
        (vec![paper(&world.release, kind, said(&[entry(json!({}))]), &DIGEST.replace('a', "b"))], false),
        (
            vec![paper(
                &world.release,
                "https://example.com/openvex.dev/ns",
                said(&[entry(json!({}))]),
                DIGEST,
            )],
            false,
        ),
        (vec![by_release(json!({ "statements": "none" }))], false),
        (vec![by_release(json!({ "statements": [entry(json!({}))] }))], false),
        (vec![by_release(said(&[entry(json!({ "timestamp": "2027-01-01T00:00:00Z" }))]))], false),
        // The newest counts, whichever paper holds it; of two at one moment, neither.
        (
            vec![
                by_release(said(&[entry(json!({}))])),
                by_release(said(&[entry(
                    json!({ "status": "affected", "timestamp": "2026-11-02T00:00:00Z" }),
                )])),
            ],
            false,
        ),
        (
            vec![
                by_release(said(&[entry(json!({ "timestamp": "2026-11-03T00:00:00Z" }))])),
                by_release(said(&[entry(
                    json!({ "status": "affected", "timestamp": "2026-11-02T00:00:00Z" }),
                )])),
            ],
            true,
        ),
        (vec![by_release(said(&[entry(json!({})), entry(json!({ "status": "affected" }))]))], false),
    ] {
        let shown = format!("{papers:?}");
        let papers = [vec![scan.clone()], papers].concat();
        let decision = decide(&policy, PROD, &papers);
        let expected = if lifted { Verdict::Allow } else { Verdict::Deny };
        assert_eq!(decision.verdict, expected, "{:?} {shown}", decision.checks[0].reasons);
        let told = decision.checks[0].by.iter().any(|line| line.starts_with("GHSA-1 does not count: "));
        assert_eq!(told, lifted, "{:?}", decision.checks[0].by);
    }
    assert!(policy.explain().iter().any(|line| line.contains("a VEX statement by 1 of release")));
    let mut file = world.file();
    file["rules"][0]["attestations"] = json!([{ "vulnerabilities": { "maxSeverity": "low",
        "vex": { "of": ["release", "security"], "atLeast": 2 } }, "by": { "of": ["security"] } }]);
    assert!(world.policy(&file).unwrap_err().to_string().contains("counts for itself"));
}
