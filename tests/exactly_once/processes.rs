//! Two processes, one of which is killed, or stopped for longer than the other waits, or cut off.
use crate::pair::{LOST, Pair};
use crate::world::{LOOP, World};
use millstream::runtime::run::Jitter;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// A lost process must be noticed so soon.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);
/// And one that does not come at all.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(30);

/// Attempts after the last disturbance.
const STARTS_MAX: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// `kill -9` of one.
    Kill,
    /// SIGSTOP of one; SIGCONT while the next attempt runs.
    Stop,
    /// Nothing passes between them any more.
    Cut,
}

struct Disturbed {
    world: World,
    random: Jitter,
    /// How long an undisturbed run takes.
    whole: Duration,
}

impl Disturbed {
    /// One attempt that is disturbed at a random time; what is left of it, if a process was only stopped. None where the
    /// job was faster.
    fn attempt(&mut self, how: Disturbance) -> Option<Pair> {
        let mut pair = Pair::start(&self.world, matches!(how, Disturbance::Cut));
        let victim = self.random.below(2) as usize;
        let after = self.whole.mul_f64(self.random.below(1000) as f64 / 1000.0) + Duration::from_millis(20);
        std::thread::sleep(after);
        if pair.processes.iter_mut().any(|p| p.try_wait().unwrap().is_some()) {
            pair.end_well(&self.world, "faster than the disturbance");
            return None;
        }
        match how {
            Disturbance::Kill => pair.processes[victim].kill().unwrap(),
            Disturbance::Stop => pair.signal(victim, Signal::STOP),
            Disturbance::Cut => pair.proxy.iter().for_each(|proxy| proxy.cut()),
        }
        self.notice(&mut pair, 1 - victim, how);
        match how {
            Disturbance::Stop => return Some(pair),
            Disturbance::Cut => self.notice(&mut pair, victim, how),
            Disturbance::Kill => {}
        }
        None
    }

    /// The process that lives ends in time, with the code for this; with 0 if the job had just finished.
    fn notice(&self, pair: &mut Pair, process: usize, how: Disturbance) {
        let began = Instant::now();
        let status = pair.end(process, GIVEN_UP_WITHIN);
        let code = status.and_then(|status| status.code());
        assert!(code == LOST || code == Some(0), "{how:?}: process {process}: {status:?}\n{}", self.world.log());
        let had_met = began.elapsed() < NOTICED_WITHIN;
        let log = self.world.log();
        assert!(had_met || log.contains("waited 10s"), "{how:?}: noticed after {:?}\n{log}", began.elapsed());
    }

    fn run(&mut self, how: Disturbance) {
        self.world.forget();
        let mut zombies = vec![];
        for _ in 0..1 + self.random.below(3) {
            zombies.extend(self.attempt(how));
        }
        let last = Pair::start(&self.world, false);
        std::thread::sleep(self.whole.mul_f64(self.random.below(1000) as f64 / 1500.0));
        for zombie in &zombies {
            for process in [0, 1] {
                zombie.signal(process, Signal::CONT);
            }
        }
        // A zombie may claim the state in the moment in which the last attempt begins, and on a busy machine a process may
        // be silent for long: that attempt begins again, as under a supervisor.
        let what = format!("after {how:?}");
        let mut is_done = last.try_end_well(&self.world, &what);
        for _ in 0..STARTS_MAX {
            is_done = is_done || Pair::start(&self.world, false).try_end_well(&self.world, &what);
        }
        assert!(is_done, "{what}\n{}", self.world.log());
        for mut zombie in zombies {
            for process in [0, 1] {
                // One that was stopped before it began waits for the others first, as long as every start does.
                let code = zombie.end(process, GIVEN_UP_WITHIN).and_then(|status| status.code());
                assert!(matches!(code, Some(75 | 0)), "a zombie ended with {code:?}\n{}", self.world.log());
            }
        }
    }
}

/// Runs that are disturbed one way after the other, each compared with an undisturbed one.
fn disturb(world: World, runs: usize, ways: &[Disturbance]) {
    let began = Instant::now();
    Pair::start(&world, false).end_well(&world, "undisturbed");
    let (whole, expected) = (began.elapsed(), world.rows());
    assert!(expected.values().any(|rows| rows.len() > 1_000), "there is something to lose");
    world.forget();
    world.to_the_end("one process");
    world.check(&expected, "one process against two");
    let mut disturbed = Disturbed { world, random: Jitter::new(runs as u64), whole };
    for run in 0..runs {
        let how = ways[run % ways.len()];
        disturbed.run(how);
        disturbed.world.check(&expected, &format!("run {run}, {how:?}"));
    }
    assert!(!disturbed.world.log().contains("panicked at"), "{}", disturbed.world.log());
    println!("{runs} runs: nothing lost, nothing doubled; undisturbed {whole:.1?}");
}

fn runs() -> usize {
    std::env::var("MILLSTREAM_RUNS").map_or(10, |n| n.parse().unwrap())
}

#[test]
fn two_processes_that_are_killed_stopped_and_cut_off_lose_nothing_and_double_nothing() {
    disturb(World::new(), runs(), &[Disturbance::Kill, Disturbance::Stop, Disturbance::Cut]);
}

#[test]
fn a_loop_through_two_processes_of_which_one_is_killed_loses_nothing_and_doubles_nothing() {
    let world = World::of_program(LOOP, &["--records", "400000", "--rate", "200000"]);
    disturb(world, runs().div_ceil(2), &[Disturbance::Kill]);
}

#[test]
fn a_job_that_is_rescaled_under_load_loses_nothing_and_doubles_nothing() {
    let world = World::of(&["--records", "160000", "--seed", "3", "--rate", "40000"]);
    let before = Duration::from_millis(1200);
    world.to_the_end("undisturbed");
    let expected = world.rows();
    world.forget();
    let two = Pair::start(&world, false);
    std::thread::sleep(before);
    let mut one = world.start_with(&["rescale", "--workers", "2"]);
    two.end_well(&world, "two processes, until they are asked to stop");
    assert!(one.wait().unwrap().success(), "{}", world.log());
    world.check(&expected, "from two processes to one");

    world.forget();
    let mut one = world.start();
    std::thread::sleep(before);
    let two = Pair::start_verb(&world, "rescale", false);
    assert!(one.wait().unwrap().success(), "{}", world.log());
    two.end_well(&world, "two processes, after they have stopped the one");
    world.check(&expected, "from one process to two");
    assert_eq!(world.log().matches("no record was read for").count(), 2, "both tell the pause\n{}", world.log());
}
