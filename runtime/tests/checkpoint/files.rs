//! Data files give back what was written, by any range of key groups.

use std::sync::Arc;

use bytes::Bytes;
use millstream_runtime::checkpoint::{
    Body, DataFile, DataName, FileRef, KEY_GROUPS, Section, SectionKind, StateStore, write_file,
};
use proptest::prelude::*;

use crate::entries::change;
use crate::helpers::{Change, grouped, memory, run, spooled};

async fn write(store: &StateStore, sections: Vec<Section>) -> FileRef {
    write_file(store, &DataName::new(1, 1, 0), &Arc::new(sections)).await.unwrap()
}

async fn read(file: &DataFile, uid: &str, groups: std::ops::Range<u16>) -> Vec<(u16, Change)> {
    let mut found = Vec::new();
    let mut cursor = file.read_section(uid, SectionKind::Keyed, groups);
    while let Some(run) = cursor.next_run().await.unwrap() {
        found.extend(run.entries("it").map(|entry| (run.group, Change::of(entry.unwrap()))));
    }
    found
}

/// The changes of these groups as a reader must see them: by group, in the order of writing.
fn expected(changes: &[(u16, Change)], groups: &std::ops::Range<u16>) -> Vec<(u16, Change)> {
    let mut wanted: Vec<_> = changes.iter().filter(|(group, _)| groups.contains(group)).cloned().collect();
    wanted.sort_by_key(|(group, _)| *group);
    wanted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_range_of_groups_comes_back_in_order(
        changes in prop::collection::vec((prop_oneof![0..5u16, 0..KEY_GROUPS], change(5)), 0..60),
        start in prop_oneof![0..6u16, 0..KEY_GROUPS], len in prop_oneof![0..4u16, 0..KEY_GROUPS], room in 1..300usize,
    ) {
        let groups = start..(start + len).min(KEY_GROUPS);
        let (found, waited) = run(async {
            let store = memory();
            let sections = vec![
                Section::keyed("other", grouped(&[(3, Change::DeleteRow(vec![9]))])),
                Section::keyed("it", grouped(&changes)),
                Section::keyed("waited in a file", spooled(&changes, room)),
            ];
            write(&store, sections.clone()).await; // of a checkpoint that was given up: its sections go into the next file
            let file = DataFile::open(&store, &write(&store, sections).await).await.unwrap();
            (read(&file, "it", groups.clone()).await, read(&file, "waited in a file", groups.clone()).await)
        });
        prop_assert_eq!(found, expected(&changes, &groups));
        prop_assert_eq!(waited, expected(&changes, &groups));
    }
}

/// Over 40 MB: many blocks, several parts, one group that spans blocks, one entry larger than a block.
#[test]
fn large_files_go_in_parts_and_come_back() {
    let value = |i: u16, len: usize| Change::Put(i, i.to_le_bytes().into(), Vec::new(), vec![i as u8; len]);
    let mut changes: Vec<_> = (0..120).map(|i| (i * 37 % 50 * 80, value(i, 100_000))).collect();
    changes.push((77, value(500, 9_000_000)));
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(folder.path().to_str().unwrap()).await.unwrap();
        let whole: Vec<u8> = (0..700_000u32).map(|i| i as u8).collect();
        let sections = vec![
            Section::keyed("it", grouped(&changes)),
            Section::keyed("waited in a file", spooled(&changes, 1 << 20)),
            Section::whole("sink", SectionKind::Staged, whole.clone()),
        ];
        let named = write(&store, sections).await;
        assert!(named.len > 40_000_000);
        let file = DataFile::open(&store, &named).await.unwrap();
        for groups in [0..KEY_GROUPS, 77..78, 70..900, 4000..4096, 5..5] {
            for uid in ["it", "waited in a file"] {
                assert!(read(&file, uid, groups.clone()).await == expected(&changes, &groups), "{uid}: {groups:?}");
            }
        }
        assert_eq!(file.read_whole("sink", SectionKind::Staged).await.unwrap(), [whole]);
    });
}

#[test]
fn all_sections_of_one_uid_are_kept_in_order() {
    run(async {
        let store = memory();
        let mut sections: Vec<_> = (0..4u8)
            .map(|worker| Section::whole("source", SectionKind::Splits, vec![worker; usize::from(worker)]))
            .collect();
        // An index larger than what is read of the end of a file at first.
        sections.extend((0..4000).map(|i| Section::whole(format!("operator {i}"), SectionKind::Operator, vec![1])));
        let older = (9, Change::Put(0, vec![1], vec![], vec![1]));
        let newer = (9, Change::Put(0, vec![1], vec![], vec![2]));
        sections.push(Section::keyed("it", grouped(std::slice::from_ref(&older))));
        sections.push(Section::keyed("it", grouped(std::slice::from_ref(&newer))));
        let file = DataFile::open(&store, &write(&store, sections).await).await.unwrap();
        let splits = file.read_whole("source", SectionKind::Splits).await.unwrap();
        assert_eq!(splits, [vec![], vec![1], vec![2; 2], vec![3; 3]]);
        assert_eq!(read(&file, "it", 0..KEY_GROUPS).await, [older, newer]);
        assert!(file.read_whole("nobody", SectionKind::Splits).await.unwrap().is_empty());
    });
}

#[test]
fn chunks_are_read_back_one_section_at_a_time_and_in_order() {
    run(async {
        let store = memory();
        let section = |n: u8, chunks: usize| Section {
            uid: "sink".into(),
            kind: SectionKind::Bulk,
            body: Body::Chunks((0..chunks).map(|i| Bytes::from(vec![n + i as u8; 300_000])).collect()),
        };
        let sections = vec![section(1, 2), section(10, 0), section(20, 3)];
        let file = DataFile::open(&store, &write(&store, sections).await).await.unwrap();
        assert_eq!(file.count_whole("sink", SectionKind::Bulk), 3);
        let read = async |which| file.read_chunks("sink", SectionKind::Bulk, which).await.unwrap().concat();
        assert_eq!(read(0).await, [vec![1; 300_000], vec![2; 300_000]].concat());
        assert!(read(1).await.is_empty());
        assert_eq!(read(2).await, [vec![20; 300_000], vec![21; 300_000], vec![22; 300_000]].concat());
        assert!(read(3).await.is_empty());
    });
}

#[test]
fn names_are_read_strictly() {
    let name = DataName::new(42, 7, 3);
    assert_eq!(DataName::parse(&name.to_string()), Some(name.clone()));
    assert_ne!(DataName::new(42, 7, 3), name);
    let text = name.to_string();
    for wrong in ["", "../../etc/passwd", &text[1..], &text.replace(".data", ""), &text.replacen("0", "+", 1)] {
        assert_eq!(DataName::parse(wrong), None, "{wrong}");
    }
}
