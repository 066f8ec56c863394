//! What the tests of this folder share.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_runtime::checkpoint::{
    Claim, DataName, Entry, FileRef, Grouped, KEY_GROUPS, Manifest, Section, SectionKind, Snapshot, Spool, StateStore,
    write_file,
};
use object_store::memory::InMemory;

/// Runs a future on a runtime of its own.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn memory() -> StateStore {
    StateStore::over(Arc::new(InMemory::new()), "memory")
}

/// An entry that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Put(u16, Vec<u8>, Vec<u8>, Vec<u8>),
    Delete(u16, Vec<u8>, Vec<u8>),
    DeleteRow(Vec<u8>),
}

impl Change {
    pub(crate) fn entry(&self) -> Entry<'_> {
        match self {
            Self::Put(column, key, sub, value) => Entry::Put { column: *column, key, sub, value },
            Self::Delete(column, key, sub) => Entry::Delete { column: *column, key, sub },
            Self::DeleteRow(key) => Entry::DeleteRow { key },
        }
    }

    pub(crate) fn of(entry: Entry<'_>) -> Self {
        match entry {
            Entry::Put { column, key, sub, value } => Self::Put(column, key.into(), sub.into(), value.into()),
            Entry::Delete { column, key, sub } => Self::Delete(column, key.into(), sub.into()),
            Entry::DeleteRow { key } => Self::DeleteRow(key.into()),
        }
    }
}

/// State as a plain map: key, column, sub-key.
pub(crate) type Model = BTreeMap<(Vec<u8>, u16, Vec<u8>), Vec<u8>>;

pub(crate) fn apply(model: &mut Model, entry: Entry<'_>) {
    match Change::of(entry) {
        Change::Put(column, key, sub, value) => drop(model.insert((key, column, sub), value)),
        Change::Delete(column, key, sub) => drop(model.remove(&(key, column, sub))),
        Change::DeleteRow(key) => model.retain(|cell, _| cell.0 != key),
    }
}

pub(crate) fn grouped(changes: &[(u16, Change)]) -> Grouped {
    push_all(Grouped::new(), changes)
}

/// The same with at most about `room` bytes in memory.
pub(crate) fn spooled(changes: &[(u16, Change)], room: usize) -> Grouped {
    push_all(Grouped::spooled(Spool::new(std::env::temp_dir(), room)), changes)
}

fn push_all(mut grouped: Grouped, changes: &[(u16, Change)]) -> Grouped {
    for (group, change) in changes {
        grouped.push(*group, |writer| writer.entry(change.entry())).unwrap();
    }
    grouped
}

/// A `Put` into group `group` of a value that is its own key.
pub(crate) fn put(group: u16, key: &str, value: &str) -> (u16, Change) {
    (group, Change::Put(0, key.into(), Vec::new(), value.into()))
}

pub(crate) async fn write(store: &StateStore, claim: &Claim, number: u64, sections: Vec<Section>) -> FileRef {
    write_file(store, &DataName::new(number, claim.generation, 0), &Arc::new(sections)).await.unwrap()
}

/// Commits a checkpoint that puts one cell, on top of `before`.
pub(crate) async fn checkpoint(store: &StateStore, claim: &Claim, number: u64, before: &[FileRef]) -> Manifest {
    let key = format!("key {number}");
    let sections = vec![
        Section::keyed("count", grouped(&[put((number % 4096) as u16, &key, "one")])),
        Section::whole("source", SectionKind::Splits, number.to_le_bytes().to_vec()),
    ];
    let file = write(store, claim, number, sections).await;
    let mut manifest = claim.manifest(number);
    manifest.parent = before.last().map(|file| file.last).filter(|parent| *parent < number);
    manifest.files = [before, &[file]].concat();
    store.commit_manifest(claim, &manifest).await.unwrap();
    manifest
}

pub(crate) async fn state(snapshot: &Snapshot, uid: &str) -> Model {
    let mut model = Model::new();
    let mut take = |_: u16, entry: Entry<'_>| {
        apply(&mut model, entry);
        Ok(())
    };
    snapshot.keyed(uid, 0..KEY_GROUPS, &mut take).await.unwrap();
    model
}
