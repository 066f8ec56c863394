//! `cargo bench -p millstream-cli`: what the steps of a pipeline cost, on one worker, from a file to a file.
//!
//! The processor time of the whole program counts, its threads for files and checkpoints too: records for each second of one
//! core. A step costs what it adds to the line that it stands on. A word after `--` runs the lines with this word alone.
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// So many records, each of about 200 bytes.
const RECORDS: u32 = 500_000;

/// So often each line is run; the median counts.
const RUNS: usize = 3;

/// The kernel counts processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// What is measured: a name, the format of both ends, and what stands between them.
const LINES: [(&str, &str, &str); 7] = [
    ("bytes, copied", "bytes", ""),
    ("JSON, read and copied", "json", ""),
    ("JSON, jq filter that keeps half", "json", "type = \"filter\"\ncondition = '.status == \"paid\"'"),
    ("JSON, jq map to a smaller object", "json", "type = \"map\"\nprogram = '{id, total: (.price * .quantity)}'"),
    ("JSON, jq map that adds a field", "json", "type = \"map\"\nprogram = '. + {offset: $meta.offset}'"),
    (
        "JSON, jq map with conditions and texts",
        "json",
        "type = \"map\"\nprogram = 'if .price > 500 then {id, big: true, who: (.customer.name | ascii_upcase)} else {id, big: false} end'",
    ),
    (
        "JSON, route by three conditions",
        "json",
        "type = \"route\"\nroutes = { a = '.price < 300', b = '.price < 600', c = '.price >= 600' }",
    ),
];

fn main() {
    let word = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let folder = tempfile::tempdir().expect("a folder for the bench");
    std::fs::write(folder.path().join("in.jsonl"), input()).expect("the input is written");
    println!("{:<42} {:>16} {:>14}", "one worker, records of 200 bytes", "a core second", "a second");
    for (name, format, step) in LINES.iter().filter(|(name, ..)| name.contains(&word)) {
        let mut runs: Vec<(Duration, Duration)> = (0..RUNS).map(|_| run(folder.path(), format, step)).collect();
        runs.sort();
        let (cpu, wall) = runs[RUNS / 2];
        println!("{name:<42} {:>16} {:>14}", rate(cpu), rate(wall));
    }
}

fn rate(time: Duration) -> String {
    format!("{:.0} k", f64::from(RECORDS) / time.as_secs_f64() / 1e3)
}

/// Orders of about 200 bytes, half of them paid.
fn input() -> String {
    let mut text = String::new();
    for n in 0..RECORDS {
        let (price, status) = (n % 1000, if n % 2 == 0 { "paid" } else { "open" });
        let order = format!(
            r#"{{"id":"order-{n:08}","status":"{status}","price":{price}.25,"quantity":{},"customer":{{"name":"Ada Lovelace","city":"London","points":{n}}},"note":"leave it at the door, please, and ring twice"}}"#,
            n % 7
        );
        writeln!(text, "{order}").expect("a String takes everything");
    }
    text
}

/// Runs a pipeline once: its processor time, and how long it took.
fn run(folder: &Path, format: &str, step: &str) -> (Duration, Duration) {
    for made in ["out", "state"] {
        let _ = std::fs::remove_dir_all(folder.join(made)); // not there before the first run
    }
    let (input, transform) = match step {
        "" => ("\"in\"", String::new()),
        route if route.contains("\"route\"") => ("\"step.a\", \"step.b\", \"step.c\", \"step.others\"", step.into()),
        _ => ("\"step\"", step.to_owned()),
    };
    let transform =
        if step.is_empty() { transform } else { format!("[transforms.step]\ninputs = [\"in\"]\n{transform}\n") };
    let pipeline = format!(
        "name = \"bench\"\nstate = \"state\"\n[sources.in]\ntype = \"files\"\npaths = [\"in.jsonl\"]\nformat = \"{format}\"\n{transform}\
         [sinks.out]\ntype = \"files\"\ninputs = [{input}]\npath = \"out\"\nformat = \"{format}\"\n"
    );
    std::fs::write(folder.join("pipeline.toml"), pipeline).expect("the pipeline is written");
    let (before, began) = (of_children(), Instant::now());
    let mut program = Command::new(env!("CARGO_BIN_EXE_millstream"));
    let output = program.args(["run", "pipeline.toml", "--quiet"]).current_dir(folder).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (of_children() - before, began.elapsed())
}

/// The processor time of all children that have ended: the fields 16 and 17 of `/proc/self/stat`.
fn of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this bench needs Linux");
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u32 = behind_name.split_whitespace().skip(13).take(2).filter_map(|n| n.parse::<u32>().ok()).sum();
    TICK * ticks
}
