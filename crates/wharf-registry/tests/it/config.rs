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
