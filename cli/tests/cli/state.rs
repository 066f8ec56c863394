//! Windows and keys survive restarts, also with another number of workers.
use crate::world::World;
use std::time::Duration;

const CLICKS: &str = r#"
name = "clicks"
checkpoint_interval = "20ms"
[sources.clicks]
type = "files"
paths = ["clicks"]
follow = FOLLOW
format = "json"
event_time = ".at"
lateness = "1s"
[transforms.once]
type = "dedupe"
inputs = ["clicks"]
key = ".id"
[transforms.per_user]
type = "window"
inputs = ["once"]
every = "10s"
key = ".user"
aggregate = { hits = "count", sum = "sum .n", ids = "distinct .id" }
[sinks.out]
type = "files"
inputs = ["per_user"]
path = "out"
format = "json"
"#;

/// A click a second; each comes twice.
fn clicks(from: u64, to: u64) -> String {
    let line = |i: u64| format!("{{\"id\":{i},\"user\":\"u{}\",\"n\":{i},\"at\":{}}}\n", i % 3, i * 1000);
    (from..to).map(|i| line(i).repeat(2)).collect()
}

/// Runs until it has read its input and taken checkpoints of that.
fn stop(world: &World, workers: &str) {
    let mut child = world.command(&["run", "pipeline.toml", "--workers", workers]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn windows_and_keys_go_on_after_a_restart_with_other_workers() {
    let world = World::new(&CLICKS.replace("FOLLOW", "true"));
    std::fs::create_dir(world.path("clicks")).unwrap();
    world.write("clicks/1", &clicks(0, 35));
    stop(&world, "1");
    assert!(!world.lines("out").is_empty(), "the first windows are closed");
    // What was seen before the restart is seen again, and must not count.
    world.write("clicks/2", &(clicks(20, 35) + &clicks(35, 55)));
    stop(&world, "2");
    world.write("pipeline.toml", &CLICKS.replace("FOLLOW", "false"));
    world.run();
    let mut found: Vec<(String, String, u64, u64, u64)> = world
        .lines("out")
        .iter()
        .map(|line| {
            let result: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| result[name].as_str().unwrap().to_owned();
            let number = |name: &str| result[name].as_u64().unwrap();
            (text("start"), text("key"), number("hits"), number("sum"), number("ids"))
        })
        .collect();
    found.sort();
    let mut wanted = vec![];
    for start in (0..55).step_by(10) {
        for user in 0..3 {
            let its: Vec<u64> = (start..(start + 10).min(55)).filter(|i| i % 3 == user).collect();
            let (hits, at) = (its.len() as u64, format!("1970-01-01T00:00:{start:02}Z"));
            wanted.push((at, format!("u{user}"), hits, its.iter().sum(), hits));
        }
    }
    assert_eq!(found, wanted);
}

#[test]
fn a_window_that_changed_does_not_go_on_with_old_state() {
    let world = World::new(&CLICKS.replace("FOLLOW", "true"));
    std::fs::create_dir(world.path("clicks")).unwrap();
    world.write("clicks/1", &clicks(0, 35));
    stop(&world, "1");
    world.write("pipeline.toml", &CLICKS.replace("FOLLOW", "false").replace("10s", "20s"));
    let said = world.refused();
    assert!(said.contains("--drop-state per_user/"), "{said}");
}

#[test]
fn a_window_without_event_time_is_refused() {
    let said = World::new(&CLICKS.replace("FOLLOW", "false").replace("event_time = \".at\"\n", "")).refused();
    assert!(said.contains("[transforms.per_user] type: needs event time, and the records of \"clicks\""), "{said}");
}
