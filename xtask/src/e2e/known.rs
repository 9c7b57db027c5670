//! The cases of the suite that do not pass, each with its reason; docs/COMPATIBILITY.md has the same list.

/// The end of a case's name, and why it does not pass.
pub(super) const REASONS: &[(&str, &str)] = &[
    ("artifact users: / should pull subject", WITHDRAWN),
    ("artifact users: / should copy an image and its referrers to a new repository", WITHDRAWN),
    ("custom host is provided / should discover direct referrers of a subject", WITHDRAWN),
    ("should push a manifest from stdin with media type flag", SIZE),
    ("should push a manifest from stdin without media type flag", SIZE),
    ("should fail with empty response when returned response doesn't have body", WAIT),
];

const WITHDRAWN: &str = "its fixtures are manifests of the withdrawn type application/vnd.oci.artifact.manifest.v1+json, which \
                         `wharf serve` does not take";
const SIZE: &str = "its manifest states 53 bytes for a config that has 2, which `wharf serve` refuses";
const WAIT: &str =
    "after several wrong passwords `wharf serve` answers 429 for a while, the suite's registry 401 for ever";
