//! `wharf helm repo|search|dependency|pull` with chart repositories, in Helm's words.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::helm_site::Site;
use crate::support::{Run, World};

const LOGIN: &str = "Basic YWRtaW46c2VjcmV0"; // admin:secret

/// A home, and a repository `a` that was added to it, with `db` in two versions and a pre-release.
fn world() -> (World, Site) {
    let world = World::without_registry();
    let site = Site::start();
    for version in ["1.0.0", "1.1.0", "2.0.0-rc.1"] {
        pack(&world, "db", version);
        let name = format!("db-{version}.tgz");
        site.serve(&format!("/{name}"), fs::read(world.path("charts").join(&name)).unwrap());
    }
    helm(&world, "repo index charts").ok();
    site.serve("/index.yaml", fs::read(world.path("charts/index.yaml")).unwrap());
    (world, site)
}

fn pack(world: &World, name: &str, version: &str) {
    let folder = world.path(name);
    fs::create_dir_all(&folder).unwrap();
    let text =
        format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: '7'\ndescription: a store\n");
    fs::write(folder.join("Chart.yaml"), text).unwrap();
    helm(world, &format!("package {name} -d charts")).ok();
}

fn helm(world: &World, line: &str) -> Run {
    let words: Vec<&str> = std::iter::once("helm").chain(line.split_whitespace()).collect();
    world.wharf(&words)
}

fn fails(world: &World, line: &str, text: &str) {
    helm(world, line).fails(1, &format!("Error: {text}\n"));
}

#[test]
fn a_repository_is_added_listed_searched_updated_and_removed() {
    let (world, site) = world();
    let url = site.url();
    assert_eq!(helm(&world, "repo list").ok().stderr, "no repositories to show\n");
    assert_eq!(
        helm(&world, &format!("repo add a {url}")).ok().stdout,
        "\"a\" has been added to your repositories\n"
    );
    assert_eq!(
        helm(&world, &format!("repo add a {url}")).ok().stdout,
        "\"a\" already exists with the same configuration, skipping\n"
    );
    fails(
        &world,
        &format!("repo add a {url}/"),
        "repository name (a) already exists, please specify a different name",
    );
    let file = world.path(".config/helm/repositories.yaml");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        format!(
            "apiVersion: \"\"\ngenerated: \"0001-01-01T00:00:00Z\"\nrepositories:\n- caFile: \"\"\n  certFile: \"\"\n  \
             insecure_skip_tls_verify: false\n  keyFile: \"\"\n  name: a\n  pass_credentials_all: false\n  password: \
             \"\"\n  url: {url}\n  username: \"\"\n"
        )
    );
    assert_eq!(
        helm(&world, "repo list -o json").ok().stdout,
        format!("[{{\"name\":\"a\",\"url\":\"{url}\"}}]\n")
    );
    let header = "NAME\tCHART VERSION\tAPP VERSION\tDESCRIPTION\n";
    assert_eq!(
        helm(&world, "search repo STORE").ok().stdout,
        format!("{header}a/db\t1.1.0        \t7          \ta store    \n")
    );
    assert_eq!(helm(&world, "search repo -l --devel").ok().stdout.lines().count(), 4);
    assert_eq!(helm(&world, "search repo nosuch").ok().stdout, "No results found\n");
    fails(&world, "search repo nosuch --fail-on-no-result", "no results found");
    assert_eq!(
        helm(&world, "repo update").ok().stdout,
        "Hang tight while we grab the latest from your chart repositories...\n...Successfully got an update from the \
         \"a\" chart repository\nUpdate Complete. ⎈Happy Helming!⎈\n"
    );
    fails(&world, "repo update b", "no repositories found matching 'b'.  Nothing will be updated");
    assert_eq!(helm(&world, "repo remove a").ok().stdout, "\"a\" has been removed from your repositories\n");
    assert!(fs::read_dir(world.path(".cache/helm/repository")).unwrap().next().is_none());
    fails(&world, "repo remove a", "no repositories configured");
}

