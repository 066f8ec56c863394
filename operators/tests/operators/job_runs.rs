//! Jobs that run: to the end, to a stop, to a savepoint, from a checkpoint; and what they share.
use crate::job_world::{Counting, Numbers, World};
use millstream_operators::Job;
use millstream_operators::job::{Answer, Around, call, launch};
use millstream_runtime::Result;
use millstream_runtime::run::{Held, Options, Outcome, RunError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

const FAST: [&str; 2] = ["--checkpoint-interval", "20ms"];

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_job_runs_to_its_end_once() {
    let world = World::new();
    let first = world.call(&["--up-to", "1000", "--workers", "2"]);
    assert_eq!((first.code, first.out.as_str()), (0, ""), "{first:?}");
    assert!(first.err.starts_with("counter has finished: 1,000 records read in "), "{first:?}");
    let again = world.call(&["run", "--up-to", "1000"]);
    assert_eq!(again.code, 0, "{again:?}");
    let words = ["already finished, at checkpoint 1 in", "nothing was read or written", "--restore none", "--state"];
    words.iter().for_each(|word| assert!(again.err.contains(word), "{word}: {again:?}"));
    assert_eq!(world.sum.total(), (1000, 499_500));
    let status = world.call(&["status"]);
    let words = ["job          counter\n", "checkpoint   1 of 2 workers, ", "finished", "checkpoints  1\n"];
    words.iter().for_each(|word| assert!(status.out.contains(word), "{word}: {status:?}"));
    let world = World { status: Arc::default(), ..world };
    let anew = world.call(&["--up-to", "10", "--restore", "none"]);
    assert!(anew.err.starts_with("counter has finished: 10 records"), "{anew:?}");
}

#[test]
fn a_stop_takes_a_last_checkpoint_from_which_the_next_run_goes_on() {
    let world = World::new();
    world.status.stop(); // before the run has begun: it counts
    let early = world.call(&["--up-to", "1000"]);
    assert_eq!(early.code, 0, "{early:?}");
    assert!(early.err.contains("counter was stopped at checkpoint 1"), "{early:?}");
    let world = World { status: Arc::default(), ..world };
    let done = world.call(&["--up-to", "1000"]);
    assert!(done.err.starts_with("counter has finished"), "{done:?}");
    assert_eq!(world.sum.total(), (1000, 499_500));
}

#[test]
fn a_signal_stops_the_job_and_exits_with_0() {
    let world = World::new();
    let (sum, state) = (world.sum.clone(), world.state());
    let argv = ["counter", "--state", &state, "--quiet", "--metrics", "0"].map(Into::into);
    let around = Around { status: Arc::clone(&world.status), owns_process: true };
    let job = std::thread::spawn(move || {
        call("counter", argv, around, move |job, o: &Counting| {
            job.source("numbers", Numbers { end: o.up_to }).sink("sum", sum.clone());
            Ok(())
        })
    });
    until("the job reads", || world.status.progress().read > 0);
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
    let answer = job.join().unwrap();
    assert_eq!(answer, Answer::default(), "0, and quiet");
    assert!(world.status.progress().checkpoint > 0);
    assert_eq!(world.sum.total().0, world.status.progress().read, "everything that was read is committed");
}

#[test]
fn a_savepoint_of_a_running_job_is_kept_and_can_be_restored() {
    let world = World::new();
    let (saved, stopped) = std::thread::scope(|scope| {
        let running = scope.spawn(|| world.call(&FAST));
        until("the job takes checkpoints", || world.status.progress().checkpoint > 0);
        let saved = world.call(&["savepoint", "--wait", "20s"]);
        let stopped = world.call(&["savepoint", "--stop", "--wait", "20s"]);
        let ran = running.join().unwrap();
        assert!(ran.code == 0 && ran.err.contains("counter was stopped at checkpoint"), "{ran:?}");
        (saved, stopped)
    });
    assert_eq!((saved.code, stopped.code), (0, 0), "{saved:?} {stopped:?}");
    let number = saved.out.strip_prefix("checkpoint ").and_then(|t| t.strip_suffix(" is kept\n")).unwrap();
    assert!(stopped.out.ends_with(" is kept, and counter stops\n"), "{stopped:?}");

    let status = world.call(&["status"]).out;
    assert!(status.contains(&format!("kept         {number} savepoint, ")), "{status}");
    assert!(status.contains("job's end    stopped"), "{status}");
    let check = world.call(&["check", "--against", number]);
    assert!(check.code == 0 && check.out.contains("  keeps          \"numbers\"\n"), "{check:?}");

    let world = World { status: Arc::default(), ..world };
    let restored = world.call(&["restore", number, "--up-to", "1"]);
    assert!(restored.err.starts_with("counter has finished: 0 records"), "it goes on where it was: {restored:?}");
    let gone = world.call(&["restore", "999"]);
    assert!(gone.code == 2 && gone.err.contains("999"), "{gone:?}");
}

#[test]
fn status_names_who_holds_a_running_job_up() {
    let world = World::new();
    let (sum, state) = (world.sum.clone(), world.state());
    let around = Around { status: Arc::clone(&world.status), ..Around::default() };
    let job = std::thread::spawn(move || {
        call(
            "counter",
            ["counter", "--state", &state, "--up-to", "100"].map(Into::into),
            around,
            move |job, o: &Counting| {
                let slow = job.source("numbers", Numbers { end: o.up_to }).inspect(|n| {
                    if *n == 50 {
                        std::thread::sleep(Duration::from_secs(6));
                    }
                });
                slow.sink("sum", sum.clone());
                Ok(())
            },
        )
    });
    until("somebody is seen", || !world.status.held().is_empty());
    let status = world.call(&["status"]);
    let words =
        ["held up      epoch 1.", "has been held for ", " s by \"numbers\" on worker 0: one call has not returned"];
    words.iter().for_each(|word| assert!(status.out.contains(word), "{word}: {status:?}"));
    assert_eq!(job.join().unwrap().code, 0);
    assert!(world.status.held().is_empty(), "it has ended");
    assert!(!world.call(&["status"]).out.contains("held"));
}

/// Two processes in this one: a worker of the second does not come back from user code, and the first one says so.
#[test]
fn a_stuck_worker_of_another_process_is_named() {
    let world = World::new();
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hosts = world.write("hosts", &format!("{}\n{}\n", free(), free()));
    let run = |process: &'static str| {
        let (sum, state, status) = (world.sum.clone(), world.state(), Arc::clone(&world.status));
        let argv = ["counter", "--state", &state, "--up-to", "1000", "--hosts", &hosts, "--process", process];
        let argv: Vec<std::ffi::OsString> = argv.iter().map(Into::into).collect();
        let status = if process == "0" { status } else { Arc::default() };
        std::thread::spawn(move || {
            call("counter", argv, Around { status, ..Around::default() }, move |job, o: &Counting| {
                let counted = job
                    .source("numbers", Numbers { end: o.up_to })
                    .key_by(|n| n % 64)
                    .reduce("greatest", |a, b| a.max(b));
                let slow = counted.inspect(move |n| {
                    if process == "1" && *n > 900 && !SLEPT.swap(true, SeqCst) {
                        std::thread::sleep(Duration::from_secs(5));
                    }
                });
                slow.sink("sum", sum.clone());
                Ok(())
            })
        })
    };
    let both = [run("0"), run("1")];
    let named =
        |held: &Held| held.by.starts_with("\"greatest\" on worker 1: one call") && held.by.ends_with("in process 1");
    until("process 0 names it", || world.status.held().iter().any(named));
    both.into_iter().for_each(|process| assert_eq!(process.join().unwrap().code, 0));
}

