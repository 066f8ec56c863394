//! `kill -9` of the only process at random times, then a restart.
use crate::world::World;
use std::time::{Duration, Instant};

#[test]
fn kill_9_at_random_times_loses_nothing_and_doubles_nothing() {
    let wanted: u32 = std::env::var("MILLSTREAM_KILLS").map_or(20, |n| n.parse().unwrap());
    let world = World::new();
    let began = Instant::now();
    world.to_the_end("undisturbed");
    let (whole, expected) = (began.elapsed(), world.rows());
    assert!(expected["paths"].len() > 1000 && expected["sessions"].len() > 100);
    let mut random = millstream::runtime::run::Jitter::new(u64::from(wanted));
    let (mut kills, mut runs) = (0, 0);
    while kills < wanted {
        world.forget();
        runs += 1;
        for _ in 0..10 {
            let mut job = world.start();
            let after = whole.mul_f64(random.below(900) as f64 / 1000.0) + Duration::from_millis(1);
            std::thread::sleep(after);
            if job.try_wait().unwrap().is_some() {
                break;
            }
            job.kill().unwrap();
            job.wait().unwrap();
            kills += 1;
        }
        world.to_the_end("after the last kill");
        world.check(&expected, &format!("run {runs}"));
    }
    println!("{kills} kills over {runs} runs: nothing lost, nothing doubled; undisturbed {whole:.1?}");
}
