//! `wharf channel`: where tags point and have pointed, and the way back.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::support::{PASSWORD, Run, World};

fn channel(world: &World, words: &[&str]) -> Run {
    world.wharf(&[&["channel"], words, &["--output", "json"]].concat())
}

/// Publishes two versions and moves `stable` from the first to the second; returns their digests.
fn two_versions(world: &World) -> (String, String) {
    let one = world.publish(&["--channel", "stable"]).ok().json();
    let two = world.publish(&["--version", "1.5.0", "--channel", "stable", "--channel", "beta"]).ok().json();
    let digest = |report: &Value| report["digest"].as_str().unwrap().to_owned();
    (digest(&one), digest(&two))
}

#[test]
fn channels_are_listed_with_where_they_point_and_have_pointed() {
    let world = World::logged_in();
    let (one, two) = two_versions(&world);
    let repository = format!("{}/shop/storefront", world.host());
    let list = channel(&world, &["list", &repository]).ok().json();
    let names: Vec<_> =
        list.as_array().unwrap().iter().map(|channel| channel["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["beta", "stable"]);
    let stable = &list[1];
    assert_eq!(
        (&stable["digest"], &stable["versions"], &stable["by"]),
        (&json!(two), &json!(["1.5.0"]), &json!("admin"))
    );
    assert!(stable["since"].as_str().unwrap().ends_with('Z'));
    let history = channel(&world, &["history", &format!("{repository}:stable")]).ok().json();
    let pointed: Vec<_> =
        history.as_array().unwrap().iter().map(|at| (at["digest"].clone(), at["versions"].clone())).collect();
    assert_eq!(pointed, [(json!(two), json!(["1.5.0"])), (json!(one), json!(["1.4.0"]))]);
    let text = world.wharf(&["channel", "list", &format!("oci://{repository}")]).ok().stdout;
    assert!(text.contains("CHANNEL") && text.contains("stable"), "{text}");
    channel(&world, &["history", &format!("{repository}:never")]).fails(6, "never had a tag never");
    channel(&world, &["history", &repository]).fails(2, "HOST/REPOSITORY:CHANNEL");
}

#[test]
fn a_channel_is_rolled_back_to_where_it_pointed_and_nowhere_else() {
    let world = World::logged_in();
    let (one, two) = two_versions(&world);
    let repository = format!("{}/shop/storefront", world.host());
    let stable = format!("{repository}:stable");
    let points_to = || {
        let list = channel(&world, &["list", &repository]).ok().json();
        list.as_array().unwrap().iter().find(|at| at["name"] == "stable").unwrap()["digest"].clone()
    };
    let dry = channel(&world, &["rollback", &stable, "--dry-run"]).ok().json();
    assert_eq!((&dry["outcome"], &dry["to"]), (&json!("would-roll-back"), &json!(one)));
    assert_eq!(points_to(), json!(two));
    let done = channel(&world, &["rollback", &stable]).ok().json();
    assert_eq!(
        (&done["outcome"], &done["from"], &done["to"], &done["versions"]),
        (&json!("rolled-back"), &json!(two), &json!(one), &json!(["1.4.0"]))
    );
    assert_eq!(points_to(), json!(one));
    let again = channel(&world, &["rollback", &stable, "--to", "1.4.0"]).ok().json();
    assert_eq!(again["outcome"], "already-there");
    // Every move stays in the history and in the log, with its reason.
    let history = channel(&world, &["history", &stable]).ok().json();
    assert_eq!(history.as_array().unwrap().len(), 3);
    let host = world.host();
    let log = world
        .wharf(&[
            "audit",
            "--project",
            "shop",
            "--operation",
            "move_tag",
            "--registry",
            &host,
            "--output",
            "json",
        ])
        .ok();
    assert!(log.stdout.contains("forced: channel rollback"), "{}", log.stdout);
    channel(&world, &["rollback", &stable, "--to", &two]).ok();
    assert_eq!(points_to(), json!(two));

    // Where it never was, and what is gone.
    let never = channel(&world, &["rollback", &format!("{repository}:beta"), "--to", "1.4.0"]);
    never.fails(2, "never pointed to");
    channel(&world, &["rollback", &format!("{repository}:beta")]).fails(6, "nothing to go back to");
    channel(&world, &["rollback", &stable, "--to", "9.9.9"]).fails(6, "has no tag 9.9.9");
    world.wharf(&["repo", "delete", &format!("shop/storefront@{one}"), "--registry", &host]).ok();
    channel(&world, &["rollback", &stable, "--to", &one]).fails(6, "is gone");
    channel(&world, &["rollback", &stable]).fails(6, "is gone");
    assert_eq!(points_to(), json!(two));
}

#[test]
fn a_channel_that_somebody_moved_meanwhile_is_not_rolled_back() {
    let world = World::logged_in();
    let (one, _) = two_versions(&world);
    let three = world.publish(&["--version", "1.6.0"]).ok().json()["digest"].as_str().unwrap().to_owned();
    let (program, home) = (env!("CARGO_BIN_EXE_wharf"), world.path("."));
    let to = format!("{}/shop/storefront@{three}", world.host());
    let host = world.interrupted("PUT /v2/shop/storefront/manifests/stable", move || {
        let mut command = std::process::Command::new(program);
        let moved = command.args(["tag", &to, "stable"]).env_clear().env("HOME", home).status().unwrap();
        assert!(moved.success());
    });
    let run = channel(&world, &["rollback", &format!("{host}/shop/storefront:stable"), "--to", &one]);
    assert_ne!(run.status, 0);
    assert!(run.stderr.contains("somebody else moved it meanwhile"), "{}", run.stderr);
}

/// Logs the administrator in at another address of the registry, under which there is no management API.
fn without_management(world: &World) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (host, registry) = (listener.local_addr().unwrap().to_string(), world.host());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(&registry).unwrap());
            std::thread::spawn(move || {
                let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
                let mut buffer = vec![0; 1 << 16];
                while let Ok(count @ 1..) = client.read(&mut buffer) {
                    let refused = buffer[..count].starts_with(b"GET /api/");
                    let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
                    let sent =
                        if refused { client.write_all(answer) } else { server.write_all(&buffer[..count]) };
                    if sent.is_err() {
                        break;
                    }
                }
                // The other side may be gone already.
                let _ = server.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    world.wharf_with(&["login", &host, "-u", "admin", "--password-stdin"], PASSWORD, &[]).ok();
    host
}

#[test]
fn a_registry_that_keeps_no_history_says_so() {
    let world = World::logged_in();
    two_versions(&world);
    // A registry of which only the distribution API is there.
    let host = without_management(&world);
    let list = channel(&world, &["list", &format!("{host}/shop/storefront")]);
    assert!(list.stderr.contains("keeps no history of tags"), "{}", list.stderr);
    let list = list.ok().json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[1]["name"], "stable");
    for word in ["history", "rollback"] {
        let run = channel(&world, &[word, &format!("{host}/shop/storefront:stable")]);
        run.fails(2, "keeps no history of tags");
    }
}