/// The sleeper of the test above has slept.
static SLEPT: AtomicBool = AtomicBool::new(false);

#[test]
fn a_savepoint_that_nobody_answers_is_withdrawn() {
    let world = World::new();
    let nothing = world.call(&["savepoint"]);
    assert!(nothing.code == 1 && nothing.err.contains("has not run with this --state"), "{nothing:?}");
    world.call(&["--up-to", "10"]);
    let late = world.call(&["savepoint", "--stop", "--wait", "150ms"]);
    assert!(late.code == 1 && late.err.contains("no answer in 150 ms: counter has finished"), "{late:?}");
    assert!(!world.call(&["status"]).out.contains("asked"), "no later run is to stop because of it");
}

#[test]
fn state_that_a_graph_has_no_place_for_is_not_lost_silently() {
    let world = World::new();
    world.call(&["--up-to", "10"]);
    let sum = world.sum.clone();
    let other = move |job: &Job, o: &Counting| -> Result<()> {
        job.source("figures", Numbers { end: o.up_to }).sink("sum", sum.clone());
        Ok(())
    };
    let check = world.call_job(&["check"], other.clone());
    assert_eq!(check.code, 2, "{check:?}");
    assert!(check.out.contains("  starts anew    \"figures\"\n  would lose     \"numbers\"\n"), "{check:?}");
    assert!(check.err.contains("--drop-state numbers"), "{check:?}");
    let plan = world.call_job(&["plan"], other.clone());
    assert!(plan.code == 0 && plan.out.contains("restore: starts anew"), "{plan:?}");
    let run = world.call_job(&["run"], other.clone());
    assert!(run.code == 2 && run.err.contains("--drop-state numbers"), "{run:?}");
    let told = world.call_job(&["check", "--drop-state", "numbers"], other);
    assert!(told.code == 0 && told.out.contains("  drops as told  \"numbers\"\n"), "{told:?}");
}

