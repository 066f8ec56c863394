//! The command line of a job: verbs, flags, the file of `--config`.
use crate::job_world::{Counting, World};

#[test]
fn flags_stand_before_or_behind_the_verb() {
    let world = World::new();
    let behind = world.call(&["plan", "--up-to", "5"]);
    assert_eq!(behind.code, 0, "{behind:?}");
    assert!(behind.out.contains("source \"numbers\"") && behind.out.contains("exactly once"), "{behind:?}");
    assert_eq!(world.call(&["--up-to", "5", "plan"]), behind);
    assert!(!std::path::Path::new(&world.state()).exists(), "plan creates nothing");
}

#[test]
fn a_job_runs_to_its_end_once() {
    let world = World::new();
    let first = world.call(&["--up-to", "1000"]);
    assert_eq!((first.code, first.out.as_str()), (0, ""), "{first:?}");
    assert!(first.err.starts_with("counter has finished: 1,000 records read in "), "{first:?}");
    let again = world.call(&["run", "--up-to", "1000"]);
    assert_eq!(again.code, 0, "{again:?}");
    let words = ["already finished, at checkpoint", "--restore none", "--state"];
    assert!(words.iter().all(|word| again.err.contains(word)), "{again:?}");
    assert_eq!(world.sum.0.load(std::sync::atomic::Ordering::SeqCst), 1000);
}
#[test]
fn x() {
    let world = World::new();
    println!("{}", world.call(&["--help"]).out);
    println!("{}", world.call(&["-h"]).out);
    println!("{:?}", world.call(&["--inptu", "x"]));
    println!("{:?}", world.call(&["--workers", "none"]));
    println!("{:?}", world.call(&["pla"]));
    println!("{}", world.call(&["status"]).err);
    println!("{:?}", world.arguments(&["--label", "a"]));
    let _ = Counting::default();
}