#[test]
fn a_chart_is_pulled_by_repository_and_by_address() {
    let (world, site) = world();
    let url = site.url();
    helm(&world, &format!("repo add a {url}")).ok();
    fs::create_dir(world.path("p")).unwrap();
    for (line, name) in [
        ("pull a/db -d p".to_owned(), "db-1.1.0.tgz"),
        ("pull a/db -d p --devel".to_owned(), "db-2.0.0-rc.1.tgz"),
        (format!("pull db --repo {url} --version ~1.0 -d p"), "db-1.0.0.tgz"),
        (format!("pull {url}/db-1.1.0.tgz -d p"), "db-1.1.0.tgz"),
    ] {
        assert_eq!(helm(&world, &line).ok().stdout, "", "{line}");
        let (pulled, served) = (world.path("p").join(name), world.path("charts").join(name));
        assert_eq!(fs::read(&pulled).unwrap(), fs::read(served).unwrap(), "{line}");
        fs::remove_file(pulled).unwrap();
    }
    let shown = helm(&world, "show chart a/db --version 1.0.0").ok().stdout;
    assert!(shown.contains("version: 1.0.0\n"), "{shown}");
    let run = helm(&world, "pull a/db --version 1.0 -d p").ok();
    assert_eq!(
        run.stderr,
        "level=WARN msg=\"unable to find exact version requested; falling back to closest available version\" chart=db \
         requested=1.0 selected=1.0.0\n"
    );
    fails(
        &world,
        "pull a/nosuch",
        "chart \"nosuch\" matching  not found in a index. (try 'helm repo update'): no chart name found",
    );
    fails(&world, "pull b/db", "repo b not found");
    fails(
        &world,
        &format!("pull {url}/db-9.0.0.tgz"),
        &format!("failed to fetch {url}/db-9.0.0.tgz : 404 Not Found"),
    );
}

#[test]
fn an_archive_with_another_digest_than_the_index_says_is_refused() {
    let (world, site) = world();
    helm(&world, &format!("repo add a {}", site.url())).ok();
    site.serve("/db-1.1.0.tgz", fs::read(world.path("charts/db-1.0.0.tgz")).unwrap());
    helm(&world, "pull a/db -d charts/..").fails(1, "the index of its repository says sha256:");
    assert!(!world.path("db-1.1.0.tgz").exists());
}

/// An index of another host's archives, as in CVE-2021-32690.
fn leading_away(world: &World, away: &Site) -> Site {
    let site = Site::start();
    away.serve("/db-1.0.0.tgz", fs::read(world.path("charts/db-1.0.0.tgz")).unwrap());
    let index = fs::read_to_string(world.path("charts/index.yaml")).unwrap();
    site.serve("/index.yaml", index.replace("- db-", &format!("- {}/db-", away.url())));
    site
}

#[test]
fn a_login_goes_to_the_repositorys_own_host_only() {
    let (world, away) = world();
    let site = leading_away(&world, &away);
    let url = site.url();
    helm(&world, &format!("repo add a {url} --username admin --password secret")).ok();
    assert_eq!(site.requests()[0].authorization.as_deref(), Some(LOGIN));
    for line in [
        "pull a/db --version 1.0.0".to_owned(),
        format!("pull db --version 1.0.0 --repo {url} --username admin --password secret"),
        format!("show chart db --version 1.0.0 --repo {url} --username admin --password secret"),
    ] {
        helm(&world, &line).ok();
        let requests = away.requests();
        assert_eq!(requests.last().unwrap().path, "/db-1.0.0.tgz");
        assert!(requests.iter().all(|request| request.authorization.is_none()), "{line}: {requests:?}");
    }
    helm(
        &world,
        &format!(
            "pull db --version 1.0.0 --repo {url} --username admin --password secret --pass-credentials"
        ),
    )
    .ok();
    assert_eq!(away.requests().last().unwrap().authorization.as_deref(), Some(LOGIN));
}

#[test]
fn a_redirect_never_takes_the_login_to_another_host() {
    let (world, away) = world();
    let site = Site::start();
    site.serve("/index.yaml", fs::read(world.path("charts/index.yaml")).unwrap());
    site.redirect("/db-1.1.0.tgz", &format!("{}/db-1.1.0.tgz", away.url()));
    helm(&world, &format!("repo add a {} --username admin --password secret --pass-credentials", site.url()))
        .ok();
    helm(&world, "pull a/db").ok();
    assert_eq!(site.requests().last().unwrap().authorization.as_deref(), Some(LOGIN));
    let requests = away.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].authorization, None);
}

