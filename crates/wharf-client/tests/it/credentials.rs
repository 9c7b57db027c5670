use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use wharf_client::{Credential, CredentialPaths, CredentialStore, Secret, Stored};

fn basic(username: &str, password: &str) -> Credential {
    Credential::Basic { username: username.to_owned(), password: Secret::new(password) }
}

fn store(folder: &Path, json: &str) -> (PathBuf, CredentialStore) {
    let path = folder.join("config.json");
    fs::write(&path, json).unwrap();
    (path.clone(), CredentialStore::new(CredentialPaths(vec![path])).with_helpers_in(folder))
}

/// A helper that keeps one secret in a file beside itself.
fn helper(folder: &Path, name: &str, script: &str) {
    let path = folder.join(format!("docker-credential-{name}"));
    fs::write(&path, format!("#!/bin/sh\ncd '{}'\n{script}\n", folder.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

const KEEPER: &str = r#"case "$1" in
get) read -r host; if [ -f kept ] && [ "$host" = example.com ]; then cat kept; else echo "credentials not found in native keychain"; exit 1; fi;;
store) cat > kept;;
erase) if [ -f kept ]; then rm kept; else echo "credentials not found in native keychain"; exit 1; fi;;
esac"#;

async fn found(store: &CredentialStore, place: &str) -> Option<Credential> {
    store.find(place).await.unwrap().map(|found| found.credential)
}

#[tokio::test]
async fn the_longest_prefix_decides() {
    let folder = tempfile::tempdir().unwrap();
    // a:1, b:2, c:3
    let json = r#"{"auths":{
        "example.com":{"auth":"YTox"},
        "example.com/shop":{"auth":"Yjoy"},
        "example.com/shop/web":{"auth":"Yzoz"},
        "https://old.example.com/v1/":{"auth":"YTox"}
    }}"#;
    let (_, store) = store(folder.path(), json);
    assert_eq!(found(&store, "example.com/shop/web").await, Some(basic("c", "3")));
    assert_eq!(found(&store, "example.com/shop/other").await, Some(basic("b", "2")));
    assert_eq!(found(&store, "example.com/shopping").await, Some(basic("a", "1")));
    assert_eq!(found(&store, "old.example.com/x").await, Some(basic("a", "1")));
    assert_eq!(found(&store, "example.com.evil.com/shop").await, None);
    assert_eq!(found(&store, "com").await, None);
}

#[tokio::test]
async fn every_form_of_an_entry_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let json = r#"{"auths":{
        "a.com":{"identitytoken":"i"}, "b.com":{"registrytoken":"r"},
        "c.com":{"username":"u","password":"p:q"}, "d.com":{}, "e.com":{"auth":"YTpiOmM="}
    }}"#;
    let (_, store) = store(folder.path(), json);
    assert_eq!(found(&store, "a.com").await, Some(Credential::IdentityToken(Secret::new("i"))));
    assert_eq!(found(&store, "b.com").await, Some(Credential::RegistryToken(Secret::new("r"))));
    assert_eq!(found(&store, "c.com").await, Some(basic("u", "p:q")));
    assert_eq!(found(&store, "d.com").await, None);
    assert_eq!(found(&store, "e.com").await, Some(basic("a", "b:c")));
}

#[tokio::test]
async fn a_login_is_kept_with_mode_0600_and_everything_else_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (path, store) = store(
        folder.path(),
        r#"{"HttpHeaders":{"X":"y"},"auths":{"https://example.com/v2/":{"auth":"YTox"},"other.com":{"auth":"Yjoy"}}}"#,
    );
    let stored = store.store("example.com", &basic("alice", "secret")).await.unwrap();
    assert_eq!(stored, Stored::File(path.clone()));
    assert_eq!(found(&store, "example.com/any").await, Some(basic("alice", "secret")));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["HttpHeaders"]["X"], "y");
    assert_eq!(json["auths"]["other.com"]["auth"], "Yjoy");
    assert_eq!(json["auths"].as_object().unwrap().len(), 2, "the old form of the key is replaced");

    assert_eq!(store.remove("example.com").await.unwrap(), [Stored::File(path)]);
    assert_eq!(found(&store, "example.com").await, None);
    assert_eq!(store.remove("example.com").await.unwrap(), []);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["config.json"], "nothing is left beside it");
}

#[tokio::test]
async fn a_file_that_is_not_there_yet_is_made_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/docker/config.json");
    let store = CredentialStore::new(CredentialPaths(vec![path.clone()]));
    assert_eq!(found(&store, "example.com").await, None);
    store.store("example.com", &basic("a", "b")).await.unwrap();
    assert_eq!(found(&store, "example.com").await, Some(basic("a", "b")));
}

