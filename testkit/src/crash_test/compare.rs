//! Two worlds as multisets of records, for each sink.
use millstream_operators::substitute::Substitutes;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// By the sink's uid: its encoded records, sorted.
pub(super) type Visible = BTreeMap<String, Vec<Vec<u8>>>;

/// So many examples of each difference are shown.
const EXAMPLES: usize = 3;
/// So many characters of each.
const CHARACTERS: usize = 300;

/// What is in one and not in the other; each record as often as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub lost: Vec<Vec<u8>>,
    pub extra: Vec<Vec<u8>>,
}

/// Of two sorted lists.
pub(super) fn difference(expected: &[Vec<u8>], found: &[Vec<u8>]) -> Difference {
    let (mut expected, mut found) = (expected.iter().peekable(), found.iter().peekable());
    let mut all = Difference::default();
    loop {
        let order = match (expected.peek(), found.peek()) {
            (None, None) => return all,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        };
        if order != Ordering::Greater {
            all.lost.extend(expected.next().filter(|_| order == Ordering::Less).cloned());
        }
        if order != Ordering::Less {
            all.extra.extend(found.next().filter(|_| order == Ordering::Greater).cloned());
        }
    }
}

/// One paragraph for each sink that differs; none where none does.
pub(super) fn differences(expected: &Visible, found: &Visible, world: &Substitutes) -> Option<String> {
    let mut text = String::new();
    for uid in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
        let of = |all: &Visible| all.get(uid).cloned().unwrap_or_default();
        let (expected, found) = (of(expected), of(found));
        let Difference { lost, extra } = difference(&expected, &found);
        if lost.is_empty() && extra.is_empty() {
            continue;
        }
        let (l, e, all) = (lost.len(), extra.len(), expected.len());
        let _ = writeln!(text, "sink {uid:?}: {l} records lost and {e} extra, where an undisturbed run gives {all}");
        for (what, records) in [("lost", lost), ("extra", extra)] {
            for record in records.iter().take(EXAMPLES) {
                let head: String = world.show(uid, record).chars().take(CHARACTERS).collect();
                let _ = writeln!(text, "  {what}: {head}");
            }
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_as_often_as_it_is_there() {
        let list = |bytes: &[u8]| bytes.iter().map(|b| vec![*b]).collect::<Vec<_>>();
        let found = difference(&list(&[1, 1, 2, 4]), &list(&[1, 2, 2, 3, 4]));
        assert_eq!(found, Difference { lost: list(&[1]), extra: list(&[2, 3]) });
        assert_eq!(difference(&list(&[1, 1]), &list(&[1, 1])), Difference::default());
    }
}