#[test]
fn an_address_cannot_choose_where_a_file_is_written() {
    let (world, site) = world();
    let index = fs::read_to_string(world.path("charts/index.yaml")).unwrap();
    let archive = fs::read(world.path("charts/db-1.0.0.tgz")).unwrap();
    for hidden in ["%2e%2e", "x%2F..", "..%2F"] {
        site.serve("/index.yaml", index.replace("- db-1.0.0.tgz", &format!("- sub/{hidden}")));
        site.serve(&format!("/sub/{hidden}"), archive.clone());
        let run = helm(&world, &format!("pull db --version 1.0.0 --repo {} -d charts", site.url()));
        assert_eq!(run.status, 1, "{hidden}: {run:?}");
    }
    assert!(world.path("charts/db-1.0.0.tgz").is_file());
}

#[test]
fn a_hostile_index_is_refused_and_odd_entries_are_passed_over() {
    let (world, site) = world();
    let url = site.url();
    let entry = |name: &str| format!("- {{apiVersion: v2, name: {name}, version: 1.0.0, urls: [x.tgz]}}");
    // CVE-2020-15185: repeated entries; CVE-2022-23525 and CVE-2024-26147: null entries and empty documents.
    let repeated = format!("apiVersion: v1\nentries:\n  a:\n  {0}\n  a:\n  {0}\n", entry("a"));
    for (index, said) in [
        (repeated.as_str(), "already set in map"),
        ("", "empty index.yaml file"),
        ("entries: {}\n", "no API version specified"),
        ("- a\n", "cannot unmarshal array"),
        ("apiVersion: v1\nentries: [a]\n", "cannot unmarshal array"),
        ("apiVersion: v1\nentries: {a: [{nosuch: 1}]}\n", "unknown field"),
    ] {
        site.serve("/index.yaml", index);
        let run = helm(&world, &format!("repo add x {url}"));
        assert_eq!(run.status, 1, "{index:?}");
        assert!(run.stderr.contains(said), "{index:?}: {run:?}");
        assert!(!world.path(".config/helm/repositories.yaml").exists(), "{index:?} was added");
    }
    // CVE-2021-21303: bad versions, control characters, names that are paths.
    let odd = format!(
        "apiVersion: v1\nentries:\n  n:\n  - null\n  {}\n  {}\n  - {{apiVersion: v2, name: n, version: one, urls: [x]}}\n  - \
         {{apiVersion: v2, name: n, version: 1.0.1, urls: [x.tgz], description: \"a\\e[31mb\"}}\n",
        entry("n"),
        entry("../n"),
    );
    site.serve("/index.yaml", odd);
    let run = helm(&world, &format!("repo add x {url}")).ok();
    assert!(run.stderr.contains("skipping loading invalid entry for chart"), "{run:?}");
    let found = helm(&world, "search repo -l").ok().stdout;
    assert_eq!(found.lines().count(), 3, "{found}");
    assert!(!found.contains('\u{1b}'), "{found:?}");
}

/// A chart `p` that wants others.
fn parent(world: &World, dependencies: &str) {
    let folder = world.path("p");
    fs::create_dir_all(&folder).unwrap();
    let text = format!("apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies:\n{dependencies}");
    fs::write(folder.join("Chart.yaml"), text).unwrap();
}

#[test]
fn dependencies_are_resolved_locked_and_built_again() {
    let (world, site) = world();
    let url = site.url();
    helm(&world, &format!("repo add a {url}")).ok();
    pack(&world, "near", "4.5.6");
    parent(
        &world,
        "- {name: db, version: '>=1 <2', repository: '@a'}\n- {name: near, version: 4.x, repository: 'file://../near'}\n",
    );
    let run = helm(&world, "dependency update p").ok();
    assert_eq!(
        run.stdout,
        format!(
            "Hang tight while we grab the latest from your chart repositories...\n...Successfully got an update from the \
             \"a\" chart repository\nUpdate Complete. ⎈Happy Helming!⎈\nSaving 2 charts\nDownloading db from repo \
             {url}\nDeleting outdated charts\n"
        )
    );
    let lock = fs::read_to_string(world.path("p/Chart.lock")).unwrap();
    assert!(lock.contains(&format!("- name: db\n  repository: {url}\n  version: 1.1.0\n")), "{lock}");
    assert!(lock.contains("- name: near\n  repository: file://../near\n  version: 4.5.6\n"), "{lock}");
    assert_eq!(
        helm(&world, "dep list p").ok().stdout,
        "NAME\tVERSION\tREPOSITORY    \tSTATUS\ndb  \t>=1 <2 \t@a            \tok    \nnear\t4.x    \tfile://../near\tok    \
         \n\n"
    );

    fs::remove_dir_all(world.path("p/charts")).unwrap();
    helm(&world, "dependency build p --skip-refresh").ok();
    assert!(world.path("p/charts/db-1.1.0.tgz").is_file() && world.path("p/charts/near-4.5.6.tgz").is_file());
    let before = fs::read_to_string(world.path("p/Chart.lock")).unwrap();
    helm(&world, "dependency update p").ok();
    assert_eq!(
        fs::read_to_string(world.path("p/Chart.lock")).unwrap(),
        before,
        "nothing changed, so neither did the lock"
    );

    // Another version takes the place of the old one.
    parent(&world, "- {name: db, version: 1.0.0, repository: '@a'}\n");
    fails(
        &world,
        "dependency build p",
        "the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the dependencies \
         with 'helm dependency update'",
    );
    helm(&world, "dependency update p --skip-refresh").ok();
    let names: Vec<_> =
        fs::read_dir(world.path("p/charts")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["db-1.0.0.tgz"]);
}

