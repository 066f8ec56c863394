//! A merged file stands for its parts.

use millstream_runtime::checkpoint::{
    DataName, FILES_MAX, FileRef, KEY_GROUPS, Section, SectionKind, Snapshot, StateStore, merge, plan,
};
use proptest::prelude::*;

use crate::entries::change;
use crate::helpers::{Change, Model, apply, grouped, memory, run, state, write};

type Files = Vec<Vec<(u16, Change)>>;

/// Keys of one group only, as with real keys: the group follows from the key.
fn files() -> impl Strategy<Value = Files> {
    let entry = change(9).prop_map(|change| (u16::from(*change.entry().key().first().unwrap_or(&0)) * 500, change));
    prop::collection::vec(prop::collection::vec(entry, 0..30), 2..6)
}

fn model(files: &[Vec<(u16, Change)>]) -> Model {
    let mut model = Model::new();
    files.iter().flatten().for_each(|(_, change)| apply(&mut model, change.entry()));
    model
}

/// Writes the files as checkpoints 1.., merges `range` of them, and restores through the merged one.
async fn restore_merged(files: &Files, range: std::ops::Range<usize>) -> (Model, usize) {
    let store = memory();
    let claim = store.claim("job").await.unwrap();
    let mut refs = Vec::new();
    for (number, changes) in (1..).zip(files) {
        let (older, newer) = changes.split_at(changes.len() / 2);
        let sections = vec![
            Section::keyed("it", grouped(older)),
            Section::whole("it", SectionKind::Operator, vec![number as u8]),
            Section::keyed("it", grouped(newer)),
        ];
        refs.push(write(&store, &claim, number, sections).await);
    }
    let name = DataName::new(refs.len() as u64 + 1, claim.generation, 0);
    let merged = merge(&store, &name, &refs[range.clone()], range.start == 0).await.unwrap();
    let alone = entries(&store, &merged).await;
    refs.splice(range, [merged]);
    let mut manifest = claim.manifest(refs.last().unwrap().last + 1);
    manifest.files = refs;
    store.commit_manifest(&claim, &manifest).await.unwrap();
    let snapshot = Snapshot::open(&store, manifest).await.unwrap();
    snapshot.verify().await.unwrap();
    assert!(snapshot.whole("it", SectionKind::Operator).await.unwrap().is_empty(), "those of older checkpoints");
    (state(&snapshot, "it").await, alone)
}

async fn entries(store: &StateStore, file: &FileRef) -> usize {
    let open = millstream_runtime::checkpoint::DataFile::open(store, file).await.unwrap();
    let mut count = 0;
    let mut cursor = open.read_section("it", SectionKind::Keyed, 0..KEY_GROUPS);
    while let Some(run) = cursor.next_run().await.unwrap() {
        count += run.entries("it").count();
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn merging_changes_nothing(files in files(), start in 0..4usize, len in 1..5usize) {
        let start = start.min(files.len() - 1);
        let range = start..(start + len).min(files.len());
        let wanted = model(&files);
        let (found, entries) = run(restore_merged(&files, range.clone()));
        prop_assert_eq!(found, wanted);
        if start == 0 {
            prop_assert_eq!(entries, model(&files[range]).len(), "no tombstone is left at the oldest end");
        }
    }

    #[test]
    fn the_list_stays_short(sizes in prop::collection::vec(prop_oneof![0..10u64, 0..1_000_000u64, Just(u64::MAX)], 1..200)) {
        let mut list: Vec<u64> = Vec::new();
        for size in sizes {
            list.push(size);
            while let Some(range) = plan(&list) {
                prop_assert!(range.len() >= 2 && range.end <= list.len());
                let sum = list[range.clone()].iter().fold(0u64, |sum, size| sum.saturating_add(*size));
                list.splice(range, [sum]);
            }
            prop_assert!(list.len() <= FILES_MAX);
        }
    }
}

#[test]
fn little_is_written_again() {
    for base in [0, 1_000_000] {
        let (mut list, mut written) = (vec![base], 0);
        for size in std::iter::repeat_n(100, 10_000) {
            list.push(size);
            while let Some(range) = plan(&list) {
                let sum = list[range.clone()].iter().sum();
                written += sum;
                list.splice(range, [sum]);
            }
        }
        assert!(written < 12 * 1_000_000, "a million new bytes caused {written} written bytes");
    }
    assert_eq!(plan(&[]), None);
    assert_eq!(plan(&[1; FILES_MAX]), None);
    assert_eq!(plan(&[1_000_000, 1, 1, 1, 1, 1, 1, 1, 1]), Some(1..9));
    assert_eq!(plan(&[256, 128, 64, 32, 16, 8, 4, 2, 1]), Some(7..9), "the cheapest two");
}

#[test]
fn a_deleted_row_stays_deleted_under_older_files() {
    let put = |value: u8| (0, Change::Put(0, vec![], vec![], vec![value]));
    let row = (0, Change::DeleteRow(vec![]));
    let files = vec![vec![put(1)], vec![put(2), row.clone()], vec![(0, Change::Delete(0, vec![], vec![]))]];
    let (found, left) = run(restore_merged(&files, 1..3));
    assert_eq!(found, Model::new());
    assert_eq!(left, 1, "the row's tombstone is enough");
    let (found, left) = run(restore_merged(&files, 0..3));
    assert_eq!((found, left), (Model::new(), 0));
}
