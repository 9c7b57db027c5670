use crate::support::World;

#[test]
fn every_shell_gets_a_script() {
    let world = World::without_registry();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(world.wharf(&["completion", shell]).ok().stdout.contains("publish"), "{shell}");
    }
    world.wharf(&["completion", "cmd"]).fails(2, "cmd");
}
