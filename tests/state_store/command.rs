//! `millstream checkpoints`: what it says of a state, and does with it.
use crate::damage::half_done;
use millstream::checkpoints::call;
use millstream::job::Answer;
use millstream::runtime::run::{Outcome, RestoreFrom};
use std::fs;
use std::path::Path;

fn checkpoints(state: &Path, line: &str) -> Answer {
    let words = std::iter::once("millstream checkpoints").chain(line.split_whitespace());
    call(words.chain(["--state", state.to_str().unwrap()]).map(Into::into))
}

#[track_caller]
fn fine(state: &Path, line: &str) -> String {
    let answer = checkpoints(state, line);
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{line}");
    answer.out
}

fn numbers(state: &Path) -> Vec<u64> {
    let list = fine(state, "list");
    list.lines().map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

#[test]
fn it_lists_shows_keeps_and_compares() {
    let (job, _) = half_done();
    let state = job.state();
    let all = numbers(&state);
    let (first, newest) = (all[0], all[all.len() - 1]);
    let shown = fine(&state, "show");
    assert!(shown.contains(&format!("{newest} of counted")) && shown.contains("counts"), "{shown}");
    fine(&state, &format!("keep {first} --label before"));
    assert!(fine(&state, "list").lines().any(|line| line.ends_with("kept before")));
    fine(&state, &format!("unkeep {first}"));
    assert!(!fine(&state, "list").contains("kept"));
    let same = fine(&state, &format!("diff {newest} {newest}"));
    let row: Vec<&str> = same.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..5], ["counts", "state", "0", "0", "0"], "{same}");
    let other = fine(&state, &format!("diff {first} {newest}"));
    assert_ne!(other, same);
    for wrong in ["keep 9999", "show 9999", &format!("diff {newest} 9999")] {
        let answer = checkpoints(&state, wrong);
        assert!(answer.code == 1 && answer.err.contains("9999"), "{wrong}: {answer:?}");
    }
    assert_eq!(checkpoints(&state, "tidy").code, 2);
    assert!(checkpoints(&job.path("nothing"), "list").err.contains("no such folder"));
}

#[test]
fn it_finds_damage_and_names_it() {
    let (job, whole) = half_done();
    let all = numbers(&job.state());
    assert_eq!(fine(&job.state(), "verify").lines().count(), all.len());
    let name = whole.keys().rfind(|name| name.starts_with("state/data/")).unwrap();
    let mut bad = whole[name].clone();
    bad[60] ^= 4;
    fs::write(job.path(name), bad).unwrap();
    let answer = checkpoints(&job.state(), "verify");
    assert_eq!(answer.code, 1);
    assert!(answer.err.contains(name.rsplit('/').next().unwrap()), "{answer:?}");
    assert_eq!(answer.out.lines().count() + answer.err.lines().count(), all.len(), "{answer:?}");
}

/// The state moves; what the job has written stays where it is.
#[test]
fn a_job_goes_on_from_an_export() {
    let (job, _) = half_done();
    let (from, to) = (job.path("old"), job.state());
    fs::rename(&to, &from).unwrap();
    fine(&from, &format!("export --to {}", to.display()));
    let again = checkpoints(&from, &format!("export --to {}", to.display()));
    assert!(again.code == 1 && again.err.contains("holds state already"), "{again:?}");
    assert_eq!(fine(&to, "verify").lines().count(), 1);
    assert!(matches!(job.run(RestoreFrom::Latest, None), Ok(Outcome::Finished)));
    assert_eq!(job.rows().len(), 4_000, "nothing is lost, nothing is doubled");
}
