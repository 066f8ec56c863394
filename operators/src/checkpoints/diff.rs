//! `diff`: what became of the state between two checkpoints, counted by operator and column.
use crate::job::Answer;
use millstream_runtime::checkpoint::{CheckpointError, Entry, KEY_GROUPS, Manifest, Snapshot, StateStore};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;

/// So many key groups are compared at once: what they hold is in memory twice.
const STEP: u16 = 64;

/// The cells of a key by column name and sub-key; values are compared by their bytes.
type Row = BTreeMap<(String, Vec<u8>), Vec<u8>>;

/// How many cells are new, gone, other.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    new: u64,
    gone: u64,
    other: u64,
    same: u64,
}

/// Compares two checkpoints of one state.
pub(super) async fn diff(store: &StateStore, before: u64, after: u64) -> Result<Answer, CheckpointError> {
    let sides = [open(store, before).await?, open(store, after).await?];
    let uids: BTreeSet<&String> = sides.iter().flat_map(|side| stateful(side.manifest())).collect();
    let mut out =
        format!("{:<24} {:<16} {:>10} {:>10} {:>10} {:>10}\n", "operator", "state", "new", "gone", "other", "same");
    for uid in uids {
        let mut columns: BTreeMap<String, Counts> = BTreeMap::new();
        for start in (0..KEY_GROUPS).step_by(STEP.into()) {
            let groups = start..start + STEP;
            let (old, new) = (rows(&sides[0], uid, groups.clone()).await?, rows(&sides[1], uid, groups).await?);
            compare(&old, &new, &mut columns);
        }
        for (column, counts) in columns {
            let Counts { new, gone, other, same } = counts;
            let _ = writeln!(out, "{uid:<24} {column:<16} {new:>10} {gone:>10} {other:>10} {same:>10}"); // a String takes everything
        }
    }
    Ok(Answer::fine(out))
}

async fn open(store: &StateStore, number: u64) -> Result<Snapshot, CheckpointError> {
    Snapshot::open(store, store.load(number).await?).await
}

fn stateful(manifest: &Manifest) -> impl Iterator<Item = &String> {
    manifest.operators.iter().filter(|operator| operator.state.is_some()).map(|operator| &operator.uid)
}

/// All cells of an operator in some key groups.
async fn rows(side: &Snapshot, uid: &str, groups: Range<u16>) -> Result<BTreeMap<Vec<u8>, Row>, CheckpointError> {
    let operator = side.manifest().operators.iter().find(|operator| operator.uid == uid);
    let Some((operator, state)) = operator.and_then(|operator| Some((operator, operator.state.as_ref()?))) else {
        return Ok(BTreeMap::new());
    };
    let name =
        |column: u16| state.columns.get(usize::from(column)).map_or_else(|| column.to_string(), |c| c.name.clone());
    let mut rows: BTreeMap<Vec<u8>, Row> = BTreeMap::new();
    let mut take = |_: u16, entry: Entry<'_>| {
        match entry {
            Entry::Put { column, key, sub, value } => {
                rows.entry(key.to_vec()).or_default().insert((name(column), sub.to_vec()), value.to_vec());
            }
            Entry::Delete { column, key, sub } => {
                rows.entry(key.to_vec()).or_default().remove(&(name(column), sub.to_vec()));
            }
            Entry::DeleteRow { key } => drop(rows.remove(key)),
        }
        Ok(())
    };
    side.keyed(&operator.section, groups, &mut take).await?;
    Ok(rows)
}

/// Rows of both sides, key by key.
fn compare(old: &BTreeMap<Vec<u8>, Row>, new: &BTreeMap<Vec<u8>, Row>, columns: &mut BTreeMap<String, Counts>) {
    let none = Row::new();
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for key in keys {
        compare_rows(old.get(key).unwrap_or(&none), new.get(key).unwrap_or(&none), columns);
    }
}

fn compare_rows(before: &Row, after: &Row, columns: &mut BTreeMap<String, Counts>) {
    for (cell, value) in before {
        let counts = columns.entry(cell.0.clone()).or_default();
        match after.get(cell) {
            None => counts.gone += 1,
            Some(now) if now == value => counts.same += 1,
            Some(_) => counts.other += 1,
        }
    }
    for cell in after.keys().filter(|cell| !before.contains_key(cell)) {
        columns.entry(cell.0.clone()).or_default().new += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_new_gone_other_or_the_same() {
        let cells = |all: &[(u8, u8)]| -> BTreeMap<Vec<u8>, Row> {
            let row = |value: u8| Row::from([(("count".into(), vec![]), vec![value])]);
            all.iter().map(|(key, value)| (vec![*key], row(*value))).collect()
        };
        let mut columns = BTreeMap::new();
        compare(&cells(&[(1, 1), (2, 2), (3, 3)]), &cells(&[(2, 2), (3, 4), (5, 5), (6, 6)]), &mut columns);
        assert_eq!(columns["count"], Counts { new: 2, gone: 1, other: 1, same: 1 });
    }
}
