//! The static cases of sigstore's client conformance suite: a folder that ends in `_fail` is refused, every other accepted.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use wharf_trust::{
    Artifact, Bundle, Error, ExpectedSigner, IdentityRule, PublicKey, TextRule, TrustedRoot, Verifier,
};

pub(crate) const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Where the vectors lie: beside the workspace, which can be built without them.
pub(crate) fn vectors() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("WHARF_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("vectors/sigstore-bundle-verify");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no vectors at {}", folder.display());
    None
}

fn verdict(case: &Path, artifact: &Artifact) -> Result<(), Error> {
    let read = |name: &str| std::fs::read(case.join(name)).ok();
    let text = |name: &str, otherwise: &str| {
        std::fs::read_to_string(case.join(name))
            .map_or_else(|_| otherwise.to_owned(), |text| text.trim().to_owned())
    };
    let bundle = Bundle::from_json(&read("bundle.sigstore.json").unwrap())?;
    let root = read("trusted_root.json")
        .map_or_else(|| Ok(TrustedRoot::public_good()), |text| TrustedRoot::from_json(&text))?;
    let key = read("key.pub").map(|text| PublicKey::from_pem(&text)).transpose()?;
    let rules = [IdentityRule::new(
        TextRule::exact(text("identity", IDENTITY)),
        TextRule::exact(text("issuer", ISSUER)),
    )?];
    let signer = key.as_ref().map_or(ExpectedSigner::Identity(&rules), ExpectedSigner::Key);
    Verifier::new(signer, Some(&root), Timestamp::UNIX_EPOCH).verify_artifact(&bundle, artifact).map(drop)
}

#[test]
fn every_vector_has_the_expected_verdict() {
    let Some(folder) = vectors() else { return };
    let (mut seen, mut wrong) = (0, Vec::new());
    let mut cases: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    for case in cases.iter().filter(|case| case.join("bundle.sigstore.json").is_file()) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let bytes =
            std::fs::read(case.join("artifact")).or_else(|_| std::fs::read(folder.join("a.txt"))).unwrap();
        let whole = Artifact::from_bytes(bytes);
        let digest = wharf_trust::HashAlgorithm::Sha256;
        let digest = Artifact::from_digest(digest, whole.digest(digest).unwrap()).unwrap();
        for (how, artifact) in [("bytes", &whole), ("digest", &digest)] {
            seen += 1;
            let verdict = verdict(case, artifact);
            if verdict.is_ok() == name.ends_with("_fail") {
                wrong.push(format!("{name} by {how}: {verdict:?}"));
            }
            if std::env::var_os("WHARF_SHOW_VERDICTS").is_some() {
                println!(
                    "{name} by {how}: {}",
                    verdict.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
                );
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "of {seen}");
    assert_eq!(seen, 140, "70 cases, each by bytes and by digest");
}
