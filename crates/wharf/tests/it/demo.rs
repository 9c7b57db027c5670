use crate::support::World;

#[test]
fn the_demo_shows_the_whole_journey_and_leaves_nothing_behind() {
    let world = World::without_registry();
    let temporary = world.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let run = world.wharf_with(&["demo"], "", &[("TMPDIR", temporary.to_str().unwrap())]).ok();
    for step in [
        "Started",
        "Packed",
        "Published",
        "Repeated",
        "Refused",
        "Moved",
        "Pulled",
        "identical, byte for byte",
        "to promote what nobody signed",
        "Signed",
        "Promoted",
    ] {
        assert!(run.stdout.contains(step), "{step} is missing:\n{}", run.stdout);
    }
    assert!(!run.stdout.contains('\u{1b}'), "no colours where there is no terminal");
    assert!(run.stdout.contains("wharf serve"), "it ends with the commands to go on with");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}
