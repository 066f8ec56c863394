//! State in real object stores.
use crate::job::{Job, Rows, assert_same};
use crate::proxy::{Mode, Proxy};
use millstream::runtime::run::Jitter;
use millstream::testkit::service;
use std::time::{Duration, Instant};

/// What the generator makes of this is the same each time.
const SMALL: &str = "--records 60000 --seed 3";
/// The same, for about ten seconds.
const SLOW: &str = "--records 60000 --seed 3 --rate 6000 --checkpoint-interval 200ms";

/// A prefix of its own in the bucket of the service.
fn location() -> String {
    format!("s3://test/{}", millstream::runtime::checkpoint::random_id())
}

fn job(endpoint: &str, flags: &str) -> Job {
    let job =
        Job::new(&location(), flags).environment("AWS_ENDPOINT_URL", endpoint).environment("AWS_REGION", "us-east-1");
    job.environment("AWS_ACCESS_KEY_ID", "msuser").environment("AWS_SECRET_ACCESS_KEY", "mspassword")
}

fn expected() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    Job::new(folder.path().to_str().unwrap(), SMALL).to_the_end()
}

/// At least `kills` kills of jobs at random times, each job run to its end afterwards.
fn killed(endpoint: &str, kills: u32) {
    let (expected, mut random, mut killed) = (expected(), Jitter::new(u64::from(kills)), 0);
    while killed < kills {
        let job = job(endpoint, &format!("{SMALL} --rate 40000 --checkpoint-interval 50ms"));
        for _ in 0..4 {
            let mut process = job.start();
            std::thread::sleep(Duration::from_millis(100 + random.below(1_500)));
            if process.is_over() {
                break;
            }
            process.signal("KILL");
            process.end();
            killed += 1;
        }
        assert_same(&expected, &job.to_the_end());
    }
    println!("{killed} kills with the state at {endpoint}: nothing lost, nothing doubled");
}

fn kills() -> u32 {
    std::env::var("MILLSTREAM_KILLS").map_or(6, |n| n.parse().unwrap())
}

#[test]
fn kill_9_with_state_in_versitygw_loses_nothing_and_doubles_nothing() {
    let Some(endpoint) = service("s3") else { return };
    killed(&endpoint, kills());
}

#[test]
fn kill_9_with_state_in_minio_loses_nothing_and_doubles_nothing() {
    let Some(endpoint) = service("minio") else { return };
    killed(&endpoint, kills());
}

#[test]
fn a_job_that_was_stopped_and_replaced_changes_nothing_when_it_wakes() {
    let Some(endpoint) = service("s3") else { return };
    let job = job(&endpoint, SLOW);
    let zombie = job.start();
    std::thread::sleep(Duration::from_secs(3));
    zombie.signal("STOP");
    let rows = job.to_the_end();
    assert_same(&expected(), &rows);
    zombie.signal("CONT");
    assert!(!zombie.end(), "it must end with an error");
    assert!(job.log().contains("has started"), "and say that a newer attempt has begun:\n{}", job.log());
    assert_same(&expected(), &job.rows());
}

/// A minute of errors where MILLSTREAM_OUTAGE says `60`; a few seconds otherwise, of each kind.
#[test]
fn a_store_that_fails_for_a_while_costs_nothing() {
    let Some(endpoint) = service("s3") else { return };
    let seconds: u64 = std::env::var("MILLSTREAM_OUTAGE").map_or(4, |n| n.parse().unwrap());
    for mode in [Mode::Fail, Mode::Refuse] {
        let proxy = Proxy::before(&endpoint);
        let job = job(&format!("http://{}", proxy.address), SLOW);
        let mut process = job.start();
        std::thread::sleep(Duration::from_secs(2));
        proxy.set(mode);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(seconds) {
            assert!(!process.is_over(), "{mode:?}: it goes on from memory\n{}", job.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        proxy.set(Mode::Pass);
        assert!(process.end(), "{mode:?}: {}", job.log());
        assert_same(&expected(), &job.rows());
    }
}

#[test]
fn a_wrong_secret_is_refused_and_never_printed() {
    let Some(endpoint) = service("s3") else { return };
    let job = job(&endpoint, SMALL).environment("AWS_SECRET_ACCESS_KEY", "tell-nobody");
    assert!(!job.start().end());
    let log = job.log();
    assert!(log.contains("cannot") && !log.contains("tell-nobody"), "{log}");
}
