//! `wharf project`, `user`, `robot`, `repo`, `gc` and `audit`, as administrators and project people use them.

use serde_json::Value;

use crate::support::{PASSWORD, Run, World};

/// Runs a command against the registry of the world, with the stored login.
fn manage(world: &World, arguments: &[&str]) -> Run {
    world.wharf_with(arguments, "", &[("WHARF_REGISTRY", &world.host())])
}

/// The same by another account, named by the environment.
fn manage_as(world: &World, user: &str, password: &str, arguments: &[&str]) -> Run {
    let host = world.host();
    let variables =
        [("WHARF_REGISTRY", host.as_str()), ("WHARF_USERNAME", user), ("WHARF_PASSWORD", password)];
    world.wharf_with(arguments, "", &variables)
}

fn names(run: &Run, field: &str) -> Vec<String> {
    let entries: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    entries.iter().map(|entry| entry[field].as_str().unwrap().to_owned()).collect()
}

#[test]
fn projects_and_members_are_managed_by_name() {
    let world = World::logged_in();
    manage(&world, &["project", "create", "fresh", "--quota", "1GiB"]).ok();
    manage(&world, &["project", "create", "fresh"]).fails(1, "fresh");
    let listed = manage(&world, &["project", "list", "--output", "json"]).ok();
    assert!(names(&listed, "name").contains(&"fresh".to_owned()), "{listed:?}");
    let shown = manage(&world, &["project", "show", "fresh"]).ok();
    assert!(shown.stdout.contains("private") && shown.stdout.contains("1.00 GiB"), "{shown:?}");
    manage(&world, &["project", "update", "fresh", "--public", "--quota", "none"]).ok();
    let shown = manage(&world, &["project", "show", "fresh", "--output", "json"]).ok().json();
    assert_eq!(shown["project"]["metadata"]["public"], "true");
    assert_eq!(shown["summary"]["quota"]["hard"]["storage"], -1);

    let host = world.host();
    let create = ["user", "create", "ann", "--password-stdin", "--registry", &host];
    world.wharf_with(&create, "a fine password", &[]).ok();
    manage(&world, &["project", "members", "add", "fresh", "ann", "--role", "developer"]).ok();
    manage(&world, &["project", "members", "update", "fresh", "ann", "--role", "guest"]).ok();
    let members = manage(&world, &["project", "members", "list", "fresh"]).ok();
    assert!(
        members.stdout.lines().any(|line| line.starts_with("ann") && line.ends_with("guest")),
        "{members:?}"
    );
    let denied = manage_as(&world, "ann", "a fine password", &["project", "delete", "fresh"]);
    denied.fails(7, "no permission");
    manage(&world, &["project", "members", "remove", "fresh", "ann"]).ok();
    manage(&world, &["project", "members", "remove", "fresh", "ann"]).fails(6, "ann is no member of fresh");
    manage(&world, &["project", "delete", "fresh"]).ok();
    manage(&world, &["project", "show", "fresh"]).fails(6, "not found");
}

#[test]
fn users_change_their_password_and_administrators_everything() {
    let world = World::logged_in();
    let host = world.host();
    let registry = [("WHARF_REGISTRY", host.as_str())];
    world.wharf_with(&["user", "create", "ann", "--password-stdin"], "first password", &registry).ok();
    world
        .wharf_with(&["user", "create", "bob", "--password-stdin"], "short", &registry)
        .fails(2, "5 characters");
    let ann = |password: &'static str| [registry[0], ("WHARF_USERNAME", "ann"), ("WHARF_PASSWORD", password)];
    let passwords = "first password\nsecond password\n";
    world.wharf_with(&["user", "passwd", "--password-stdin"], passwords, &ann("first password")).ok();
    world.wharf_with(&["project", "list"], "", &ann("first password")).fails(7, "wrong");
    world.wharf_with(&["project", "list"], "", &ann("second password")).ok();
    world.wharf_with(&["user", "list"], "", &ann("second password")).fails(7, "no permission");

    manage(&world, &["user", "update", "ann", "--email", "ann@example.com", "--disabled", "true"]).ok();
    world.wharf_with(&["project", "list"], "", &ann("second password")).fails(7, "wrong");
    let users = manage(&world, &["user", "list"]).ok();
    let line = users.stdout.lines().find(|line| line.starts_with("ann")).unwrap();
    assert!(line.contains("ann@example.com") && line.contains("disabled"), "{line}");
    manage(&world, &["user", "delete", "ann"]).ok();
    manage(&world, &["user", "delete", "ann"]).fails(6, "there is no user");
}

