//! Garbage collection deletes what nothing can need any more, and nothing else.

use std::collections::BTreeSet;

use millstream_runtime::checkpoint::{CheckpointError, DataName, Manifest, Snapshot, StateStore, merge, plan};

use crate::faulty::Faulty;
use crate::helpers::{checkpoint, memory, run, state};

async fn restore(store: &StateStore, number: u64) -> usize {
    let snapshot = Snapshot::open(store, store.load(number).await.unwrap()).await.unwrap();
    snapshot.verify().await.unwrap();
    state(&snapshot, "count").await.len()
}

#[test]
fn kept_checkpoints_can_be_restored_after_any_collection() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(folder.path().to_str().unwrap()).await.unwrap();
        let claim = store.claim("job").await.unwrap();
        let mut last = Manifest { files: Vec::new(), ..claim.manifest(0) };
        for number in 1..=30 {
            let sizes: Vec<_> = last.files.iter().map(|file| file.len).collect();
            if let Some(range) = plan(&sizes) {
                let name = DataName::new(number, claim.generation, 0);
                let merged = merge(&store, &name, &last.files[range.clone()], range.start == 0).await.unwrap();
                last.files.splice(range, [merged]);
            }
            last = checkpoint(&store, &claim, number, &last.files).await;
            if number == 5 {
                store.keep(5, "before the change").await.unwrap();
            }
            store.collect(&claim, 3, &BTreeSet::new()).await.unwrap();
        }
        assert_eq!(store.numbers().await.unwrap(), [5, 28, 29, 30]);
        for number in [5, 28, 29, 30] {
            assert_eq!(restore(&store, number).await as u64, number);
        }
        let files = std::fs::read_dir(folder.path().join("data")).unwrap().count();
        assert!(files <= 24, "{files} files are left");
        store.unkeep(5).await.unwrap();
        assert_eq!(store.collect(&claim, 3, &BTreeSet::new()).await.unwrap().manifests, [5]);
    });
}

fn sorted(mut names: [String; 2]) -> Vec<String> {
    names.sort();
    names.into()
}

#[test]
fn files_in_progress_are_left_alone() {
    run(async {
        let store = memory();
        let old = store.claim("job").await.unwrap();
        let first = checkpoint(&store, &old, 1, &[]).await;
        let abandoned = crate::helpers::write(&store, &old, 2, Vec::new()).await;
        let claim = store.claim("job").await.unwrap();
        let unnamed = crate::helpers::write(&store, &old, 1, Vec::new()).await;
        let nothing = store.collect(&claim, 1, &BTreeSet::new()).await.unwrap();
        assert!(nothing.files.is_empty(), "not before this attempt's own manifest: a zombie's may land that names it");
        let number = claim.first_number;
        let second = checkpoint(&store, &claim, number, &first.files).await;
        let next = crate::helpers::write(&store, &claim, number + 1, Vec::new()).await;
        let merged = merge(&store, &DataName::new(number, claim.generation, 0), &second.files, true).await.unwrap();
        let collected = store.collect(&claim, 1, &BTreeSet::new()).await.unwrap();
        assert_eq!((collected.manifests, collected.files), (vec![1], sorted([abandoned.name, unnamed.name])));
        // Two checkpoints later the merge is protected by being in use, and by nothing else.
        let third = checkpoint(&store, &claim, number + 2, &second.files).await;
        let in_use = BTreeSet::from([merged.name.clone()]);
        assert_eq!(store.collect(&claim, 1, &in_use).await.unwrap().files, [next.name], "its checkpoint was abandoned");
        assert_eq!(store.collect(&claim, 1, &BTreeSet::new()).await.unwrap().files, [merged.name]);
        let fourth = checkpoint(&store, &claim, number + 4, &third.files).await;
        restore(&store, fourth.number).await;
    });
}

