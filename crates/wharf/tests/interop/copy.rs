//! What real clients pushed, `wharf cp` carries to another registry, directly, by a layout and by a tar, and the client that
//! pushed it finds, pulls and verifies all of it there, when the registry it came from is gone. What `wharf` wrote, they pull.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::*;

/// The type of Notary Project's signatures.
const NOTATION: &str = "application/vnd.cncf.notary.signature";
/// Type of what is attached.
const SBOM: &str = "application/vnd.example.sbom";
const PAPER: &str = "a paper about it";
/// What cosign needs to be told about these registries.
const WAY: [&str; 2] = ["--allow-http-registry", "--insecure-ignore-tlog=true"];
const OFFLINE: [&str; 5] =
    ["--yes", "--key", "cosign.key", "--use-signing-config=false", "--tlog-upload=false"];

/// A home that all programs share.
struct Home {
    sandbox: Sandbox,
    image: Image,
}

/// How a client pushes something to a place, and what it says of the copy.
struct Row {
    client: &'static str,
    /// Below a project, with the tag.
    name: &'static str,
    push: fn(&Home, &str),
    check: fn(&Home, &str),
}

const ROWS: &[Row] = &[
    Row { client: "oras", name: "files:1.0", push: Home::oras_pushes, check: Home::oras_finds },
    Row { client: "crane", name: "image:1.0", push: Home::crane_pushes, check: Home::crane_finds },
    Row { client: "regctl", name: "attached:1.0", push: Home::regctl_pushes, check: Home::regctl_finds },
    Row { client: "skopeo", name: "stored:1.0", push: Home::skopeo_pushes, check: Home::skopeo_finds },
    Row { client: "helm", name: "app:0.1.0", push: Home::helm_pushes, check: Home::helm_finds },
    Row { client: "cosign", name: "signed:1.0", push: Home::cosign_signs, check: Home::cosign_verifies },
    Row { client: "oras", name: "notary:1.0", push: Home::notation_signs, check: Home::notation_is_found },
    Row { client: "crane", name: "built:1.0", push: Home::buildkit_pushes, check: Home::buildkit_is_found },
    Row { client: "oras", name: "own:1.0", push: Home::wharf_pushes, check: Home::oras_finds },
    Row { client: "regctl", name: "ours:1.0", push: Home::wharf_attaches, check: Home::regctl_finds },
];

#[test]
fn what_clients_pushed_they_find_where_wharf_carried_it() {
    carried("true");
}

#[test]
fn what_clients_pushed_they_find_where_wharf_carried_it_without_the_referrers_api() {
    carried("false");
}

/// Carries everything to a registry that has the referrers API or not, from one that is the other way round.
fn carried(referrers_api: &str) {
    let other = if referrers_api == "true" { "false" } else { "true" };
    let from = Registry::start_with(Transport::Plain, &[("WHARF_REFERRERS_API", other)]);
    let to = Registry::start_with(Transport::Plain, &[("WHARF_REFERRERS_API", referrers_api)]);
    let sandbox = Sandbox::new(PathBuf::from(env!("CARGO_BIN_EXE_wharf")), &from);
    let home = Home { sandbox, image: Image::with("carried by wharf") };
    for registry in [&from, &to] {
        home.sandbox.run(&["login", &registry.host(), "-u", USER, "-p", PASSWORD]);
    }
    fs::write(home.sandbox.folder().join("hello.txt"), "hello").unwrap();
    fs::write(home.sandbox.folder().join("paper.txt"), PAPER).unwrap();
    let rows: Vec<&Row> = ROWS.iter().filter(|row| peer(row.client).is_some()).collect();
    let mut places = Vec::new();
    for row in rows {
        let source = format!("{}/closed/{}", from.host(), row.name);
        (row.push)(&home, &source);
        (row.check)(&home, &source);
        let (stem, tag) = row.name.split_once(':').unwrap();
        let direct = format!("{}/closed/direct/{}", to.host(), row.name);
        home.sandbox.run(&["cp", &source, &direct]);
        places.push((row, direct));
        for between in [format!("layout:{stem}-layout"), format!("tar:{stem}.tar")] {
            let (kind, _) = between.split_once(':').unwrap();
            let place = format!("{}/closed/{kind}/{}", to.host(), row.name);
            home.sandbox.run(&["cp", &source, &between]);
            home.sandbox.run(&["cp", &format!("{between}:{tag}"), &place]);
            places.push((row, place));
        }
    }
    // Nobody may look back.
    drop(from);
    for (row, place) in places {
        println!("{} at {place}", row.client);
        (row.check)(&home, &place);
    }
}