#[test]
fn the_state_of_another_job_is_refused() {
    let world = World::new();
    world.call(&["--up-to", "10"]);
    let state = world.state();
    for verb in ["plan", "check", "status", "savepoint", "run"] {
        let argv = ["other", verb, "--state", &state].map(Into::into);
        let answer = call("other", argv, Around::default(), |job, _: &Counting| {
            job.source("numbers", Numbers { end: Some(1) }).sink("sum", crate::job_world::Sum::default());
            Ok(())
        });
        assert_eq!(answer.code, 2, "{verb}: {answer:?}");
        assert!(answer.err.contains("belongs to the job `counter`, not to `other`"), "{verb}: {answer:?}");
    }
}

#[test]
fn a_failing_job_exits_with_1_and_a_panicking_build_too() {
    let world = World::new();
    let sum = world.sum.clone();
    let flags = ["--up-to", "10", "--restarts", "1", "--restart-backoff", "1ms"];
    let broken = world.call_job(&flags, move |job, o: &Counting| {
        let numbers = job.source("numbers", Numbers { end: o.up_to });
        numbers.map(|n| if n == 5 { panic!("five") } else { n }).sink("sum", sum.clone());
        Ok(())
    });
    assert_eq!(broken.code, 1, "{broken:?}");
    assert!(broken.err.contains("five") && broken.err.contains("the last of 2 attempts"), "{broken:?}");
    let panics = world.call_job(&["plan"], |_, _: &Counting| panic!("in build"));
    assert!(panics.code == 1 && panics.err.contains("in build"), "{panics:?}");
}

/// Each number times a shared value.
fn scaled(world: &World, made: Arc<AtomicU64>) -> impl Fn(&Job, &Counting) -> Result<()> + Clone + use<> {
    let sum = world.sum.clone();
    move |job, o| {
        let made = Arc::clone(&made);
        let factor = job.shared("factor", async move || {
            tokio::time::sleep(Duration::from_millis(1)).await;
            made.fetch_add(1, SeqCst);
            Ok::<_, std::io::Error>(Arc::new(3u64))
        });
        job.source("numbers", Numbers { end: o.up_to }).map(move |n| n * **factor).sink("sum", sum.clone());
        Ok(())
    }
}

#[test]
fn a_shared_value_is_made_once_and_only_by_a_run() {
    let (world, made) = (World::new(), Arc::new(AtomicU64::new(0)));
    let build = scaled(&world, Arc::clone(&made));
    for verb in ["plan", "check"] {
        assert_eq!(world.call_job(&[verb, "--up-to", "10"], build.clone()).code, 0);
    }
    assert_eq!(made.load(SeqCst), 0);
    let run = world.call_job(&["--up-to", "10", "--workers", "3"], build);
    assert_eq!((run.code, made.load(SeqCst)), (0, 1), "{run:?}");
    assert_eq!(world.sum.total(), (10, 135));
}

#[test]
fn a_shared_value_that_cannot_be_made_stops_the_job() {
    let world = World::new();
    let sum = world.sum.clone();
    let failing = world.call_job(&[], move |job, _: &Counting| {
        let _ = job.shared("pool", async || Err::<u8, _>("no database at localhost"));
        job.source("numbers", Numbers { end: Some(1) }).sink("sum", sum.clone());
        Ok(())
    });
    assert_eq!(failing.code, 1);
    assert_eq!(failing.err, "error: shared value \"pool\" cannot be made: no database at localhost\n");
    let two = world.call_job(&["check"], |job, _: &Counting| {
        let _ = job.shared("pool", async || Ok::<u8, String>(1));
        let _ = job.shared("pool", async || Ok::<u16, String>(1));
        job.source("numbers", Numbers { end: Some(1) }).sink("sum", crate::job_world::Sum::default());
        Ok(())
    });
    assert!(two.code == 2 && two.err.contains("shared value \"pool\" is a u8 and a u16"), "{two:?}");
    assert!(two.err.contains("job_runs.rs:"), "{two:?}");
}

#[test]
fn a_stop_does_not_wait_for_a_shared_value() {
    let world = World::new();
    world.status.stop();
    let sum = world.sum.clone();
    let stopped = world.call_job(&[], move |job, _: &Counting| {
        let _ = job.shared("pool", async || -> Result<u8> { std::future::pending().await });
        job.source("numbers", Numbers { end: Some(1) }).sink("sum", sum.clone());
        Ok(())
    });
    assert!(stopped.code == 0 && stopped.err.contains("stopped before it began"), "{stopped:?}");
}

#[test]
fn a_job_is_launched_without_a_command_line_inside_tokio() {
    let world = World::new();
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tokio.block_on(async {
        let (sum, options) = (world.sum.clone(), Options::new("counter", world.state()));
        let ended = launch(&options, move |job| {
            job.source("numbers", Numbers { end: Some(100) }).sink("sum", sum.clone());
            Ok(())
        });
        assert_eq!(ended.unwrap(), Outcome::Finished);
        assert_eq!(world.call(&["--up-to", "100"]).code, 0);
        let refused = launch(&options, |_| Ok(()));
        assert!(matches!(refused, Err(RunError::Refused(what)) if what.contains("no sink")));
    });
    assert_eq!(world.sum.total(), (100, 4950));
}
