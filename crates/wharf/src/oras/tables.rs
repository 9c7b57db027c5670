//! Flags that several commands share.

use crate::cobra::flags::Kind::{Switch, SwitchOn, Text, TextDefault, Texts};
use crate::cobra::flags::{Flag, flag, short};

/// What is said about a flag that goes with a later ORAS.
const GOING: &str = "and will be removed in a future release.";

pub(super) const COMMON: &[Flag] = &[short('d', "debug", Switch, "output debug logs (implies --no-tty)")];

pub(super) const TERMINAL: &[Flag] = &[flag("no-tty", Switch, "[Preview] disable progress bars")];

/// Status lines about layers without a name.
pub(super) const VERBOSE: &[Flag] = &[short('v', "verbose", SwitchOn, "").deprecated(GOING)];

/// The same where it has never had an effect.
pub(super) const VERBOSE_IN_VAIN: &[Flag] = &[short('v', "verbose", Switch, "").deprecated(GOING)];

macro_rules! remote {
    ($prefix:literal, $what:literal, $user:expr, $password:expr, $header:expr) => {
        &[
            Flag {
                short: $user,
                ..flag(concat!($prefix, "username"), Text, concat!($what, "registry username"))
            },
            Flag {
                short: $password,
                ..flag(
                    concat!($prefix, "password"),
                    Text,
                    concat!($what, "registry password or identity token"),
                )
            },
            flag(concat!($prefix, "identity-token"), Text, concat!($what, "registry identity token")),
            flag(
                concat!($prefix, "insecure"),
                Switch,
                concat!("allow connections to ", $what, "SSL registry without certs"),
            ),
            flag(
                concat!($prefix, "plain-http"),
                Switch,
                concat!("allow insecure connections to ", $what, "registry without SSL check"),
            ),
            flag(
                concat!($prefix, "ca-file"),
                Text,
                concat!("server certificate authority file for the remote ", $what, "registry"),
            ),
            flag(
                concat!($prefix, "cert-file"),
                Text,
                concat!("client certificate file for the remote ", $what, "registry"),
            ),
            flag(
                concat!($prefix, "key-file"),
                Text,
                concat!("client private key file for the remote ", $what, "registry"),
            ),
            flag(
                concat!($prefix, "resolve"),
                Texts,
                concat!(
                    "customized DNS for ",
                    $what,
                    "registry, formatted in host:port:address[:address_port]"
                ),
            ),
            flag(
                concat!($prefix, "registry-config"),
                Texts,
                concat!("`path` of the authentication file for ", $what, "registry"),
            ),
            Flag {
                short: $header,
                ..flag(
                    concat!($prefix, "header"),
                    Texts,
                    concat!("add custom headers to ", $what, "requests"),
                )
            },
        ]
    };
}

macro_rules! layout {
    ($prefix:literal, $what:literal) => {
        &[
            flag(
                concat!($prefix, "oci-layout"),
                Switch,
                concat!("set ", $what, "target as an OCI image layout"),
            ),
            flag(
                concat!($prefix, "oci-layout-path"),
                Text,
                concat!("[Experimental] set the path for the ", $what, "OCI image layout target"),
            ),
        ]
    };
}

macro_rules! distribution {
    ($prefix:literal, $what:literal) => {
        &[flag(
            concat!($prefix, "distribution-spec"),
            Text,
            concat!(
                "[Preview] set OCI distribution spec version and API option for ",
                $what,
                "target. Options: v1.1-referrers-tag, v1.1-referrers-api"
            ),
        )]
    };
}

/// How to reach a registry.
pub(super) const REMOTE: &[Flag] = remote!("", "", Some('u'), Some('p'), Some('H'));
pub(super) const REMOTE_FROM: &[Flag] = remote!("from-", "source ", None, None, None);
pub(super) const REMOTE_TO: &[Flag] = remote!("to-", "destination ", None, None, None);

/// Secrets from standard input.
pub(super) const STDIN: &[Flag] = &[
    flag("password-stdin", Switch, "read password from stdin"),
    flag("identity-token-stdin", Switch, "read identity token from stdin"),
];

/// Layouts in place of a registry.
pub(super) const LAYOUT: &[Flag] = layout!("", "");
pub(super) const LAYOUT_FROM: &[Flag] = layout!("from-", "source ");
pub(super) const LAYOUT_TO: &[Flag] = layout!("to-", "destination ");

/// How referrers are found.
pub(super) const DISTRIBUTION: &[Flag] = distribution!("", "");
pub(super) const DISTRIBUTION_FROM: &[Flag] = distribution!("from-", "source ");
pub(super) const DISTRIBUTION_TO: &[Flag] = distribution!("to-", "destination ");

pub(super) const PLATFORM: &[Flag] =
    &[flag("platform", Text, "request platform in the form of `os[/arch][/variant][:os_version]`")];

pub(super) const DESCRIPTOR: &[Flag] = &[flag("descriptor", Switch, "output the descriptor")];

pub(super) const PRETTY: &[Flag] = &[flag("pretty", Switch, "prettify JSON objects printed to stdout")];

pub(super) const FORCE: &[Flag] =
    &[short('f', "force", Switch, "ignore nonexistent references, never prompt")];

pub(super) const FORMAT: &[Flag] = &[
    flag(
        "format",
        TextDefault("text"),
        "[Experimental] format output using a custom template:\n'json':         Print in JSON format\n'go-template':  \
         Print output using the given Go template\n'text':         Print in text format",
    ),
    TEMPLATE,
];

pub(super) const TEMPLATE: Flag =
    flag("template", Text, "[Experimental] template string used to format output");

/// What a new manifest is packed of.
pub(super) const PACKER: &[Flag] = &[
    short('a', "annotation", Texts, "manifest annotations"),
    flag("export-manifest", Text, "`path` of the pushed manifest"),
    flag("annotation-file", Text, "path of the annotation file"),
    flag("disable-path-validation", Switch, "skip path validation"),
];
