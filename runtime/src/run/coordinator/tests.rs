//! The coordinator alone: what it does in which order, whatever arrives first.
use super::*;
use crate::checkpoint::DataName;
use crate::engine::logic::CopyHash;

/// Of two processes.
fn coordinator(restored: Option<u64>) -> Coordinator {
    let mut c = Coordinator::new(2, 1, restored, 5);
    let graph = Assembled { origins: vec!["source/0".into()], ..Assembled::default() };
    assert_eq!(c.step(Input::Graph(graph)), []);
    c
}

fn cut(n: u64, why: Why) -> Input {
    Input::Cut { n, why, now: 100 + n as i64 }
}

fn file(n: u64, process: u32) -> FileRef {
    FileRef { name: DataName::new(n, 1, process).to_string(), len: 1, crc: 0, first: n, last: n }
}

fn gathered(n: u64, process: usize, file: FileRef, last: bool) -> Input {
    let marks = vec![(0, 10 * n as i64 + process as i64)];
    Input::Report { process, report: Report::Gathered { n, file, marks, copies: Copies::default(), last } }
}

fn not_written(n: u64, process: usize, last: bool) -> Input {
    Input::Report { process, report: Report::NotWritten { n, why: "the disk is full".into(), last } }
}

/// Both files of `n`; gives what the last one leads to.
fn gather(c: &mut Coordinator, n: u64, last: bool) -> Vec<Action> {
    assert_eq!(c.step(gathered(n, 1, file(n, 1), last)), []);
    c.step(gathered(n, 0, file(n, 0), last))
}

/// One cannot be written.
fn give_up(c: &mut Coordinator, n: u64) -> Vec<Action> {
    assert_eq!(c.step(not_written(n, 1, false)), [], "the other process still writes");
    c.step(gathered(n, 0, file(n, 0), false))
}

fn committed(n: u64, process: usize) -> Input {
    Input::Report { process, report: Report::Committed { n } }
}

fn settled(n: u64, durable: bool) -> Action {
    Action::Tell(Order::Settled { n, durable })
}

fn commit(n: u64) -> Action {
    Action::Tell(Order::Commit { n })
}

fn manifest(actions: &[Action]) -> Option<&Summary> {
    actions.iter().find_map(|a| if let Action::Manifest(summary) = a { Some(summary) } else { None })
}

#[test]
fn a_manifest_is_made_when_every_process_has_written_in_whatever_order() {
    let mut c = coordinator(None);
    let files = vec![file(1, 0), file(1, 1)];
    assert_eq!(c.step(gathered(1, 1, files[1].clone(), false)), []);
    assert_eq!(c.step(cut(1, Why::Savepoint)), [], "after the first report");
    let actions = c.step(gathered(1, 0, files[0].clone(), true));
    let origins = BTreeMap::from([(0, 11)]);
    let summary = Summary { n: 1, why: Why::Savepoint, finished: false, processing_time: 101, origins, files };
    assert_eq!(actions, [Action::Manifest(summary)]);
    assert_eq!(c.step(Input::Durable { n: 1 }), [settled(1, true), commit(1)]);
    assert_eq!(c.step(committed(1, 1)), []);
    assert_eq!(c.step(committed(1, 0)), [Action::Committed { n: 1, why: Why::Savepoint }]);
}

#[test]
fn the_next_manifest_waits_until_everything_before_it_is_committed() {
    let mut c = coordinator(None);
    gather(&mut c, 1, false);
    c.step(Input::Durable { n: 1 });
    assert_eq!(c.step(committed(1, 0)), []);
    assert_eq!(gather(&mut c, 2, false), [], "process 1 still commits what 1 promised");
    let actions = c.step(committed(1, 1));
    assert_eq!(actions[0], Action::Committed { n: 1, why: Why::Interval });
    assert_eq!(manifest(&actions).map(|s| s.n), Some(2));
}

#[test]
fn what_the_restored_checkpoint_promised_is_committed_first() {
    let mut c = coordinator(Some(7));
    assert_eq!(gather(&mut c, 8, false), []);
    assert_eq!(c.step(committed(0, 0)), []);
    let actions = c.step(committed(0, 1));
    let first = (actions.len(), manifest(&actions).map(|s| s.n));
    assert_eq!(first, (1, Some(8)), "7 was committed before, or is not ours");
}

#[test]
fn a_checkpoint_that_one_process_cannot_write_is_given_up_by_all() {
    let mut c = coordinator(None);
    assert_eq!(give_up(&mut c, 1), [settled(1, false)], "the ticker may cut again, nothing is committed");
    gather(&mut c, 2, false);
    assert_eq!(c.step(Input::Durable { n: 2 }), [settled(2, true), commit(2)]);
}

#[test]
fn a_savepoint_that_was_given_up_is_taken_again() {
    let mut c = coordinator(None);
    c.step(cut(1, Why::Savepoint));
    gather(&mut c, 1, false);
    let actions = c.step(Input::NotDurable { n: 1, why: "no".into() });
    assert_eq!(actions, [Action::AskAgain, settled(1, false)]);
}

#[test]
fn a_durable_checkpoint_forgives_the_failures_before_it() {
    let mut c = coordinator(None);
    for round in 0..3 {
        let n = 1 + 2 * round;
        assert_eq!(give_up(&mut c, n), [settled(n, false)], "one is allowed");
        gather(&mut c, n + 1, false);
        c.step(Input::Durable { n: n + 1 });
        c.step(committed(n + 1, 0));
        c.step(committed(n + 1, 1));
    }
    give_up(&mut c, 7);
    let actions = give_up(&mut c, 8);
    assert_eq!(actions, [Action::Fail { why: "checkpoint 8 could not be written: the disk is full".into() }]);
}

#[test]
fn the_last_checkpoint_cannot_be_given_up() {
    for (why, finished) in [(Why::Stop, false), (Why::Interval, true)] {
        let mut c = coordinator(None);
        c.step(cut(1, why));
        c.step(gathered(1, 0, file(1, 0), finished));
        let actions = c.step(not_written(1, 1, finished));
        assert!(matches!(&actions[..], [Action::Fail { .. }]), "{why:?}: {actions:?}");
    }
}

#[test]
fn the_run_is_over_once_the_last_checkpoint_is_committed() {
    for (why, finished) in [(Why::Stop, false), (Why::Interval, true)] {
        let mut c = coordinator(None);
        c.step(cut(1, why));
        let actions = gather(&mut c, 1, finished);
        assert_eq!(manifest(&actions).map(|s| s.finished), Some(finished));
        c.step(Input::Durable { n: 1 });
        assert_eq!(c.step(committed(1, 0)), []);
        let finish = Action::Tell(Order::Finish { finished });
        assert_eq!(c.step(committed(1, 1)), [Action::Committed { n: 1, why }, finish]);
    }
}

#[test]
fn a_copy_of_a_broadcast_that_is_not_what_was_written_ends_the_attempt() {
    let mut c = coordinator(None);
    c.step(cut(1, Why::Interval));
    for (process, copy) in [(0, 8), (1, 9)] {
        let mut copies = Copies::default();
        for (hash, is_copy) in [(4, false), (copy, true)] {
            copies.add(CopyHash { uid: "rules".into(), hash, is_copy });
        }
        let report = Report::Gathered { n: 1, file: file(1, process as u32), marks: vec![], copies, last: false };
        let actions = c.step(Input::Report { process, report });
        let failed =
            matches!(&actions[..], [Action::Fail { why }] if why.contains("checkpoint 1") && why.contains("\"rules\""));
        assert_eq!(failed, process == 1, "{actions:?}");
    }
}
