//! Real cosign and `wharf cosign` call the same key-management plug-in: each verifies what the other had signed by it.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::*;

const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];

#[test]
fn a_plugin_signs_for_both_and_both_verify() {
    let (Some(theirs), Some(crane), Some(_)) = (peer("cosign"), peer("crane"), peer("openssl")) else {
        return;
    };
    let registry = Registry::start(Transport::Plain);
    let theirs = Sandbox::new(theirs, &registry);
    let ours = theirs.with_program(env!("CARGO_BIN_EXE_wharf").into());
    let crane = theirs.with_program(crane);
    let bin = theirs.folder().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let plugin = bin.join("sigstore-kms-files");
    std::fs::write(&plugin, include_str!("../kms/sigstore-kms-files")).unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();

    let host = registry.host();
    crane.run(&["auth", "login", &host, "-u", USER, "-p", PASSWORD, "--insecure"]);
    let key = format!("files://{}", theirs.folder().join("key.pem").display());
    let run = |wharf: bool, arguments: &[&str]| match wharf {
        true => ours.attempt(&[&["cosign"], arguments].concat()),
        false => theirs.attempt(arguments),
    };
    for maker in [true, false] {
        let missing = run(maker, &["public-key", "--key", "files:///nosuch"]).unwrap_err();
        assert!(missing.contains("there is no key /nosuch"), "{missing}");
        run(maker, &["generate-key-pair", "--kms", &key]).unwrap();
        let public = std::fs::read_to_string(theirs.folder().join("cosign.pub")).unwrap();
        for shower in [true, false] {
            assert_eq!(run(shower, &["public-key", "--key", &key]).unwrap(), public);
        }
        for signer in [true, false] {
            let name = format!("{host}/closed/kms-{maker}-{signer}");
            let layout = crane.fresh("layout");
            let image = Image::with(&name);
            image.write_layout(&layout, "1.0");
            crane.run(&["push", &layout.display().to_string(), &format!("{name}:1.0"), "--insecure"]);
            let subject = format!("{name}@{}", image.digest());
            let sign = ["sign", "--yes", "--allow-http-registry", "--key", &key];
            run(signer, &[&sign[..], &OFFLINE, &[&subject]].concat()).unwrap();
            for reference in ["cosign.pub", &key] {
                let verify =
                    ["verify", "--allow-http-registry", "--insecure-ignore-tlog", "--key", reference];
                for verifier in [true, false] {
                    run(verifier, &[&verify[..], &[&subject]].concat()).unwrap();
                }
            }
        }
    }
}
