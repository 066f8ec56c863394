//! Pipelines that run.
use crate::world::{Said, World};
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Orders from files, filtered, reshaped, dead letters apart.
const ORDERS: &str = r#"
name = "orders"
state = "./state"
checkpoint_interval = "50ms"

[sources.orders]
type = "files"
paths = ["in/*.jsonl"]
format = "json"
on_error = "bad"

[transforms.paid]
type = "filter"
inputs = ["orders"]
condition = '.status == "paid"'

[transforms.slim]
type = "map"
inputs = ["paid"]
program = '{id, total: (.price * .quantity), at: $meta.offset}'
on_error = "bad"

[sinks.out]
type = "files"
inputs = ["slim"]
path = "./out"
format = "json"

[sinks.bad]
type = "files"
path = "./bad"
format = "json"
"#;

fn orders() -> World {
    let world = World::new(ORDERS);
    std::fs::create_dir(world.path("in")).unwrap();
    let lines = [
        r#"{"id":"a","status":"paid","price":12345678901234567890123,"quantity":2}"#,
        r#"{"id":"b","status":"open","price":1,"quantity":2}"#,
        r#"{"id":"c","status":"paid","price":"x","quantity":{}}"#,
        "{not json",
    ];
    world.write("in/1.jsonl", &lines.join("\n"));
    world.write("in/2.txt", "not read");
    world
}

#[test]
fn records_are_filtered_and_reshaped_and_what_fails_is_a_dead_letter() {
    let world = orders();
    world.run();
    assert_eq!(world.lines("out"), [r#"{"id":"a","total":24691357802469135780246,"at":0}"#]);
    let bad: Vec<serde_json::Value> =
        world.lines("bad").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(bad.len(), 2);
    let raw: Vec<&str> = bad.iter().map(|letter| letter["raw"].as_str().unwrap()).collect();
    assert!(raw.contains(&"{not json"), "{bad:?}");
    assert!(raw.iter().any(|raw| raw.contains(r#""id":"c""#)), "{bad:?}");
    for letter in bad {
        assert_eq!(letter["source"], "in/1.jsonl");
        assert!(letter["offset"].as_u64().unwrap() > 0);
    }
}

#[test]
fn a_finished_job_says_so_and_does_nothing() {
    let world = orders();
    world.run();
    let again = world.run();
    assert!(again.err.contains("has already finished"), "{}", again.err);
    assert_eq!(world.lines("out").len(), 1);
    let status = world.call(&["status", "pipeline.toml"]);
    assert!(status.out.contains("finished"), "{}", status.out);
}

#[test]
fn a_failed_record_stops_the_job_and_is_named() {
    let world = World::new(
        &ORDERS
            .replace("on_error = \"bad\"\n", "")
            .replace("[sinks.bad]\ntype = \"files\"\npath = \"./bad\"\nformat = \"json\"\n", ""),
    );
    std::fs::create_dir(world.path("in")).unwrap();
    world.write("in/1.jsonl", "1\n{not json\n");
    let said = world.fails();
    assert!(said.contains("sources.orders: in/1.jsonl at 2: no JSON"), "{said}");
}

#[test]
fn bytes_pass_through_unchanged() {
    let world = World::new(
        r#"
        name = "copy"
        [sources.in]
        type = "files"
        paths = ["in.bin"]
        [sinks.out]
        type = "files"
        inputs = ["in"]
        path = "out"
        "#,
    );
    let bytes = b"\xff\xfe text\n\n  {\"a\": 1}\n".to_vec();
    std::fs::write(world.path("in.bin"), &bytes).unwrap();
    world.run();
    let files: Vec<_> = std::fs::read_dir(world.path("out")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(std::fs::read(&files[0]).unwrap(), bytes);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let world = World::new(
        r#"
        name = "pipe"
        [sources.in]
        type = "stdin"
        format = "csv"
        csv = { columns = ["name", "n"], delimiter = ";" }
        on_error = "skip"
        [transforms.double]
        type = "map"
        inputs = ["in"]
        program = '.n |= (tonumber | . * 2)'
        [sinks.out]
        type = "stdout"
        inputs = ["double"]
        format = "json"
        "#,
    );
    let mut command = world.command(&["run", "pipeline.toml", "--quiet"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"name;n\na;2\nb;x;y\n").unwrap();
    let said = Said::of(child.wait_with_output().unwrap());
    assert_eq!((said.code, said.out.as_str()), (0, "{\"name\":\"a\",\"n\":4}\n"), "{}", said.err);
}

#[test]
fn routes_divide_and_several_inputs_are_merged() {
    let world = World::new(
        r#"
        name = "routes"
        [sources.in]
        type = "files"
        paths = ["in.jsonl"]
        format = "json"
        [transforms.by]
        type = "route"
        inputs = ["in"]
        routes = { even = '. % 2 == 0', big = '. > 2' }
        [sinks.even]
        type = "files"
        inputs = ["by.even"]
        path = "even"
        [sinks.rest]
        type = "files"
        inputs = ["by.big", "by.others"]
        path = "rest"
        "#,
    );
    world.write("in.jsonl", "1\n2\n3\n4\n");
    world.run();
    assert_eq!(world.lines("even"), ["2", "4"]);
    assert_eq!(world.lines("rest"), ["1", "3", "4"]);
}

#[test]
fn a_dry_run_prints_the_first_results_and_commits_nothing() {
    let world = World::new(
        r#"
        name = "dry"
        state = "state"
        [sources.hits]
        type = "generator"
        [sinks.out]
        type = "files"
        inputs = ["hits"]
        path = "out"
        "#,
    );
    let said = world.call(&["run", "--dry-run", "20", "pipeline.toml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.out.lines().count(), 20, "{}", said.out);
    assert!(said.out.lines().all(|line| line.starts_with("out: ")), "{}", said.out);
    assert!(!world.path("out").exists() && !world.path("state").exists());
}

#[test]
fn sigterm_takes_a_last_checkpoint_and_the_next_start_goes_on() {
    let world = World::new(
        r#"
        name = "slow"
        [sources.hits]
        type = "generator"
        records = 3000
        rate = 1000
        [sinks.out]
        type = "files"
        inputs = ["hits"]
        path = "out"
        "#,
    );
    let mut child = world.command(&["run", "pipeline.toml"]).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while world.lines("out").is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(world.lines("out").len() < 3000);
    let status = world.call(&["status", "pipeline.toml"]).out;
    let number = status.lines().find_map(|line| line.strip_prefix("checkpoint   ")).unwrap();
    let number = number.split(' ').next().unwrap();
    let restored = world.call(&["restore", "pipeline.toml", number]);
    assert_eq!(restored.code, 0, "{}", restored.err);
    assert_eq!(world.lines("out").len(), 3000);
}

#[test]
fn a_plan_shows_each_node_with_its_uid_and_what_a_restore_would_do() {
    let world = orders();
    let said = world.call(&["plan", "pipeline.toml", "--workers", "2"]);
    for part in ["source \"orders\"", "transforms.paid", "transforms.slim", "sink \"out\"", "exactly once", "x2"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    world.run();
    assert!(world.call(&["plan", "pipeline.toml"]).out.contains("keeps its state"));
}
