//! The coordinator alone: what it does in which order, whatever arrives first.
use super::*;
use crate::checkpoint::{OperatorInfo, SectionKind};

/// A graph of two operators on two workers.
fn coordinator(restored: Option<u64>) -> Coordinator {
    let mut c = Coordinator::new(2, 1, restored, 5);
    let operators = vec![OperatorInfo::new("source", "source"), OperatorInfo::new("sink", "sink")];
    let graph = Assembled { operators, origins: vec!["source/0".into()], sinks: 1 };
    assert_eq!(c.step(Input::Event(Event::Graph(graph))), []);
    c
}

fn section(uid: &str, kind: SectionKind, n: u64) -> Section {
    Section::whole(uid, kind, vec![n as u8])
}

fn cut(n: u64, why: Why) -> Input {
    Input::Event(Event::Cut { n, why, now: 100 + n as i64 })
}

fn part(n: u64, operator: usize, worker: usize, sections: Vec<Section>, last: bool) -> Input {
    let marks = vec![(0, 10 * n as i64 + worker as i64)];
    Input::Event(Event::Part { n, operator, worker, sections, marks, last })
}

/// All parts of `n` but the last one of worker 1, which has its own sections; gives what the last part leads to.
fn gather(c: &mut Coordinator, n: u64, sections: Vec<Section>, last: bool) -> Vec<Action> {
    for (operator, worker) in [(1, 1), (0, 0), (1, 0)] {
        assert_eq!(c.step(part(n, operator, worker, vec![], last)), []);
    }
    c.step(part(n, 0, 1, sections, last))
}

fn committed(n: u64, worker: usize) -> Input {
    Input::Event(Event::Committed { n, worker })
}

fn manifest(actions: &[Action]) -> Option<&Summary> {
    actions.iter().find_map(|a| if let Action::Manifest(summary) = a { Some(summary) } else { None })
}

#[test]
fn a_checkpoint_is_written_when_every_part_is_there_in_whatever_order() {
    let mut c = coordinator(None);
    let one = section("source", SectionKind::Splits, 1);
    assert_eq!(c.step(part(1, 1, 1, vec![], false)), []);
    assert_eq!(c.step(part(1, 1, 1, vec![], false)), [], "the same part again counts once");
    assert_eq!(c.step(cut(1, Why::Savepoint)), [], "after the first part");
    assert_eq!(c.step(part(1, 0, 0, vec![one.clone()], false)), []);
    assert_eq!(c.step(part(1, 1, 0, vec![], false)), []);
    let actions = c.step(part(1, 0, 1, vec![], false));
    assert_eq!(actions, [Action::Write { n: 1, sections: vec![one] }]);
    let actions = c.step(Input::Written { n: 1 });
    let origins = BTreeMap::from([(0, 11)]);
    let summary = Summary { n: 1, why: Why::Savepoint, finished: false, processing_time: 101, origins };
    assert_eq!(actions, [Action::Manifest(summary)]);
    assert_eq!(c.step(Input::Durable { n: 1 }), [Action::Settle { n: 1 }, Action::Commit { n: 1 }]);
    assert_eq!(c.step(committed(1, 1)), []);
    assert_eq!(c.step(committed(1, 0)), [Action::Committed { n: 1, why: Why::Savepoint }]);
}

#[test]
fn the_next_manifest_waits_until_everything_before_it_is_committed() {
    let mut c = coordinator(None);
    gather(&mut c, 1, vec![], false);
    c.step(Input::Written { n: 1 });
    c.step(Input::Durable { n: 1 });
    assert_eq!(gather(&mut c, 2, vec![], false), [Action::Write { n: 2, sections: vec![] }]);
    assert_eq!(c.step(committed(1, 0)), []);
    assert_eq!(c.step(Input::Written { n: 2 }), [], "worker 1 still commits what 1 promised");
    let actions = c.step(committed(1, 1));
    assert_eq!(actions[0], Action::Committed { n: 1, why: Why::Interval });
    assert_eq!(manifest(&actions).map(|s| s.n), Some(2));
}

#[test]
fn what_the_restored_checkpoint_promised_is_committed_first() {
    let mut c = coordinator(Some(7));
    gather(&mut c, 8, vec![], false);
    assert_eq!(c.step(Input::Written { n: 8 }), []);
    assert_eq!(c.step(committed(0, 0)), []);
    let actions = c.step(committed(0, 1));
    assert_eq!(
        (actions.len(), manifest(&actions).map(|s| s.n)),
        (1, Some(8)),
        "7 was committed before, or is not ours"
    );
}

