//! `cargo bench --bench scale`: several processes against one, the pause of a rescale, and the time from a kill until the
//! job has caught up. Each process is this program again, as the job of `job.rs`.
mod cluster;
mod disk;
mod due;
#[path = "../shared/forget.rs"]
mod forget;
mod job;
mod local;
mod restore;
mod upload;

use cluster::{Cluster, Folder};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each side runs; the first pair warms up.
const ROUNDS: usize = 3;
/// Records of the comparison.
const RECORDS: &str = "30000000";
/// State of a gibibyte: so many keys with a value of 256 bytes, touched at this rate.
const KEYS: u64 = 4_000_000;
const RATE: u64 = 400_000;

fn main() -> std::process::ExitCode {
    if std::env::var_os(cluster::AS_JOB).is_some() {
        return job::main();
    }
    for (word, measure) in [
        ("processes", processes as fn()),
        ("rescale", rescale),
        ("kill", kill),
        ("disk", disk::measure),
        ("upload", upload::measure),
        ("restore", restore::measure),
    ] {
        let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
        if words.is_empty() || words.iter().any(|w| word.contains(w.as_str())) {
            measure();
        }
    }
    std::process::ExitCode::SUCCESS
}

/// Two processes with one worker against one with two: seconds from start to end.
fn processes() {
    let flags = ["--records", RECORDS, "--keys", "1000000"];
    let time = |processes: usize, workers: usize| {
        let folder = Folder::new();
        let began = Instant::now();
        Cluster::start(&folder, processes, workers, &flags).end();
        began.elapsed().as_secs_f64()
    };
    let mut pairs: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (time(1, 2), time(2, 1))).skip(1).collect();
    pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (one, two) = pairs[pairs.len() / 2];
    let verdict = if one / two >= 0.7 { "" } else { "  BELOW" };
    println!("1 process x 2 workers {one:.1} s, 2 x 1 {two:.1} s: ratio {:.2}, wanted 0.70{verdict}", one / two);
}

/// The state of two processes, a gibibyte, goes to one with two workers.
fn rescale() {
    let (folder, keys, rate) = (Folder::new(), KEYS.to_string(), RATE.to_string());
    let flags = ["--keys", &keys, "--width", "256", "--rate", &rate];
    let before = Cluster::start(&folder, 2, 1, &flags);
    std::thread::sleep(Duration::from_secs(KEYS / RATE + 4));
    let size = folder.size();
    let began = Instant::now();
    let after = Cluster::start_verb(&folder, "rescale", 1, 2, &flags);
    let pause = after.wait_for("no record was read for", Duration::from_secs(90));
    let caught_up = after.wait_for("caught up", Duration::from_secs(90));
    println!(
        "rescale with {size} MiB of state: {pause}; {caught_up}, {:.1} s after it was asked for",
        began.elapsed().as_secs_f64()
    );
    before.end();
    after.kill(0);
}

/// One of two processes is killed, both are started again at once.
fn kill() {
    let (folder, rate) = (Folder::new(), RATE.to_string());
    let flags = ["--keys", "1000000", "--width", "64", "--rate", &rate];
    let first = Cluster::start(&folder, 2, 1, &flags);
    std::thread::sleep(Duration::from_secs(6));
    let began = Instant::now();
    first.kill(1);
    first.end();
    let noticed = began.elapsed().as_secs_f64();
    let second = Cluster::start(&folder, 2, 1, &flags);
    second.wait_for("caught up", Duration::from_secs(60));
    let caught_up = began.elapsed().as_secs_f64();
    println!(
        "kill -9 of one process of two at {rate} records/s: the other has ended after {noticed:.2} s, caught up after {caught_up:.2} s"
    );
    second.kill(0);
}