#[test]
fn an_htpasswd_file_is_imported_line_by_line() {
    let world = World::logged_in();
    let file = world.path("htpasswd");
    let hash = "$2y$05$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcde";
    std::fs::write(&file, format!("carol:{hash}\nplain:text\n")).unwrap();
    let imported = manage(&world, &["user", "import-htpasswd", file.to_str().unwrap()]);
    assert_eq!(imported.status, 1, "{imported:?}");
    assert!(imported.stdout.contains("carol") && imported.stdout.contains("line 2"), "{imported:?}");
    let users = manage(&world, &["user", "list", "--output", "json"]).ok();
    assert_eq!(names(&users, "username"), ["admin", "carol"]);
}

#[test]
fn a_robot_shows_its_secret_once_and_works_with_it() {
    let world = World::logged_in();
    world.publish(&[]).ok();
    let grant = ["--grant", "shop/charts/**:pull", "--days", "7"];
    let create = [&["robot", "create", "ci", "--project", "shop", "--output", "json"], &grant[..]].concat();
    let made = manage(&world, &create).ok().json();
    let (name, first) = (made["name"].as_str().unwrap(), made["secret"].as_str().unwrap().to_owned());
    assert_eq!(name, "robot$shop+ci");
    let shown = manage(&world, &["robot", "show", "ci", "--project", "shop"]).ok();
    assert!(shown.stdout.contains("shop/charts/**") && !shown.stdout.contains(&first), "{shown:?}");

    let rotate = ["robot", "rotate", "ci", "--project", "shop", "--overlap", "1h", "--output", "json"];
    let rotated = manage(&world, &rotate).ok().json();
    let second = rotated["secret"].as_str().unwrap();
    let host = world.host();
    for secret in [&first, second] {
        world.wharf_with(&["login", &host, "-u", name, "--password-stdin"], secret, &[]).ok();
    }
    world.wharf_with(&["login", &host, "-u", name, "--password-stdin"], "neither", &[]).fails(7, "refused");
    let admin = |arguments: &[&str]| manage_as(&world, "admin", PASSWORD, arguments);
    let listed = admin(&["robot", "list", "--project", "shop"]).ok();
    assert!(listed.stdout.contains(name) && !listed.stdout.contains(second), "{listed:?}");
    admin(&["robot", "delete", "ci", "--project", "shop"]).ok();
    world.wharf_with(&["login", &host, "-u", name, "--password-stdin"], second, &[]).fails(7, "refused");
    admin(&["robot", "create", "x", "--grant", "shop"]).fails(2, "PROJECT[/PATTERN]:ACTIONS");
}

#[test]
fn what_a_repository_holds_is_listed_and_removed_and_the_log_tells_of_it() {
    let world = World::logged_in();
    world.publish(&[]).ok();
    let repositories = manage(&world, &["repo", "list", "shop", "--output", "json"]).ok();
    let name = names(&repositories, "name").remove(0);
    let artifacts = manage(&world, &["repo", "artifacts", &name]).ok();
    assert!(artifacts.stdout.contains("CHART") && artifacts.stdout.contains("sha256:"), "{artifacts:?}");
    let tags = manage(&world, &["repo", "tags", &name, "--output", "json"]).ok();
    let tag = format!("{name}:{}", names(&tags, "name")[0]);
    manage(&world, &["repo", "delete", &tag]).ok();
    manage(&world, &["repo", "delete", &tag]).fails(6, "not found");
    manage(&world, &["repo", "delete", &name]).fails(2, "--yes");
    manage(&world, &["repo", "delete", &name, "--yes"]).ok();
    manage(&world, &["repo", "show", &name]).fails(6, "not found");
    let run = manage(&world, &["gc", "--dry-run", "--output", "json"]).ok().json();
    assert_eq!((&run["job_status"], &run["dry_run"]), (&"Success".into(), &true.into()));

    let log = manage(&world, &["audit", "--project", "shop", "--last", "1000", "--output", "json"]).ok();
    let entries: Vec<Value> = log.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<i64> = entries.iter().map(|entry| entry["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    let events: Vec<&str> = entries.iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    for event in ["create_artifact", "create_tag", "delete_tag", "delete_repository"] {
        assert!(events.contains(&event), "{event} is not in {events:?}");
    }
    let last = manage(&world, &["audit", "--last", "2"]).ok();
    assert_eq!(last.stdout.lines().count(), 2, "{last:?}");
}

#[test]
fn a_command_that_cannot_be_carried_out_says_why() {
    let world = World::logged_in();
    world.wharf(&["project", "list"]).fails(2, "--registry");
    world.wharf_with(&["project", "list"], "", &[("WHARF_REGISTRY", "a/b")]).fails(2, "HOST");
    let half = [("WHARF_REGISTRY", world.host()), ("WHARF_USERNAME", "ann".to_owned())];
    let half: Vec<(&str, &str)> = half.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.wharf_with(&["project", "list"], "", &half).fails(2, "go together");
    manage(&world, &["repo", "tags", "shop"]).fails(2, "PROJECT/REPOSITORY");
    manage(&world, &["project", "create", "x", "--quota", "5GB"]).fails(2, "10GiB");
}
