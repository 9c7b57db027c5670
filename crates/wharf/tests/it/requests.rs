//! How much a verification asks of a registry: no more than it takes to be sure.

use serde_json::{Value, json};
use wharf_testkit::TestServer;

use crate::signing::OFFLINE;
use crate::support::World;

struct Asked {
    world: World,
    server: TestServer,
    /// Serves for as long as it lives.
    _runtime: tokio::runtime::Runtime,
}

impl Asked {
    /// A registry with an artifact, and a policy that wants it signed.
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let (server, world) = (runtime.block_on(TestServer::start()), World::without_registry());
        world.make_key("release");
        std::fs::write(world.path("a.txt"), "a").unwrap();
        let asked = Self { world, server, _runtime: runtime };
        asked.world.wharf(&["oras", "push", "--plain-http", &asked.place(), "a.txt"]).ok();
        asked.policy(&json!([{ "name": "all", "match": { "repositories": ["**"] },
            "signatures": { "of": ["release"] } }]));
        asked
    }

    fn place(&self) -> String {
        format!("{}/shop/web:1", self.server.host())
    }

    fn policy(&self, rules: &Value) {
        let key = json!({ "key": { "file": "release.pub" } });
        let policy =
            json!({ "version": 1, "default": "allow", "signers": { "release": key }, "rules": rules });
        std::fs::write(self.world.path("policy.json"), policy.to_string()).unwrap();
    }

    /// Verifies and returns what was asked of the registry.
    fn verify(&self, status: i32) -> Vec<String> {
        let before = self.server.seen().len();
        self.world.wharf(&["verify", &self.place(), "--policy", "policy.json"]).fails(status, "");
        let asked = self.server.seen().split_off(before);
        asked.iter().map(wharf_testkit::Seen::line).filter(|line| line != "GET /v2/").collect()
    }

    fn sign(&self, layout: &str) {
        let line = ["sign", "--key", "release.key", layout];
        self.world.cosign(&[&line[..], &OFFLINE, &[&self.place()]].concat()).ok();
    }
}

#[test]
fn a_policy_asks_for_papers_until_it_is_satisfied() {
    let asked = Asked::new();
    let all = asked.verify(5);
    for part in ["/manifests/1", "/referrers/sha256:", ".sig", ".att"] {
        assert!(all.iter().any(|line| line.contains(part)), "{part} is not among {all:?}");
    }
    let [.., last] = &all[..] else { panic!("nothing was asked") };
    assert!(
        last.contains("/manifests/sha256-") && !last.contains('.'),
        "the fallback tag comes last: {all:?}"
    );

    asked.sign("--new-bundle-format=false");
    let old = asked.verify(0);
    assert_eq!(old.len(), 4, "manifest, referrers, sibling tag, payload: {old:?}");
    asked.sign("--new-bundle-format=true");
    let new = asked.verify(0);
    assert_eq!(new.len(), 4, "manifest, referrers, the paper's manifest, the bundle: {new:?}");

    // Nobody wants to see papers.
    asked.policy(&json!([]));
    assert_eq!(asked.verify(0).len(), 1);
    // One paper may undo another: all are read.
    asked.policy(&json!([{ "name": "all", "match": { "repositories": ["**"] },
        "signatures": { "of": ["release"] },
        "attestations": [{ "vulnerabilities": { "maxSeverity": "low", "vex": { "of": ["release"] } },
            "by": { "of": ["release"], "level": "off" } }] }]));
    let weighed = asked.verify(0);
    assert!(weighed.iter().any(|line| line.contains(".att")), "{weighed:?}");
}
