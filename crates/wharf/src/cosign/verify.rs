//! `cosign verify`

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value, json};
use wharf_client::RemoteRepository;
use wharf_content::ReadTarget;
use wharf_oci::{Descriptor, Digest, Reference};
use wharf_papers::BundlePaper;
use wharf_trust::{Artifact, Bundle, COSIGN_SIGN, SIGNATURE_ANNOTATION, SIMPLE_SIGNING, SimpleSigning};

use super::image::{Image, Pinned};
use super::saved::SavedImage;
use super::sign::annotations;
use super::verifying::{Demands, text};
use super::{AT_ONCE, Exit, blob, in_order, note, tables, waiting};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{IgnoredSwitch, Missing, Switch, SwitchOn, Text, TextDefault};
use crate::cobra::flags::{Given, flag, short};
use crate::papers;

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "verify"],
    usage: "[flags] IMAGE...",
    about: "Verify a signature on the supplied container image, chart or other artifact.\n\n\
            Bundles attached as referrers are read first, then the older sibling tag.\n\
            Exit status: 10 no signature, 11 no such tag, 12 no signature that satisfies the demands.",
    flags: &[
        tables::VERIFYING,
        tables::REGISTRY,
        tables::ANNOTATIONS,
        &[
            flag("check-claims", SwitchOn, "whether to check that the signature is about this image"),
            short(
                'o',
                "output",
                TextDefault("json"),
                "output format for the signing image information (json|text)",
            ),
            flag(
                "local-image",
                Switch,
                "whether the specified image is a path to an image saved locally via 'cosign save'",
            ),
            flag("attachment", Missing, "").deprecated("please use OCI referrers for attachments"),
            flag("signature", Text, "").deprecated(
                "signatures are automatically fetched from the OCI registry during image verification",
            ),
            flag("payload", Text, "")
                .deprecated("payload will always be verified from the bundle in future versions"),
            flag("base-image-only", IgnoredSwitch, ""),
        ],
    ],
    run,
};

const NO_SIGNATURE: u8 = 10;
const NO_MATCH: u8 = 12;

/// What is verified, and where its papers are read.
pub(super) struct Subject {
    /// As the user wrote it.
    pub(super) written: String,
    pub(super) digest: Digest,
    pub(super) papers: Box<dyn ReadTarget>,
    /// Whether it lies in a folder.
    pub(super) local: bool,
    /// Where it lies, if it was named by its digest and nobody has looked yet.
    unseen: Option<RemoteRepository>,
}

impl Subject {
    /// Resolves an image in a registry, or opens one that was saved.
    pub(super) async fn resolve(given: &Given, written: &str) -> anyhow::Result<Self> {
        if given.is_on("local-image") {
            let saved = SavedImage::open(written).await?;
            let digest = saved.root.digest.clone();
            return Ok(Self {
                written: written.to_owned(),
                digest,
                papers: Box::new(saved),
                local: true,
                unseen: None,
            });
        }
        if let Some(Pinned { digest, target, papers }) = Image::pinned(given, written).await? {
            let (written, papers) = (written.to_owned(), Box::new(papers));
            return Ok(Self { written, digest, papers, local: false, unseen: Some(target) });
        }
        let image = Image::resolve(given, written).await?;
        let digest = image.digest().clone();
        Ok(Self {
            written: image.written,
            digest,
            papers: Box::new(image.papers),
            local: false,
            unseen: None,
        })
    }

    /// Passes a result on, unless it is a failure and the image is not even there, which says more.
    ///
    /// What is signed by its digest is what it is wherever it lies: as in cosign, it need not be asked for to be verified.
    pub(super) async fn or_missing<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        if let (Err(_), Some(target)) = (&result, &self.unseen) {
            target.resolve(&Reference::Digest(self.digest.clone())).await?;
        }
        result
    }

    /// Fails with a status of its own, which cosign has for registries only.
    fn fails<T>(&self, status: u8, text: String) -> anyhow::Result<T> {
        match self.local {
            true => bail!(text),
            false => Err(Exit { status, text }.into()),
        }
    }
}

