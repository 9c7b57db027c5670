//! Chart.lock.

use wharf_chart::{Lock, lock_digest, lock_digest_v2};

use crate::support::{load, shared};

#[test]
fn the_digests_of_real_locks_are_found_again() {
    let Some(charts) = shared("charts") else { return };
    let (mut same, mut other) = (0, Vec::new());
    for entry in std::fs::read_dir(charts).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let chart = load(&path).unwrap();
        let Some(lock) = chart.lock.filter(|lock| lock.digest.starts_with("sha256:")) else { continue };
        let wanted = Some(&*chart.metadata.dependencies);
        let locked = lock.dependencies.as_deref();
        if [lock_digest(wanted, locked), lock_digest_v2(wanted)].contains(&lock.digest) {
            same += 1;
        } else {
            other.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert_eq!((same, other), (16, Vec::<String>::new()));
}

#[test]
fn a_lock_is_written_as_helm_writes_it() {
    let text = "generated: 2024-05-01T10:20:30.120000+02:00\ndigest: sha256:00\ndependencies:\n- name: a\n  version: 1.0\n";
    let lock = Lock::from_yaml(text.as_bytes()).unwrap().unwrap();
    let written = "dependencies:\n- name: a\n  repository: \"\"\n  version: \"1\"\ndigest: sha256:00\n\
                   generated: \"2024-05-01T10:20:30.12+02:00\"\n";
    assert_eq!(lock.to_yaml().unwrap(), written);
    let empty = "dependencies: null\ndigest: \"\"\ngenerated: \"0001-01-01T00:00:00Z\"\n";
    assert_eq!(Lock::default().to_yaml().unwrap(), empty);
    assert_eq!(Lock::from_yaml(b"# nothing\n").unwrap(), None);
    for bad in [
        "yesterday",
        "2024-13-01T00:00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00",
        "é024-01-01T00:00:00Z",
    ] {
        assert!(Lock::from_yaml(format!("generated: {bad}\n").as_bytes()).is_err(), "{bad}");
    }
}