impl Home {
    fn client(&self, name: &str) -> Sandbox {
        self.sandbox.with_program(peer(name).unwrap())
    }

    fn fresh(&self, stem: &str) -> String {
        self.sandbox.fresh(stem).display().to_string()
    }

    /// Writes the image to a layout.
    fn layout(&self) -> String {
        let layout = self.fresh("made");
        self.image.write_layout(Path::new(&layout), "1.0");
        layout
    }

    fn read(&self, folder: &str, name: &str) -> String {
        fs::read_to_string(Path::new(folder).join(name)).unwrap()
    }

    fn oras_pushes(&self, place: &str) {
        let oras = self.client("oras");
        let kind = ["--plain-http", "--artifact-type"];
        oras.run(&[&["push"], &kind[..], &["application/vnd.example", place, "hello.txt"]].concat());
        oras.run(&[&["attach"], &kind[..], &[SBOM, place, "paper.txt"]].concat());
        // A paper about the paper.
        let (repository, _) = place.rsplit_once(':').unwrap();
        let paper = self.oras_discovers(place);
        let paper = paper["referrers"][0]["digest"].as_str().unwrap();
        let attach = ["application/vnd.example.note", &format!("{repository}@{paper}"), "paper.txt"];
        oras.run(&[&["attach"], &kind[..], &attach].concat());
    }

    fn oras_discovers(&self, place: &str) -> serde_json::Value {
        let text = self.client("oras").run(&["discover", "--plain-http", "--format", "json", place]);
        serde_json::from_str(&text).unwrap()
    }

    fn oras_finds(&self, place: &str) {
        let oras = self.client("oras");
        let folder = self.fresh("pulled");
        oras.run(&["pull", "--plain-http", place, "-o", &folder]);
        assert_eq!(self.read(&folder, "hello.txt"), "hello");
        let found = self.oras_discovers(place);
        let papers = found["referrers"].as_array().unwrap();
        assert_eq!(papers.len(), 1, "{found}");
        assert_eq!(papers[0]["artifactType"], SBOM, "{found}");
        let (repository, _) = place.rsplit_once(':').unwrap();
        let paper = format!("{repository}@{}", papers[0]["digest"].as_str().unwrap());
        let folder = self.fresh("pulled");
        oras.run(&["pull", "--plain-http", &paper, "-o", &folder]);
        assert_eq!(self.read(&folder, "paper.txt"), PAPER);
        let about = self.oras_discovers(&paper);
        assert_eq!(about["referrers"][0]["artifactType"], "application/vnd.example.note", "{about}");
    }

    fn crane_pushes(&self, place: &str) {
        self.client("crane").run(&["push", &self.layout(), place, "--insecure"]);
    }

    fn crane_finds(&self, place: &str) {
        let crane = self.client("crane");
        assert_eq!(crane.run(&["digest", place, "--insecure"]).trim(), self.image.digest());
        let folder = self.fresh("pulled");
        crane.run(&["pull", "--format=oci", place, &folder, "--insecure"]);
        assert_eq!(blobs_of_layout(Path::new(&folder)), self.image.content());
    }

    /// regctl, told that the registry of a place speaks plain HTTP.
    fn regctl(&self, place: &str) -> Sandbox {
        let regctl = self.client("regctl");
        let (host, _) = place.split_once('/').unwrap();
        regctl.run(&["registry", "set", host, "--tls=disabled", "--skip-check"]);
        regctl
    }

    fn regctl_pushes(&self, place: &str) {
        let regctl = self.regctl(place);
        regctl.run(&["image", "copy", &format!("ocidir://{}:1.0", self.layout()), place]);
        regctl.run(&["artifact", "put", "--artifact-type", SBOM, "--subject", place, "-f", "paper.txt"]);
    }