#[test]
fn a_failed_update_leaves_charts_and_lock_as_they_were() {
    let (world, site) = world();
    parent(&world, &format!("- {{name: db, version: 1.0.0, repository: '{}'}}\n", site.url()));
    helm(&world, "dependency update p").ok();
    let lock = fs::read_to_string(world.path("p/Chart.lock")).unwrap();
    parent(&world, &format!("- {{name: db, version: ^7, repository: '{}'}}\n", site.url()));
    fails(
        &world,
        "dependency update p",
        &format!(
            "can't get a valid version for 1 subchart(s): \"db\" (repository \"{}\", version \"^7\"). Make sure a matching \
             chart version exists in the repo, or change the version constraint in Chart.yaml",
            site.url()
        ),
    );
    assert!(world.path("p/charts/db-1.0.0.tgz").is_file());
    assert_eq!(fs::read_to_string(world.path("p/Chart.lock")).unwrap(), lock);
    assert_eq!(fs::read_dir(world.path("p")).unwrap().count(), 3, "no temporary folder stays");
}

#[test]
fn a_lock_or_charts_folder_that_is_a_link_out_of_the_chart_is_not_written_through() {
    // CVE-2025-53547.
    let (world, site) = world();
    parent(&world, &format!("- {{name: db, version: 1.0.0, repository: '{}'}}\n", site.url()));
    fs::write(world.path("profile"), "mine\n").unwrap();
    symlink("../profile", world.path("p/Chart.lock")).unwrap();
    assert_eq!(helm(&world, "dependency update p").status, 1);
    assert_eq!(fs::read_to_string(world.path("profile")).unwrap(), "mine\n");
    fs::remove_file(world.path("p/Chart.lock")).unwrap();
    fs::create_dir(world.path("elsewhere")).unwrap();
    symlink("../elsewhere", world.path("p/charts")).unwrap();
    assert_eq!(helm(&world, "dependency update p").status, 1);
    assert!(fs::read_dir(world.path("elsewhere")).unwrap().next().is_none());
}

#[test]
fn a_repository_that_nobody_knows_is_named() {
    let (world, _site) = world();
    parent(&world, "- {name: db, version: 1.0.0, repository: '@x'}\n");
    fails(
        &world,
        "dependency update p",
        "no repository definition for @x. Please add them via 'helm repo add'",
    );
    helm(&world, "dependency update nosuch")
        .fails(1, "Error: could not find nosuch: stat nosuch: no such file");
}

#[test]
fn an_index_is_merged_and_written_as_json() {
    let (world, _site) = world();
    fs::create_dir(world.path("more")).unwrap();
    fs::copy(world.path("charts/db-1.0.0.tgz"), world.path("more/db-1.0.0.tgz")).unwrap();
    helm(&world, "repo index more --url https://charts.example.com/x --merge charts/index.yaml --json").ok();
    let text = fs::read_to_string(world.path("more/index.yaml")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&text).unwrap();
    let versions = index["entries"]["db"].as_array().unwrap();
    let of =
        |at: usize| (versions[at]["version"].as_str().unwrap(), versions[at]["urls"][0].as_str().unwrap());
    assert_eq!(of(0), ("2.0.0-rc.1", "db-2.0.0-rc.1.tgz"));
    assert_eq!(of(2), ("1.0.0", "https://charts.example.com/x/db-1.0.0.tgz"));
    assert!(text.starts_with("{\n  \"apiVersion\": \"v1\",\n"), "{text}");
}