#[test]
fn a_zombie_deletes_nothing() {
    run(async {
        let store = memory();
        let zombie = store.claim("job").await.unwrap();
        let first = checkpoint(&store, &zombie, 1, &[]).await;
        checkpoint(&store, &zombie, 2, &first.files).await;
        store.claim("job").await.unwrap();
        let error = store.collect(&zombie, 1, &BTreeSet::new()).await.unwrap_err();
        assert!(matches!(error, CheckpointError::Fenced { .. }));
        assert_eq!(store.numbers().await.unwrap(), [1, 2]);
    });
}

#[test]
fn half_written_files_and_old_claims_go() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(folder.path().to_str().unwrap()).await.unwrap();
        let mut claim = store.claim("job").await.unwrap();
        let half = folder.path().join(format!("data/{}#1", DataName::new(1, 1, 0)));
        let busy = folder.path().join(format!("data/{}#1", DataName::new(u64::MAX, 1, 0)));
        for _ in 0..3 {
            claim = store.claim("job").await.unwrap();
        }
        checkpoint(&store, &claim, claim.first_number, &[]).await;
        std::fs::write(&half, "half").unwrap();
        std::fs::write(&busy, "half").unwrap();
        store.collect(&claim, 3, &BTreeSet::new()).await.unwrap();
        assert!(!half.exists() && busy.exists());
    });
}

#[test]
fn a_collector_that_is_overtaken_deletes_nothing() {
    run(async {
        let faulty = Faulty::new();
        let old = StateStore::over(faulty.clone(), "old");
        let claim = old.claim("job").await.unwrap();
        for number in 1..=5 {
            checkpoint(&old, &claim, number, &[]).await;
        }
        // It has decided; then it stands still, and a newer attempt goes on from what it would delete.
        let newer = StateStore::over(faulty.clone(), "newer");
        faulty.before("garbage/", async move {
            newer.claim("job").await.unwrap();
            assert_eq!(newer.load(1).await.unwrap().number, 1);
        });
        let error = old.collect(&claim, 2, &BTreeSet::new()).await.unwrap_err();
        assert!(matches!(error, CheckpointError::Fenced { .. }), "{error}");
        assert_eq!(old.numbers().await.unwrap(), [1, 2, 3, 4, 5]);
        assert_eq!(restore(&old, 1).await, 1);
    });
}

#[test]
fn nobody_goes_on_from_what_is_about_to_be_deleted() {
    run(async {
        let faulty = Faulty::new();
        let old = StateStore::over(faulty.clone(), "old");
        let claim = old.claim("job").await.unwrap();
        for number in 1..=5 {
            checkpoint(&old, &claim, number, &[]).await;
        }
        // It has looked for newer attempts, and stands still before its deletes.
        faulty.refuse_deletes(true);
        old.collect(&claim, 2, &BTreeSet::new()).await.unwrap_err();
        let newer = StateStore::over(faulty.clone(), "newer");
        let newer_claim = newer.claim("job").await.unwrap_err();
        assert!(newer_claim.to_string().contains("delete"), "the test of the store deletes, too: {newer_claim}");
        faulty.refuse_deletes(false);
        let newer_claim = newer.claim("job").await.unwrap();
        let error = newer.load(1).await.unwrap_err().to_string();
        assert!(error.contains("attempt 1 has begun to delete it"), "{error}");
        assert!(newer.keep(2, "mine").await.unwrap_err().to_string().contains("has begun"), "nor keeps it");
        assert!(newer.kept().await.unwrap().is_empty());
        assert_eq!(newer.latest().await.unwrap().unwrap().number, 5);
        // The newer attempt ends what the older one began.
        let before = newer.load(5).await.unwrap().files;
        checkpoint(&newer, &newer_claim, newer_claim.first_number, &before).await;
        newer.collect(&newer_claim, 9, &BTreeSet::new()).await.unwrap();
        assert_eq!(newer.numbers().await.unwrap(), [4, 5, newer_claim.first_number]);
        assert_eq!(restore(&newer, 5).await, 1);
    });
}