    fn regctl_finds(&self, place: &str) {
        let regctl = self.regctl(place);
        assert_eq!(regctl.run(&["image", "digest", place]).trim(), self.image.digest());
        let folder = self.fresh("pulled");
        regctl.run(&["image", "copy", place, &format!("ocidir://{folder}:pulled")]);
        assert_eq!(blobs_of_layout(Path::new(&folder)), self.image.content());
        let paper = regctl.run(&["artifact", "get", "--subject", place, "--filter-artifact-type", SBOM]);
        assert_eq!(paper, PAPER);
    }

    fn skopeo_pushes(&self, place: &str) {
        let (source, place) = (format!("oci:{}:1.0", self.layout()), format!("docker://{place}"));
        let how = ["--insecure-policy", "copy", "--preserve-digests", "--dest-tls-verify=false"];
        self.client("skopeo").run(&[&how[..], &[&source, &place]].concat());
    }

    fn skopeo_finds(&self, place: &str) {
        let folder = self.fresh("pulled");
        let (source, place) = (format!("docker://{place}"), format!("oci:{folder}:pulled"));
        let how = ["--insecure-policy", "copy", "--preserve-digests", "--src-tls-verify=false"];
        self.client("skopeo").run(&[&how[..], &[&source, &place]].concat());
        assert_eq!(blobs_of_layout(Path::new(&folder)), self.image.content());
    }

    fn helm_pushes(&self, place: &str) {
        let helm = self.client("helm");
        helm.run(&["create", "app"]);
        helm.run(&["package", "app"]);
        let (parent, _) = place.rsplit_once('/').unwrap();
        helm.run(&["push", "app-0.1.0.tgz", &format!("oci://{parent}"), "--plain-http"]);
    }

    fn helm_finds(&self, place: &str) {
        let (repository, version) = place.rsplit_once(':').unwrap();
        let (chart, folder) = (format!("oci://{repository}"), self.fresh("pulled"));
        fs::create_dir_all(&folder).unwrap();
        let how = ["--version", version, "--plain-http", "-d", &folder];
        self.client("helm").run(&[&["pull", &chart], &how[..]].concat());
        let (pulled, made) = (Path::new(&folder), self.sandbox.folder());
        assert!(
            fs::read(pulled.join("app-0.1.0.tgz")).unwrap() == fs::read(made.join("app-0.1.0.tgz")).unwrap()
        );
    }

