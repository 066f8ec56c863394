//! `kill -9` with keyed state that is larger than its memory: each restart has another number of workers, and now and then
//! the other backend.
use crate::world::World;
use std::process::Child;
use std::time::Duration;

/// What each start in turn is told, beside the scratch folder.
const STARTS: [&str; 5] = [
    "--workers 2 --state-backend disk --state-memory 1MiB",
    "--workers 3 --state-backend disk --state-memory 1MiB",
    "--workers 1 --state-backend memory",
    "--workers 1 --state-backend disk --state-memory 1MiB",
    "--workers 2 --state-backend disk --state-memory 2MiB",
];

struct Scratched {
    world: World,
    scratch: tempfile::TempDir,
}

impl Scratched {
    fn start(&self, flags: &str) -> Child {
        let scratch = self.scratch.path().to_str().unwrap();
        let flags: Vec<&str> = flags.split_whitespace().chain(["--scratch", scratch]).collect();
        self.world.start_with(&flags)
    }

    fn left(&self) -> usize {
        std::fs::read_dir(self.scratch.path()).unwrap().count()
    }
}

#[test]
fn kill_9_with_state_on_disk_loses_nothing_and_doubles_nothing() {
    let wanted: u32 = std::env::var("MILLSTREAM_KILLS").map_or(10, |n| n.parse().unwrap());
    let job = Scratched { world: World::new(), scratch: tempfile::tempdir().unwrap() };
    let began = std::time::Instant::now();
    job.world.to_the_end("undisturbed, in memory");
    let (whole, expected) = (began.elapsed(), job.world.rows());
    let mut random = millstream::runtime::run::Jitter::new(u64::from(wanted));
    let (mut kills, mut runs, mut left_behind) = (0, 0, 0);
    while kills < wanted {
        job.world.forget();
        runs += 1;
        for start in STARTS.iter().cycle().take(10) {
            let mut process = job.start(start);
            std::thread::sleep(whole.mul_f64(random.below(900) as f64 / 1000.0) + Duration::from_millis(1));
            if process.try_wait().unwrap().is_some() {
                break;
            }
            process.kill().unwrap();
            process.wait().unwrap();
            left_behind = left_behind.max(job.left());
            kills += 1;
        }
        let ended = job.start(STARTS[runs % STARTS.len()]).wait().unwrap();
        let log = job.world.log();
        assert!(ended.success(), "after the last kill of run {runs}: {log}");
        job.world.check(&expected, &format!("run {runs}"));
        assert_eq!(job.left(), 0, "the next process removes what a killed one has left: {log}");
    }
    assert!(left_behind > 0, "a killed process was using its scratch folder");
    println!("{kills} kills over {runs} runs with state on disk: nothing lost, nothing doubled");
}
