//! The gatherer alone: what one process does in which order, whatever arrives first.
use super::*;
use crate::checkpoint::{DataName, OperatorInfo};
use crate::graph::assemble::Assembled;

/// A process with two workers, and a graph of two operators.
fn gatherer() -> Gatherer {
    let mut g = Gatherer::new(2);
    let operators = vec![OperatorInfo::new("source", "source"), OperatorInfo::new("sink", "sink")];
    let graph = Assembled { operators, origins: vec!["source/0".into()], sinks: 1 };
    assert_eq!(g.step(Input::Event(Event::Graph(graph))), []);
    g
}

fn section(kind: SectionKind, n: u64) -> Section {
    Section::whole("x", kind, vec![n as u8])
}

fn part(n: u64, operator: usize, worker: usize, sections: Vec<Section>, last: bool) -> Input {
    let marks = vec![(0, 10 * n as i64 + worker as i64)];
    Input::Event(Event::Part { n, operator, worker, sections, marks, copy: None, last })
}

/// All parts of `n`, of which the last has these sections.
fn gather(g: &mut Gatherer, n: u64, sections: Vec<Section>, last: bool) -> Vec<Action> {
    for (operator, worker) in [(1, 3), (0, 2), (1, 2)] {
        assert_eq!(g.step(part(n, operator, worker, vec![], last)), []);
    }
    g.step(part(n, 0, 3, sections, last))
}

fn file(n: u64) -> FileRef {
    FileRef { name: DataName::new(n, 1, 1).to_string(), len: 1, crc: 0, first: n, last: n }
}

#[test]
fn a_file_is_written_when_every_part_is_there_in_whatever_order() {
    let mut g = gatherer();
    let one = section(SectionKind::Splits, 1);
    assert_eq!(g.step(part(1, 1, 3, vec![], false)), []);
    assert_eq!(g.step(part(1, 1, 3, vec![], false)), [], "the same part again counts once");
    assert_eq!(g.step(part(1, 0, 2, vec![one.clone()], false)), []);
    assert_eq!(g.step(part(1, 1, 2, vec![], false)), []);
    assert_eq!(g.step(part(1, 0, 3, vec![], false)), [Action::Write { n: 1, sections: vec![one].into() }]);
    let file = file(1);
    let report =
        Report::Gathered { n: 1, file: file.clone(), marks: vec![(0, 13)], copies: Copies::default(), last: false };
    assert_eq!(g.step(Input::Written { n: 1, file }), [Action::Tell(report)]);
}

#[test]
fn the_next_file_waits_until_it_is_known_whether_it_carries_what_the_last_one_had() {
    let kinds = [SectionKind::Keyed, SectionKind::Splits, SectionKind::Staged, SectionKind::Operator];
    let of = |n: u64| kinds.map(|kind| section(kind, n)).to_vec();
    for durable in [true, false] {
        let mut g = gatherer();
        gather(&mut g, 1, of(1), false);
        g.step(Input::Written { n: 1, file: file(1) });
        assert_eq!(gather(&mut g, 2, of(2), false), [], "1 is not settled");
        let mut carried = if durable { vec![] } else { of(1) };
        carried.retain(|s| s.kind != SectionKind::Splits); // where the splits stood is in the next whole
        carried.extend(of(2));
        assert_eq!(g.step(Input::Settled { n: 1, durable }), [Action::Write { n: 2, sections: carried.into() }]);
        g.step(Input::Settled { n: 2, durable: true });
        assert_eq!(gather(&mut g, 3, vec![], false), [Action::Write { n: 3, sections: vec![].into() }], "carried once");
    }
}

#[test]
fn what_was_carried_is_carried_on_when_the_next_is_given_up_too() {
    let mut g = gatherer();
    let keyed = |n| section(SectionKind::Keyed, n);
    for n in 1..=2 {
        gather(&mut g, n, vec![keyed(n)], false);
        let told = g.step(Input::NotWritten { n, why: "the disk is full".into() });
        assert_eq!(told, [Action::Tell(Report::NotWritten { n, why: "the disk is full".into(), last: false })]);
        assert_eq!(g.step(Input::Settled { n, durable: false }), []);
    }
    let actions = gather(&mut g, 3, vec![keyed(3)], false);
    assert_eq!(actions, [Action::Write { n: 3, sections: vec![keyed(1), keyed(2), keyed(3)].into() }]);
}

#[test]
fn it_is_over_when_every_operator_of_every_worker_is() {
    for (last, is_over) in [(true, true), (false, false)] {
        let mut g = gatherer();
        g.step(part(1, 0, 2, vec![], last));
        for (operator, worker) in [(0, 3), (1, 2), (1, 3)] {
            g.step(part(1, operator, worker, vec![], true));
        }
        let told = g.step(Input::Written { n: 1, file: file(1) });
        assert!(matches!(&told[..], [Action::Tell(Report::Gathered { last, .. })] if *last == is_over), "{told:?}");
    }
}

#[test]
fn commits_are_reported_when_all_workers_have_made_them() {
    let mut g = gatherer();
    assert_eq!(g.step(Input::Event(Event::Committed { n: 0, worker: 2 })), []);
    assert_eq!(g.step(Input::Event(Event::Committed { n: 0, worker: 2 })), []);
    let told = g.step(Input::Event(Event::Committed { n: 0, worker: 3 }));
    assert_eq!(told, [Action::Tell(Report::Committed { n: 0 })]);
    assert_eq!(g.step(Input::Event(Event::Committed { n: 1, worker: 3 })), [], "the next one counts anew");
}