    /// Signs and attests in both layouts: bundles as referrers, and sibling tags.
    fn cosign_signs(&self, place: &str) {
        let (cosign, folder) = (self.client("cosign"), self.sandbox.folder());
        fs::write(folder.join("predicate.json"), r#"{"built":"here"}"#).unwrap();
        cosign.run(&["generate-key-pair"]);
        // cosign pushes no images.
        self.sandbox.run(&["cp", &format!("layout:{}:1.0", self.layout()), place]);
        let what = ["--predicate", "predicate.json", "--type", "https://example.com/built/v1"];
        for layout in [&[][..], &["--new-bundle-format=false"]] {
            let more = [&OFFLINE[..], layout, &["--allow-http-registry"]].concat();
            cosign.run(&[&["sign"], &more[..], &[place]].concat());
            cosign.run(&[&["attest"], &more[..], &what, &[place]].concat());
        }
    }

    fn cosign_verifies(&self, place: &str) {
        let cosign = self.client("cosign");
        for layout in [&[][..], &["--new-bundle-format=false"]] {
            let more = [&["--key", "cosign.pub"], &WAY[..], layout].concat();
            cosign.run(&[&["verify"], &more[..], &[place]].concat());
            let what = ["--type", "https://example.com/built/v1", place];
            cosign.run(&[&["verify-attestation"], &more[..], &what].concat());
        }
    }

    /// Writes the image to a layout, with an attestation beside it in an index.
    fn attested(&self) -> (String, String, Content) {
        let folder = self.fresh("attested");
        let (index, content) = self.image.write_attested_layout(Path::new(&folder), "1.0");
        (folder, index, content)
    }

    fn buildkit_pushes(&self, place: &str) {
        self.client("crane").run(&["push", &self.attested().0, place, "--insecure"]);
    }

    fn buildkit_is_found(&self, place: &str) {
        let (_, index, content) = self.attested();
        let (crane, folder) = (self.client("crane"), self.fresh("pulled"));
        assert_eq!(crane.run(&["digest", place, "--insecure"]).trim(), index);
        crane.run(&["pull", "--format=oci", place, &folder, "--insecure"]);
        // The image, the attestation, and the index that says which is about which.
        assert_eq!(blobs_of_layout(Path::new(&folder)), content);
    }

    /// Attaches a signature to an index and to its image, in the form in which notation 1.x stores it (Notary Project,
    /// "OCI signatures"): a JWS envelope under a config of the signature's type.
    fn notation_signs(&self, place: &str) {
        let (layout, index, _) = self.attested();
        self.sandbox.run(&["cp", &format!("layout:{layout}:1.0"), place]);
        let oras = self.client("oras");
        let (repository, _) = place.rsplit_once(':').unwrap();
        for signed in [index, self.image.digest()] {
            let about = format!("{repository}@{signed}");
            let subject = oras.run(&["manifest", "fetch", "--plain-http", "--descriptor", &about]);
            let mut subject: serde_json::Value = serde_json::from_str(&subject).unwrap();
            subject
                .as_object_mut()
                .unwrap()
                .retain(|key, _| ["mediaType", "digest", "size"].contains(&&**key));
            let envelope = serde_json::json!({"payload": signed, "protected": "", "signature": ""});
            let pushed = |kind: &str, name: &str, text: String| -> serde_json::Value {
                fs::write(self.sandbox.folder().join(name), text).unwrap();
                let how = ["--plain-http", "--media-type", kind, "--descriptor", repository, name];
                serde_json::from_str(&oras.run(&[&["blob", "push"], &how[..]].concat())).unwrap()
            };
            let manifest = serde_json::json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": pushed(NOTATION, "config.json", "{}".to_owned()),
                "layers": [pushed("application/jose+json", "signature.json", envelope.to_string())],
                "subject": subject,
                "annotations": {"io.cncf.notary.x509chain.thumbprint#S256": "[\"00\"]"},
            });
            fs::write(self.sandbox.folder().join("signature.manifest"), manifest.to_string()).unwrap();
            let kind = "application/vnd.oci.image.manifest.v1+json";
            let how = ["--plain-http", "--media-type", kind, repository, "signature.manifest"];
            oras.run(&[&["manifest", "push"], &how[..]].concat());
        }
    }

    fn notation_is_found(&self, place: &str) {
        let oras = self.client("oras");
        let (repository, _) = place.rsplit_once(':').unwrap();
        for signed in [self.attested().1, self.image.digest()] {
            // As notation looks for it: by its type, then the one layer.
            let found = self.oras_discovers(&format!("{repository}@{signed}"));
            let signatures = found["referrers"].as_array().unwrap();
            assert_eq!(signatures.len(), 1, "{found}");
            assert_eq!(signatures[0]["artifactType"], NOTATION, "{found}");
            assert_eq!(signatures[0]["annotations"]["io.cncf.notary.x509chain.thumbprint#S256"], "[\"00\"]");
            let signature = format!("{repository}@{}", signatures[0]["digest"].as_str().unwrap());
            let manifest = oras.run(&["manifest", "fetch", "--plain-http", &signature]);
            let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
            let layer = format!("{repository}@{}", manifest["layers"][0]["digest"].as_str().unwrap());
            let envelope = oras.run(&["blob", "fetch", "--plain-http", "--output", "-", &layer]);
            assert!(envelope.contains(&signed), "{envelope}");
        }
    }

    fn wharf_pushes(&self, place: &str) {
        self.sandbox.run(&["push", "hello.txt", place]);
        let attached = self.sandbox.run(&["attach", "--type", SBOM, place, "paper.txt", "-o", "json"]);
        let attached: serde_json::Value = serde_json::from_str(&attached).unwrap();
        let (repository, _) = place.rsplit_once(':').unwrap();
        let paper = format!("{repository}@{}", attached["digest"].as_str().unwrap());
        self.sandbox.run(&["attach", "--type", "application/vnd.example.note", &paper, "paper.txt"]);
    }

    fn wharf_attaches(&self, place: &str) {
        self.sandbox.run(&["cp", &format!("layout:{}:1.0", self.layout()), place]);
        self.sandbox.run(&["attach", "--type", SBOM, place, "paper.txt"]);
    }
}