/// What was verified, as it is printed.
struct Found {
    claims: Vec<Value>,
    logged: bool,
    certified: bool,
}

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(!arguments.is_empty(), "requires at least 1 arg(s), only received 0");
    let demands = Demands::read(given, "signature")?;
    ensure!(
        given.number("max-workers") != 0,
        "please set the --max-worker flag to a value that is greater than 0"
    );
    let wanted = annotations(given)?;
    let claims = given.is_on("check-claims");
    waiting(given, async {
        let one = async |written| {
            let image = Subject::resolve(given, written).await?;
            let found = match text(given, "signature") {
                Some(signature) => detached(given, &image, &demands, &wanted, signature),
                None => verify(&image, &demands, &wanted, claims).await,
            };
            let found = image.or_missing(found).await?;
            Ok((image, found))
        };
        in_order(arguments, AT_ONCE, one, |(image, found)| {
            header(&image, &demands, &found, claims, !wanted.is_empty());
            if given.text("output") == Some("text") {
                for claim in &found.claims {
                    writeln!(out, "{claim}")?;
                }
            } else {
                writeln!(out, "\n{}", Value::Array(found.claims))?;
            }
            Ok(())
        })
        .await
    })
}

/// The signature and the payload lie in files.
fn detached(
    given: &Given,
    image: &Subject,
    demands: &Demands,
    wanted: &Map<String, Value>,
    signature: &str,
) -> anyhow::Result<Found> {
    let raw = blob::key_file(signature).unwrap_or_else(|_| signature.as_bytes().to_vec());
    let signature = String::from_utf8(raw).ok().context("a signature is base64 text")?;
    let bytes = match text(given, "payload") {
        Some(path) => blob::key_file(path)?,
        None => bail!("--signature needs --payload: what was signed"),
    };
    let annotations = BTreeMap::from([(SIGNATURE_ANNOTATION.to_owned(), signature.trim().to_owned())]);
    let digest = wharf_oci::Algorithm::Sha256.digest(&bytes);
    let mut descriptor = Descriptor::new(SIMPLE_SIGNING, digest, bytes.len() as u64);
    descriptor.annotations = annotations;
    let layer = papers::LegacyLayer { descriptor, bytes: bytes.into() };
    let mut found = Found { claims: Vec::new(), logged: false, certified: false };
    let claims = given.is_on("check-claims");
    match by_layer(image, &layer, demands, wanted, claims, &mut found) {
        Ok(claim) => found.claims.push(claim),
        Err(reason) => return image.fails(NO_MATCH, format!("no matching signatures: {reason:#}")),
    }
    Ok(found)
}

async fn verify(
    image: &Subject,
    demands: &Demands,
    wanted: &Map<String, Value>,
    claims: bool,
) -> anyhow::Result<Found> {
    let listed = papers::listed_bundles(&*image.papers, &image.digest).await.context("reading the papers")?;
    let (found, _) = by_bundles(image, &listed, demands, wanted, claims);
    if !found.claims.is_empty() {
        return Ok(found);
    }
    // Only where that is not enough is more asked for.
    let bundles = papers::bundles(&*image.papers, &image.digest).await.context("reading the papers")?;
    let (mut found, mut reasons) = by_bundles(image, &bundles, demands, wanted, claims);
    let layers = match found.claims.is_empty() {
        true => papers::layers(&*image.papers, &image.digest, papers::SIGNATURE)
            .await
            .context("reading the papers")?,
        false => Vec::new(),
    };
    for layer in &layers {
        match by_layer(image, layer, demands, wanted, claims, &mut found) {
            Ok(claim) => found.claims.push(claim),
            Err(reason) => reasons.push(format!("{}: {reason:#}", layer.descriptor.digest)),
        }
    }
    if !found.claims.is_empty() {
        return Ok(found);
    }
    if bundles.is_empty() && layers.is_empty() {
        let text = match image.local {
            true => format!("no signatures associated with the image saved in {}", image.written),
            false => "no signatures found".to_owned(),
        };
        return image.fails(NO_SIGNATURE, text);
    }
    image.fails(NO_MATCH, format!("no matching signatures: {}", reasons.join("\n")))
}

