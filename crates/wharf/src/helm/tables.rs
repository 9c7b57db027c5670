//! Flags that several commands share.

use crate::cobra::flags::Kind::{Ignored, List, Missing, MissingSwitch, Switch, Text, Texts};
use crate::cobra::flags::{Flag, flag, short};

/// Those of every command. What is about clusters says nothing here.
pub(super) const GLOBAL: &[Flag] = &[
    flag("burst-limit", Ignored, ""),
    flag("color", Ignored, ""),
    flag("colour", Ignored, ""),
    flag("content-cache", Ignored, ""),
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
    flag("qps", Ignored, ""),
    flag("registry-config", Ignored, ""),
    flag("repository-cache", Ignored, ""),
    flag("repository-config", Ignored, ""),
];

/// Those that give values.
pub(super) const VALUES: &[Flag] = &[
    short('f', "values", List, "a YAML file with values, - for standard input; later ones win"),
    flag("set", Texts, "values as PATH=VALUE,…; numbers, booleans and null are recognised"),
    flag("set-file", Texts, "values as PATH=FILE,…, each the text of a file"),
    flag("set-json", Texts, "values as PATH=JSON,… or one JSON object"),
    flag("set-literal", Texts, "a value as PATH=TEXT, the text taken as it is"),
    flag("set-string", Texts, "values as PATH=TEXT,…"),
];

/// Those that say where a chart comes from.
pub(super) const SOURCE: &[Flag] = &[
    flag("ca-file", Missing, ""),
    flag("cert-file", Missing, ""),
    flag("devel", MissingSwitch, ""),
    flag("insecure-skip-tls-verify", MissingSwitch, ""),
    flag("key-file", Missing, ""),
    flag("keyring", Ignored, "without --verify it says nothing"),
    flag("pass-credentials", MissingSwitch, ""),
    flag("password", Missing, ""),
    flag("plain-http", MissingSwitch, ""),
    flag("repo", Missing, ""),
    flag("username", Missing, ""),
    flag("verify", MissingSwitch, ""),
    flag("version", Text, "the version or range of a chart that is downloaded"),
];