#[tokio::test]
async fn a_link_to_the_file_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real.json");
    fs::write(&real, "{}").unwrap();
    let link = folder.path().join("config.json");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let store = CredentialStore::new(CredentialPaths(vec![link.clone()]));
    store.store("example.com", &basic("a", "b")).await.unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("example.com"));
}

#[tokio::test]
async fn a_helper_of_the_host_beats_that_of_the_file_and_the_entries() {
    let folder = tempfile::tempdir().unwrap();
    let json = r#"{"credsStore":"general","credHelpers":{"example.com":"keeper"},"auths":{"example.com":{"auth":"YTox"}}}"#;
    let (_, store) = store(folder.path(), json);
    helper(folder.path(), "keeper", KEEPER);
    helper(folder.path(), "general", r#"echo '{"Username":"<token>","Secret":"t"}'"#);

    assert_eq!(found(&store, "example.com").await, Some(basic("a", "1")), "the helper knows nothing yet");
    let stored = store.store("example.com", &basic("alice", "secret")).await.unwrap();
    assert_eq!(stored, Stored::Helper("keeper".to_owned()));
    assert_eq!(found(&store, "example.com/shop").await, Some(basic("alice", "secret")));
    assert_eq!(found(&store, "other.com").await, Some(Credential::IdentityToken(Secret::new("t"))));
    assert_eq!(store.remove("example.com").await.unwrap().len(), 2, "helper and old entry");
}

/// CVE-2021-41092: a helper that fails must not make the client somebody else.
#[tokio::test]
async fn a_helper_that_fails_stops_everything() {
    let folder = tempfile::tempdir().unwrap();
    let json = r#"{"credsStore":"broken","auths":{"example.com":{"auth":"YTox"}}}"#;
    let (_, store) = store(folder.path(), json);
    let error = store.find("example.com").await.unwrap_err();
    assert!(error.to_string().contains("docker-credential-broken"), "{error}");
    helper(folder.path(), "broken", "echo the keychain is locked; exit 1");
    let error = store.find("example.com").await.unwrap_err();
    assert!(error.to_string().contains("the keychain is locked"), "{error}");
    helper(folder.path(), "broken", "echo not json");
    assert!(store.find("example.com").await.is_err());
}

#[tokio::test]
async fn the_name_of_a_helper_is_not_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = store(folder.path(), r#"{"credsStore":"../../evil"}"#);
    let error = store.find("example.com").await.unwrap_err();
    assert!(error.to_string().contains("is invalid"), "{error}");
}

#[tokio::test]
async fn a_broken_file_is_named_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let (path, store) = store(folder.path(), r#"{"auths":{"example.com":{"auth":"topsecret"#);
    let error = store.find("example.com").await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains(path.to_str().unwrap()) && text.contains("line 1"), "{text}");
    assert!(!text.contains("topsecret"), "{text}");
    let error = store.store("example.com", &basic("a", "b")).await.unwrap_err();
    assert!(error.to_string().contains("is not a JSON object"), "{error}");
    assert!(fs::read_to_string(&path).unwrap().contains("topsecret"), "a broken file is not overwritten");
}

#[test]
fn the_files_of_docker_podman_and_helm_are_asked_in_order() {
    let paths = |pairs: &[(&str, &str)]| {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        CredentialPaths::from_environment(|wanted| {
            pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        })
        .0
    };
    assert_eq!(
        paths(&[("HOME", "/h")]),
        [
            PathBuf::from("/h/.docker/config.json"),
            "/h/.config/containers/auth.json".into(),
            "/h/.config/helm/registry/config.json".into(),
        ]
    );
    let all = paths(&[
        ("HOME", "/h"),
        ("DOCKER_CONFIG", "/d"),
        ("REGISTRY_AUTH_FILE", "/r/auth.json"),
        ("XDG_RUNTIME_DIR", "/run/user/1"),
        ("XDG_CONFIG_HOME", "/c"),
        ("HELM_REGISTRY_CONFIG", "/helm.json"),
    ]);
    assert_eq!(
        all,
        [
            PathBuf::from("/r/auth.json"),
            "/d/config.json".into(),
            "/run/user/1/containers/auth.json".into(),
            "/c/containers/auth.json".into(),
            "/helm.json".into(),
        ]
    );
    assert!(paths(&[]).is_empty());
}