fn by_bundles(
    image: &Subject,
    bundles: &[BundlePaper],
    demands: &Demands,
    wanted: &Map<String, Value>,
    claims: bool,
) -> (Found, Vec<String>) {
    let mut found = Found { claims: Vec::new(), logged: false, certified: false };
    let mut reasons = Vec::new();
    for paper in bundles {
        let one = paper.bundle.as_ref().map_err(|reason| anyhow::anyhow!("{reason}"));
        let one = one.and_then(|bundle| by_bundle(image, bundle, demands, wanted, claims, &mut found));
        match one {
            Ok(claim) => found.claims.push(claim),
            Err(reason) => reasons.push(format!("{}: {reason:#}", paper.manifest)),
        }
    }
    (found, reasons)
}

fn by_bundle(
    image: &Subject,
    bundle: &Bundle,
    demands: &Demands,
    wanted: &Map<String, Value>,
    claims: bool,
    found: &mut Found,
) -> anyhow::Result<Value> {
    let verified = demands.verifier().verify_statement(bundle)?;
    let (statement, proof) = verified.into_parts();
    // An attestation says something about the image, which is not the same as approving it.
    statement.check_predicate_type(COSIGN_SIGN)?;
    let subject = match claims {
        true => statement.check_subject(&Artifact::from_oci(&image.digest)?)?,
        false => statement.subject.first().context("the statement is about nothing")?,
    };
    ensure!(
        wanted.iter().all(|(name, value)| subject.annotations.get(name) == Some(value)),
        "missing or incorrect annotation"
    );
    demands.refuse_old_flags()?;
    found.logged |= !proof.logged.is_empty();
    found.certified |= demands.key().is_none();
    Ok(claim(&image.written, &image.digest.to_string(), COSIGN_SIGN, subject.annotations.clone()))
}

fn by_layer(
    image: &Subject,
    layer: &papers::LegacyLayer,
    demands: &Demands,
    wanted: &Map<String, Value>,
    claims: bool,
    found: &mut Found,
) -> anyhow::Result<Value> {
    let bundle = demands.complete(Bundle::from_legacy_signature(&layer.descriptor.annotations)?)?;
    let verified =
        demands.verifier().verify_artifact(&bundle, &Artifact::from_bytes(layer.bytes.to_vec()))?;
    // Only now is the payload read.
    let payload = SimpleSigning::from_json(&layer.bytes)?;
    if claims {
        let (is, asked) = (&payload.digest, image.digest.to_string());
        ensure!(*is == asked, "the signature is about {is}, not {asked}");
    }
    ensure!(
        wanted.iter().all(|(name, value)| payload.optional.get(name) == Some(value)),
        "missing or incorrect annotation"
    );
    found.logged |= !verified.proof().logged.is_empty();
    found.certified |= demands.key().is_none();
    Ok(claim(
        &payload.docker_reference,
        &payload.digest,
        "cosign container image signature",
        payload.optional,
    ))
}

fn claim(reference: &str, digest: &str, kind: &str, optional: Map<String, Value>) -> Value {
    json!({
        "critical": {
            "identity": { "docker-reference": reference },
            "image": { "docker-manifest-digest": digest },
            "type": kind,
        },
        "optional": optional,
    })
}

fn header(image: &Subject, demands: &Demands, found: &Found, claims: bool, noted: bool) {
    checks(&image.written, demands.key().is_some(), claims, noted, found.logged, found.certified);
}

/// Says which checks were made, in cosign's words.
pub(super) fn checks(image: &str, key: bool, claims: bool, noted: bool, logged: bool, certified: bool) {
    note(&format!("\nVerification for {image} --"));
    note("The following checks were performed on each of these signatures:");
    let lines = [
        (claims && noted, "The specified annotations were verified."),
        (claims, "The cosign claims were validated"),
        (logged, "Existence of the claims in the transparency log was verified offline"),
        (key, "The signatures were verified against the specified public key"),
        (
            certified,
            "The code-signing certificate was verified using trusted certificate authority certificates",
        ),
    ];
    for (_, line) in lines.iter().filter(|(made, _)| *made) {
        note(&format!("  - {line}"));
    }
}
