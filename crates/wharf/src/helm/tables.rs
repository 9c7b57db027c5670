//! Flags that several commands share.

use crate::cobra::flags::Kind::{Ignored, IgnoredAs, List, Switch, Text, Texts};
use crate::cobra::flags::{Flag, Shape, flag, short};

/// Those of every command. What is about clusters says nothing here.
pub(super) const GLOBAL: &[Flag] = &[
    flag("burst-limit", IgnoredAs(Shape::Int), ""),
    flag("color", IgnoredAs(Shape::Colour), ""),
    flag("colour", IgnoredAs(Shape::Colour), ""),
    flag("content-cache", Text, "the folder of charts that were downloaded"),
    flag("debug", Switch, "show output that is not valid, too"),
    flag("kube-apiserver", Ignored, ""),
    flag("kube-as-group", Ignored, ""),
    flag("kube-as-user", Ignored, ""),
    flag("kube-ca-file", Ignored, ""),
    flag("kube-context", Text, "the context of the kubeconfig whose namespace is taken"),
    flag("kube-insecure-skip-tls-verify", crate::cobra::flags::Kind::IgnoredSwitch, ""),
    flag("kube-tls-server-name", Ignored, ""),
    flag("kube-token", Ignored, ""),
    flag("kubeconfig", Text, "the kubeconfig whose namespace is taken"),
    short('n', "namespace", Text, "the namespace of the release"),
    flag("qps", IgnoredAs(Shape::Float), ""),
    flag("registry-config", Text, "the file of logins to registries"),
    flag("repository-cache", Text, "the folder of repositories' indexes"),
    flag("repository-config", Text, "the file of chart repositories"),
];

/// Those that give values.
pub(super) const VALUES: &[Flag] = &[
    short(
        'f',
        "values",
        List,
        "a YAML file with values, its address, or - for standard input; later ones win",
    ),
    flag("set", Texts, "values as PATH=VALUE,…; numbers, booleans and null are recognised"),
    flag("set-file", Texts, "values as PATH=FILE,…, each the text of a file"),
    flag("set-json", Texts, "values as PATH=JSON,… or one JSON object"),
    flag("set-literal", Texts, "a value as PATH=TEXT, the text taken as it is"),
    flag("set-string", Texts, "values as PATH=TEXT,…"),
];

/// Those that say how a server is reached and as whom.
pub(super) const ACCESS: &[Flag] = &[
    flag("ca-file", Text, "PEM file of certificates that are trusted beside the system's"),
    flag("cert-file", Text, "PEM file of the client's certificate"),
    flag("insecure-skip-tls-verify", Switch, "accept any certificate"),
    flag("key-file", Text, "PEM file of the client's key"),
    flag("password", Text, "password for the server"),
    flag(
        "plain-http",
        Switch,
        "speak plain HTTP with registries (with this machine that is so without saying)",
    ),
    flag("username", Text, "user name for the server; stored logins are not used then"),
];

/// Those that say which chart is taken from there.
pub(super) const SOURCE: &[Flag] = &[
    flag("devel", Switch, "take pre-releases, too, as --version '>0.0.0-0'"),
    flag("keyring", Text, "with --verify: the keys to trust; a binary or armoured keyring, or a keybox"),
    flag("pass-credentials", Switch, "send user name and password to other hosts that an index names, too"),
    flag("repo", Text, "the address of the chart repository that has the chart"),
    flag("verify", Switch, "verify the chart by its provenance file"),
    flag("version", Text, "the version or range of a chart that is downloaded; else the newest"),
];