#[test]
fn the_changes_of_a_checkpoint_that_was_given_up_go_into_the_next() {
    let mut c = coordinator(None);
    let kinds = [SectionKind::Keyed, SectionKind::Splits, SectionKind::Staged, SectionKind::Operator];
    let of = |n: u64| kinds.map(|kind| section("x", kind, n)).to_vec();
    gather(&mut c, 1, of(1), false);
    let actions = c.step(Input::NotWritten { n: 1, why: "the disk is full".into() });
    assert_eq!(actions, [Action::Settle { n: 1 }], "the ticker may cut again, nothing is committed");
    let mut both = of(1);
    both.remove(1); // where the splits stood is in the next whole
    both.extend(of(2));
    assert_eq!(gather(&mut c, 2, of(2), false), [Action::Write { n: 2, sections: both }]);
    c.step(Input::Written { n: 2 });
    assert_eq!(c.step(Input::Durable { n: 2 }), [Action::Settle { n: 2 }, Action::Commit { n: 2 }]);
    c.step(committed(2, 0));
    c.step(committed(2, 1));
    assert_eq!(gather(&mut c, 3, vec![], false), [Action::Write { n: 3, sections: vec![] }], "carried once");
}

#[test]
fn a_savepoint_that_was_given_up_is_taken_again() {
    let mut c = coordinator(None);
    c.step(cut(1, Why::Savepoint));
    gather(&mut c, 1, vec![], false);
    let actions = c.step(Input::NotWritten { n: 1, why: "no".into() });
    assert_eq!(actions, [Action::AskAgain, Action::Settle { n: 1 }]);
}

#[test]
fn what_was_carried_is_carried_on_when_the_next_is_given_up_too() {
    let mut c = Coordinator::new(1, 2, None, 0);
    let operators = vec![OperatorInfo::new("x", "x")];
    c.step(Input::Event(Event::Graph(Assembled { operators, ..Assembled::default() })));
    let keyed = |n| section("x", SectionKind::Keyed, n);
    for n in 1..=2 {
        c.step(part(n, 0, 0, vec![keyed(n)], false));
        c.step(Input::NotWritten { n, why: "no".into() });
    }
    let actions = c.step(part(3, 0, 0, vec![keyed(3)], false));
    assert_eq!(actions, [Action::Write { n: 3, sections: vec![keyed(1), keyed(2), keyed(3)] }]);
}

#[test]
fn a_durable_checkpoint_forgives_the_failures_before_it() {
    let mut c = coordinator(None);
    for round in 0..3 {
        let n = 1 + 2 * round;
        gather(&mut c, n, vec![], false);
        assert_eq!(c.step(Input::NotWritten { n, why: "no".into() }), [Action::Settle { n }], "one is allowed");
        gather(&mut c, n + 1, vec![], false);
        c.step(Input::Written { n: n + 1 });
        c.step(Input::Durable { n: n + 1 });
        c.step(committed(n + 1, 0));
        c.step(committed(n + 1, 1));
    }
    gather(&mut c, 7, vec![], false);
    c.step(Input::NotWritten { n: 7, why: "no".into() });
    gather(&mut c, 8, vec![], false);
    let actions = c.step(Input::NotWritten { n: 8, why: "the disk is full".into() });
    assert_eq!(actions, [Action::Fail { why: "checkpoint 8 could not be written: the disk is full".into() }]);
}

#[test]
fn the_last_checkpoint_cannot_be_given_up() {
    for (why, finished) in [(Why::Stop, false), (Why::Interval, true)] {
        let mut c = coordinator(None);
        c.step(cut(1, why));
        gather(&mut c, 1, vec![], finished);
        let actions = c.step(Input::NotWritten { n: 1, why: "no".into() });
        assert!(matches!(&actions[..], [Action::Fail { .. }]), "{why:?}: {actions:?}");
    }
}

#[test]
fn the_run_is_over_once_the_last_checkpoint_is_committed() {
    for (why, finished) in [(Why::Stop, false), (Why::Interval, true)] {
        let mut c = coordinator(None);
        c.step(cut(1, why));
        gather(&mut c, 1, vec![], finished);
        let actions = c.step(Input::Written { n: 1 });
        assert_eq!(manifest(&actions).map(|s| s.finished), Some(finished));
        c.step(Input::Durable { n: 1 });
        assert_eq!(c.step(committed(1, 0)), []);
        assert_eq!(c.step(committed(1, 1)), [Action::Committed { n: 1, why }, Action::Finish { finished }]);
    }
}
