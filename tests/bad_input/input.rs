//! Input that is broken, or goes away.
use crate::world::{World, same, until};
use std::fs;
use std::process::Child;

const LONG: usize = 50_000_000;

/// Lines of one client, a second apart.
fn log(lines: std::ops::Range<u64>) -> String {
    let line = |n: u64| {
        let (day, hour, minute, second) = (17 + n / 86_400, n / 3600 % 24, n / 60 % 60, n % 60);
        let at = format!("{day}/May/2015:{hour:02}:{minute:02}:{second:02} +0000");
        format!("10.0.0.{} - - [{at}] \"GET /{} HTTP/1.1\" 200 10 \"-\" \"-\"\n", n % 7, n % 11)
    };
    lines.map(line).collect()
}

/// The most memory that a process has had, in bytes.
fn peak(job: &Child) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", job.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1000
}

/// Follows the file until so many dead letters are visible; gives the peak of memory and the dead letters.
fn follow(world: &World, path: &str, dead: usize) -> (usize, Vec<String>) {
    let job = world.start(&["--input", path, "--follow"]);
    until("dead letters", || world.rows()["dead_letters"].len() == dead);
    let memory = peak(&job);
    std::process::Command::new("kill").arg(job.id().to_string()).status().unwrap();
    let ended = world.wait(job);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    (memory, world.rows()["dead_letters"].clone())
}

#[test]
fn a_line_of_50_mb_is_a_dead_letter_and_never_in_memory() {
    let broken = "no line of a log\n";
    let small = World::new();
    let path = small.write("small.log", [broken.as_bytes(), broken.as_bytes()].concat());
    let (usual, _) = follow(&small, &path, 2);
    let world = World::new();
    let long = [log(0..10).as_bytes(), &vec![b'y'; LONG], b"\n", log(10..20).as_bytes(), broken.as_bytes()].concat();
    let path = world.write("long.log", long);
    let (memory, dead) = follow(&world, &path, 2);
    let head = dead.iter().find(|row| row.contains("yyyy")).unwrap();
    assert!(head.contains("a line of 50000000 bytes is above the limit of 1048576 (--max-line)"), "{:.300}", head);
    assert!(head.len() < 1_200_000 && head.contains(&format!("\"offset\":{}", log(0..10).len())));
    assert!(memory < usual + LONG / 2, "{memory} bytes at most, {usual} without the line");
}

#[test]
fn what_is_no_utf8_is_a_dead_letter_that_keeps_its_bytes() {
    let world = World::new();
    let path = world.write("bad.log", [log(0..3).as_bytes(), b"\xff\xfe broken\n", log(3..6).as_bytes()].concat());
    let rows = world.finish(&["--input", &path]);
    let [dead] = &rows["dead_letters"][..] else { panic!("{rows:?}") };
    assert!(dead.contains("\"encoding\":\"base64\"") && dead.contains("//4gYnJva2Vu"), "{dead}");
    assert!(dead.contains("bad.log") && dead.contains(&format!("\"offset\":{}", log(0..3).len())), "{dead}");
    assert_eq!(rows["paths"].len(), 6);
}

#[test]
fn an_input_file_that_is_removed_while_it_is_read_loses_nothing() {
    let text = log(0..600_000); // enough for several checkpoints
    let world = World::new();
    let path = world.write("access.log", &text);
    let wanted = world.finish(&["--input", &path]);
    let world = World::new();
    let path = world.write("access.log", &text);
    let path = path.as_str();
    let away = world.path("elsewhere").join("away.log");
    fs::create_dir(world.path("elsewhere")).unwrap();
    world.kill_after(1, &["--input", path]);
    let before = world.rows();
    fs::rename(path, &away).unwrap();
    let ended = world.run(&["--input", path]);
    ended.says(2, &["access.log"]);
    for (sink, rows) in &before {
        assert!(world.rows()[sink].len() >= rows.len(), "what was committed stays");
    }
    fs::rename(&away, path).unwrap();
    let job = world.start(&["--input", path]);
    let earlier = world.manifests();
    until("checkpoint", || world.manifests() != earlier);
    fs::remove_file(path).unwrap();
    let ended = world.wait(job);
    assert_eq!(ended.code, Some(0), "an open file is read to its end: {}", ended.said);
    same(&world.rows(), &wanted);
}
