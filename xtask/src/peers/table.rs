//! The one table of peers and their versions.

use super::{Peer, Scope, Source};

/// Every peer. A version changes here and nowhere else.
pub(crate) const TABLE: &[Peer] = &[
    // Small programs first: they are useful while the large ones still build.
    debian("skopeo", "skopeo", Scope::Tests),
    debian("podman", "podman", Scope::Tests),
    debian("buildah", "buildah", Scope::Tests),
    debian("openssl", "openssl", Scope::Tests),
    go("crane", "v0.22.1", Scope::Tests, "github.com/google/go-containerregistry", "/cmd/crane"),
    go("regctl", "v0.11.7", Scope::Tests, "github.com/regclient/regclient", "/cmd/regctl"),
    go("oras", "v1.3.3", Scope::Tests, "oras.land/oras", "/cmd/oras"),
    Peer {
        name: "conformance-v1",
        // The commit of the tag v1.1.1: the suite is a module of its own, without a tag.
        version: "v0.0.0-20250123160558-a139cc423184",
        scope: Scope::Tests,
        source: Source::GoTest {
            module: "github.com/opencontainers/distribution-spec/conformance",
            package: "github.com/opencontainers/distribution-spec/conformance",
        },
    },
    go(
        "conformance-v2",
        "v0.0.0-20260716174315-967efdc079b9",
        Scope::Tests,
        "github.com/opencontainers/distribution-spec/conformance",
        "",
    ),
    Peer {
        name: "helm",
        version: "v4.2.4",
        scope: Scope::Tests,
        source: Source::Go {
            module: "helm.sh/helm/v4",
            package: "/cmd/helm",
            // Otherwise Helm says that it is 4.2, and writes that into what it makes.
            ldflags: "-X helm.sh/helm/v4/internal/version.version=v4.2.4",
            environment: &[],
        },
    },
    go("cosign", "v3.1.3", Scope::Tests, "github.com/sigstore/cosign/v3", "/cmd/cosign"),
    // Its older line writes and reads the older layout unless told otherwise.
    go("cosign-2", "v2.6.5", Scope::Tests, "github.com/sigstore/cosign/v2", "/cmd/cosign"),
    go("notation", "v1.3.2", Scope::Tests, "github.com/notaryproject/notation", "/cmd/notation"),
    go("registry", "v3.1.2", Scope::Bench, "github.com/distribution/distribution/v3", "/cmd/registry"),
    go_jsonv2("zb", "v2.1.20", "zotregistry.dev/zot/v2", "/cmd/zb"),
    go_jsonv2("zot", "v2.1.20", "zotregistry.dev/zot/v2", "/cmd/zot"),
];

const fn debian(name: &'static str, package: &'static str, scope: Scope) -> Peer {
    Peer { name, version: "as packaged", scope, source: Source::Debian { package } }
}

const fn go(
    name: &'static str,
    version: &'static str,
    scope: Scope,
    module: &'static str,
    package: &'static str,
) -> Peer {
    Peer { name, version, scope, source: Source::Go { module, package, ldflags: "", environment: &[] } }
}

/// zot's programs need an experiment of the Go compiler; without extension tags this is its minimal flavour.
const fn go_jsonv2(
    name: &'static str,
    version: &'static str,
    module: &'static str,
    package: &'static str,
) -> Peer {
    let environment = &[("GOEXPERIMENT", "jsonv2")];
    Peer {
        name,
        version,
        scope: Scope::Bench,
        source: Source::Go { module, package, ldflags: "", environment },
    }
}
