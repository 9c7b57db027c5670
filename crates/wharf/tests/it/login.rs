use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{PASSWORD, World};

#[test]
fn a_good_login_is_stored_for_docker_and_a_bad_one_is_not() {
    let world = World::new();
    let host = world.host();
    let file = world.path(".docker/config.json");
    let login =
        |password| world.wharf_with(&["login", &host, "-u", "admin", "--password-stdin"], password, &[]);
    login("wrong").fails(7, "admin");
    assert!(!file.exists());

    let run = login(PASSWORD).ok();
    assert!(run.stdout.contains("Login Succeeded"), "{run:?}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&file).unwrap().contains(&host));

    world.wharf(&["logout", &host]).ok();
    assert!(!fs::read_to_string(&file).unwrap().contains(&host));
    assert!(world.wharf(&["logout", &host]).ok().stdout.contains("Not logged in"));
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    let world = World::without_registry();
    world.wharf(&["login", "example.com"]).fails(2, "--username");
    world.wharf(&["login", "example.com", "-u", "a"]).fails(2, "--password-stdin");
    world.wharf(&["login", "example.com/path", "-u", "a", "-p", "b"]).fails(2, "HOST");
    world.wharf(&["login"]).fails(2, "HOST");
}

#[test]
fn nobody_there_is_a_network_error() {
    let world = World::without_registry();
    let host = world.host();
    world.wharf(&["login", &host, "-u", "a", "-p", "b"]).fails(8, &host);
}

#[test]
fn a_login_in_podmans_file_is_used_too() {
    let world = World::new();
    let file = world.path("auth.json");
    // admin:Publish-12345
    let json =
        format!(r#"{{"auths":{{"{}/shop":{{"auth":"YWRtaW46UHVibGlzaC0xMjM0NQ=="}}}}}}"#, world.host());
    fs::write(&file, json).unwrap();
    let (chart, place) = (world.chart(), world.oci("shop"));
    let arguments = ["publish", chart.to_str().unwrap(), &place];
    world.wharf_with(&arguments, "", &[("REGISTRY_AUTH_FILE", file.to_str().unwrap())]).ok();
}
