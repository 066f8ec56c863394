//! Wrong flags, and folders that cannot be written.
use crate::world::World;

#[test]
fn an_unknown_flag_is_named_and_nothing_is_touched() {
    let world = World::new();
    world.fail(&["--inptu", "x"], 2, &["--inptu"]);
    assert!(!world.out.exists() && !world.state.exists());
    world.fail(&["--input", "/no/such/file.log"], 2, &["/no/such/file.log"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named_at_once() {
    let mut world = World::new();
    let file = world.write("file", "");
    world.state = format!("{file}/state").into();
    world.fail(&["--records", "10"], 2, &[&file, "cannot keep state"]);
    world.state = "/sys/kernel".into(); // not even root may
    world.fail(&["--records", "10"], 2, &["cannot keep state in `/sys/kernel`", "--state"]);
    world.state = world.path("state");
    world.out = format!("{file}/out").into();
    world.fail(&["--records", "10"], 2, &[&format!("{file}/out"), "the folder for the output"]);
    world.out = world.path("out");
    assert_eq!(world.finish(&["--records", "10"])["dead_letters"].len(), 0, "and then it runs");
}

#[test]
fn the_state_of_another_job_and_a_source_in_anothers_place_are_refused() {
    let world = World::new();
    world.kill_after(1, &["--rate", "10000"]);
    let log = world.write("some.log", "");
    // The generator and the files are both called `log`, and their offsets mean different things.
    world.fail(&["--input", &log], 2, &["source \"log\"", "splits of type", "--drop-state log"]);
    let identity = world.state.join("STATE");
    std::fs::write(&identity, "").unwrap();
    world.fail(&["--rate", "10000"], 2, &["STATE is damaged at byte 0"]);
}
