//! `cosign verify-attestation`

use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use wharf_oci::Digest;
use wharf_papers::BundlePaper;
use wharf_trust::{Artifact, Bundle, predicate_type};

use super::verify::{Subject, checks};
use super::verifying::Demands;
use super::{AT_ONCE, in_order, tables, waiting};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Missing, Switch, SwitchOn, TextDefault};
use crate::cobra::flags::{Given, flag, short};
use crate::papers;

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "verify-attestation"],
    usage: "[flags] IMAGE...",
    about: "Verify an attestation on the supplied container image, chart or other artifact.\n\n\
            At least one attestation of the wanted type must satisfy every demand; those that do are printed as envelopes.",
    flags: &[
        tables::VERIFYING,
        tables::REGISTRY,
        tables::PREDICATE_TYPE,
        &[
            flag("check-claims", SwitchOn, "whether to check that the attestation is about this image"),
            short(
                'o',
                "output",
                TextDefault("json"),
                "output format for the signing image information (json|text)",
            ),
            flag("policy", Missing, "specify CUE or Rego files with policies to be used for validation"),
            flag(
                "local-image",
                Switch,
                "whether the specified image is a path to an image saved locally via 'cosign save'",
            ),
        ],
    ],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(!arguments.is_empty(), "requires at least 1 arg(s), only received 0");
    let demands = Demands::read(given, "attestation")?;
    ensure!(
        given.number("max-workers") != 0,
        "please set the --max-worker flag to a value that is greater than 0"
    );
    let kind = given.text("type").unwrap_or_default();
    let wanted = predicate_type(kind)?;
    let claims = given.is_on("check-claims");
    waiting(given, async {
        let one = async |written| {
            let image = Subject::resolve(given, written).await?;
            let found = verify(&image, &demands, wanted, kind, claims).await;
            Ok((written, image.or_missing(found).await?))
        };
        in_order(arguments, AT_ONCE, one, |(written, (good, logged))| {
            checks(written, demands.key().is_some(), claims, false, logged, demands.key().is_none());
            for envelope in good {
                writeln!(out, "{envelope}")?;
            }
            Ok(())
        })
        .await
    })
}

/// Returns the envelopes of the wanted type, and whether a log knows one.
async fn verify(
    image: &Subject,
    demands: &Demands,
    wanted: &str,
    kind: &str,
    claims: bool,
) -> anyhow::Result<(Vec<String>, bool)> {
    let listed = papers::listed_bundles(&*image.papers, &image.digest).await.context("reading the papers")?;
    if let Ok(found) = judge(image, demands, of_bundles(demands, listed)?, wanted, kind, claims) {
        return Ok(found);
    }
    // Only where that is not enough is more asked for.
    let bundles = papers::bundles(&*image.papers, &image.digest).await.context("reading the papers")?;
    let mut all = of_bundles(demands, bundles)?;
    if all.is_empty() {
        let layers = papers::layers(&*image.papers, &image.digest, papers::ATTESTATION).await;
        for layer in layers.context("reading the papers")? {
            let bundle = Bundle::from_legacy_attestation(&layer.bytes, &layer.descriptor.annotations);
            let bundle = bundle.map_err(Into::into).and_then(|bundle| demands.complete(bundle));
            all.push((layer.descriptor.digest, bundle));
        }
    }
    judge(image, demands, all, wanted, kind, claims)
}

type Named = (Digest, anyhow::Result<Bundle>);

fn of_bundles(demands: &Demands, papers: Vec<BundlePaper>) -> anyhow::Result<Vec<Named>> {
    if !papers.is_empty() {
        demands.refuse_old_flags()?;
    }
    Ok(papers.into_iter().map(|paper| (paper.manifest, paper.bundle.map_err(anyhow::Error::msg))).collect())
}

fn judge(
    image: &Subject,
    demands: &Demands,
    all: Vec<Named>,
    wanted: &str,
    kind: &str,
    claims: bool,
) -> anyhow::Result<(Vec<String>, bool)> {
    let artifact = Artifact::from_oci(&image.digest)?;
    let (mut good, mut logged, mut types, mut reasons) = (Vec::new(), false, Vec::new(), Vec::new());
    for (name, bundle) in all {
        match check(demands, bundle, claims.then_some(&artifact), wanted) {
            Ok(Checked { envelope: Some(envelope), logged: proved, .. }) => {
                good.push(envelope);
                logged |= proved;
            }
            Ok(other) => types.push(other.predicate_type),
            Err(reason) => reasons.push(format!("{name}: {reason:#}")),
        }
    }
    if good.is_empty() && !types.is_empty() {
        let found = types.join(",");
        bail!("none of the attestations matched the predicate type: {kind}, found: {found}");
    }
    ensure!(!good.is_empty(), "no matching attestations: {}", reasons.join("\n"));
    Ok((good, logged))
}

/// An attestation whose signature is good.
struct Checked {
    predicate_type: String,
    /// The envelope as JSON, where it is of the wanted type.
    envelope: Option<String>,
    logged: bool,
}

fn check(
    demands: &Demands,
    bundle: anyhow::Result<Bundle>,
    artifact: Option<&Artifact>,
    wanted: &str,
) -> anyhow::Result<Checked> {
    let bundle = bundle?;
    let (statement, proof) = demands.verifier().verify_statement(&bundle)?.into_parts();
    if let Some(artifact) = artifact {
        statement.check_subject(artifact)?;
    }
    let envelope = bundle.unverified_envelope().filter(|_| statement.predicate_type == wanted);
    let envelope = envelope.map(serde_json::to_string).transpose()?;
    Ok(Checked { predicate_type: statement.predicate_type, envelope, logged: !proof.logged.is_empty() })
}
