//! Where settings come from, and what is said of those that cannot be used.

use std::path::Path;

use wharf_registry::config::{Effective, SETTINGS, Source};

fn load(file: Option<&str>, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Effective, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wharf.toml");
    let file = file.map(|text| {
        std::fs::write(&path, text).unwrap();
        path.as_path()
    });
    let flags: Vec<_> = flags.iter().map(|&(flag, value)| (flag, value.to_owned())).collect();
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Effective::load(Path::new("/data"), file, variable, &flags).map_err(|error| error.to_string())
}

#[test]
fn without_anything_the_server_is_local() {
    let effective = load(None, &[], &[]).unwrap();
    assert_eq!(effective.config.listen.to_string(), "127.0.0.1:5000");
    assert_eq!(effective.config.data, Path::new("/data"));
    assert!(effective.rows().all(|(_, _, source)| *source == Source::Default));
}

#[test]
fn flags_win_over_variables_and_these_over_the_file() {
    let file = "listen = \"127.0.0.1:1\"\nreferrers_api = false\n[gc]\ngrace = \"2h\"\n[limits]\npage = 7.0";
    let variables = [("WHARF_LISTEN", "127.0.0.1:2"), ("WHARF_GC_GRACE", "3h")];
    let effective = load(Some(file), &variables, &[("--listen", "127.0.0.1:3")]).unwrap();
    let shown: Vec<_> = effective
        .rows()
        .filter(|(_, _, source)| **source != Source::Default)
        .map(|(setting, value, source)| match source {
            Source::File(_) => format!("{}={value} file", setting.key),
            other => format!("{}={value} {other}", setting.key),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "listen=127.0.0.1:3 --listen",
            "limits.page=7 file",
            "referrers_api=false file",
            "gc.grace=3h WHARF_GC_GRACE"
        ]
    );
}

#[test]
fn lists_are_written_as_toml_has_them_or_with_commas() {
    let file = "trusted_proxies = [\"10.0.0.0/8\", \"::1\"]";
    assert_eq!(load(Some(file), &[], &[]).unwrap().config.trusted_proxies.to_string(), "10.0.0.0/8,::1/128");
    let variables = [("WHARF_TRUSTED_PROXIES", "192.0.2.1, 10.0.0.0/8")];
    let config = load(Some(file), &variables, &[]).unwrap().config;
    assert_eq!(config.trusted_proxies.to_string(), "192.0.2.1/32,10.0.0.0/8");
    let error = load(None, &[("WHARF_TRUSTED_PROXIES", "10.0.0.1/8")], &[]).unwrap_err();
    assert!(error.contains("the network is 10.0.0.0/8"), "{error}");
}

#[test]
fn errors_name_place_key_and_value() {
    for (file, variables, parts) in [
        (Some("lisen = \"x\""), vec![], ["wharf.toml", "lisen", "no such setting"]),
        (Some("[gc]\ngrace = \"soon\""), vec![], ["wharf.toml", "gc.grace", "soon"]),
        (Some("listen = "), vec![], ["wharf.toml", "line 1", "listen"]),
        (None, vec![("WHARF_LIMITS_PAGE", "0")], ["environment", "WHARF_LIMITS_PAGE", "\"0\""]),
        (None, vec![("WHARF_TLS_KEY", "/k")], ["tls.certificate", "pair", "configuration"]),
    ] {
        let error = load(file, &variables, &[]).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    }
    let error = Effective::load(Path::new("/"), Some(Path::new("/absent.toml")), |_| None, &[]).unwrap_err();
    assert!(error.to_string().contains("/absent.toml"), "{error}");
}

#[test]
fn every_setting_has_names_of_the_same_form() {
    for setting in SETTINGS {
        let variable = format!("WHARF_{}", setting.key.replace('.', "_").to_uppercase());
        assert_eq!(setting.variable, variable);
        assert!(setting.meaning.ends_with('.'), "{}", setting.key);
    }
}

/// `docs/CONFIGURATION.md` has a row for each setting. Run with `WHARF_BLESS=1` to write it anew.
#[test]
fn every_setting_stands_in_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CONFIGURATION.md");
    let before = std::fs::read_to_string(&path).unwrap();
    let (introduction, _) = before.split_once("| setting |").unwrap();
    let effective = load(None, &[], &[]).unwrap();
    let mut text = introduction.to_owned();
    text.push_str("| setting | variable | default | meaning |\n|---|---|---|---|\n");
    for (setting, value, _) in effective.rows() {
        let value = match (setting.key, value.as_str()) {
            ("data", _) => "the XDG data folder".to_owned(),
            (_, "") => String::new(),
            (_, value) => format!("`{value}`"),
        };
        let flag = setting.flag.map(|flag| format!(", `{flag}`")).unwrap_or_default();
        text.push_str(&format!(
            "| `{}`{flag} | `{}` | {value} | {} |\n",
            setting.key, setting.variable, setting.meaning
        ));
    }
    if std::env::var_os("WHARF_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(before, text, "run this test with WHARF_BLESS=1");
}
