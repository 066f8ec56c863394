//! Two processes under `millstream supervise`, as a user starts them: one is killed, and nobody does anything.
use crate::pair::free;
use crate::world::{World, built, example};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Killed, started again by their supervisors, and done: so long at most.
const ALL_WITHIN: Duration = Duration::from_secs(120);

/// Stops what is left when a test fails: the supervisor passes it on.
struct Supervised(Vec<Child>);

impl Drop for Supervised {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = kill_process(Pid::from_child(child), Signal::TERM); // it may have ended
            let _ = child.wait();
        }
    }
}

impl Supervised {
    fn start(world: &World) -> Self {
        let hosts = world.path("hosts");
        fs::write(&hosts, format!("{}\n{}\n", free(), free())).unwrap();
        let start = |process: &str| {
            let log = fs::File::options().create(true).append(true).open(world.path("log")).unwrap();
            let mut supervise = Command::new(built("millstream"));
            supervise.args(["supervise", "--backoff", "100ms", "--"]).arg(example("access_log"));
            supervise.arg("--hosts").arg(&hosts).args(["--process", process, "--patience", "10s"]);
            world.complete(&mut supervise);
            supervise.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
        };
        Self(["0", "1"].map(start).into())
    }

    /// The job's process below a supervisor.
    fn job_of(&self, process: usize) -> Option<Pid> {
        let supervisor = self.0[process].id();
        let children = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).ok()?;
        Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
    }

    fn codes_at_the_end(&mut self, world: &World) -> Vec<Option<i32>> {
        let began = Instant::now();
        loop {
            let ended: Vec<_> = self.0.iter_mut().map(|child| child.try_wait().unwrap()).collect();
            if ended.iter().all(Option::is_some) {
                return ended.into_iter().map(|status| status.and_then(|status| status.code())).collect();
            }
            assert!(began.elapsed() < ALL_WITHIN, "{ended:?}\n{}", world.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_process_that_is_killed_comes_back_with_the_other_and_nothing_is_lost_or_doubled() {
    let world = World::of(&["--records", "200000", "--seed", "5", "--rate", "50000"]);
    world.to_the_end("undisturbed");
    let expected = world.rows();
    for victim in [0, 1] {
        world.forget();
        let mut supervised = Supervised::start(&world);
        let began = Instant::now();
        while !world.path("state/manifests").read_dir().is_ok_and(|mut all| all.next().is_some()) {
            assert!(began.elapsed() < ALL_WITHIN, "no checkpoint\n{}", world.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        kill_process(supervised.job_of(victim).unwrap(), Signal::KILL).unwrap();
        assert_eq!(supervised.codes_at_the_end(&world), [Some(0); 2], "{}", world.log());
        world.check(&expected, &format!("process {victim} was killed"));
    }
    let again = world.log().matches("starting it again in").count();
    assert!(again >= 4, "both processes, twice: {again}\n{}", world.log());
}
