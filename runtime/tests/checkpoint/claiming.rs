//! One attempt at a time writes checkpoints, and no number is used twice.

use std::collections::BTreeSet;

use millstream_runtime::checkpoint::{ABANDONED_MAX, CheckpointError, Outcome, StateStore};

use crate::faulty::{Fault, Faulty};
use crate::helpers::{checkpoint, memory, run};

#[test]
fn attempts_that_start_together_get_different_generations_and_numbers() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().to_str().unwrap().to_string();
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let location = location.clone();
                tokio::spawn(async move { StateStore::open(&location).await.unwrap().claim("job").await.unwrap() })
            })
            .collect();
        let mut claims = Vec::new();
        for task in tasks {
            claims.push(task.await.unwrap());
        }
        claims.sort_by_key(|claim| claim.generation);
        assert_eq!(claims.iter().map(|claim| &claim.incarnation).collect::<BTreeSet<_>>().len(), 1);
        for pair in claims.windows(2) {
            assert!(pair[0].generation < pair[1].generation);
            // The former may abandon as many numbers, and then try one more.
            assert!(pair[0].first_number + ABANDONED_MAX < pair[1].first_number);
        }
        let store = StateStore::open(&location).await.unwrap();
        let (newest, older) = claims.split_last().unwrap();
        for zombie in older {
            let manifest = zombie.manifest(zombie.first_number);
            let error = store.commit_manifest(zombie, &manifest).await.unwrap_err();
            assert!(matches!(error, CheckpointError::Fenced { by, .. } if by == newest.generation), "{error}");
        }
        let manifest = newest.manifest(newest.first_number);
        assert_eq!(store.commit_manifest(newest, &manifest).await.unwrap(), Outcome::Created);
        assert_eq!(store.latest().await.unwrap(), Some(manifest));
    });
}

#[test]
fn numbers_go_on_after_a_clean_stop_and_skip_after_a_crash() {
    run(async {
        let store = memory();
        let first = store.claim("job").await.unwrap();
        assert_eq!((first.generation, first.first_number), (1, 1));
        let second = store.claim("job").await.unwrap();
        assert_eq!((second.generation, second.first_number), (2, 1 + ABANDONED_MAX + 2), "nothing was committed");
        checkpoint(&store, &second, 19, &[]).await;
        let third = store.claim("job").await.unwrap();
        assert_eq!(third.first_number, 19 + ABANDONED_MAX + 2, "it may have staged output above 19");
        let mut last = third.manifest(40);
        last.closed = true;
        store.commit_manifest(&third, &last).await.unwrap();
        let fourth = store.claim("job").await.unwrap();
        assert_eq!(fourth.first_number, 41, "it ended cleanly");
        let fifth = store.claim("job").await.unwrap();
        assert_eq!(fifth.first_number, 41 + ABANDONED_MAX + 2, "the fourth may have staged output from 41 on");
    });
}

#[test]
fn a_manifest_that_lands_while_a_newer_attempt_claims_does_not_count() {
    run(async {
        let faulty = Faulty::new();
        let store = StateStore::over(faulty.clone(), "faulty");
        let old = store.claim("job").await.unwrap();
        checkpoint(&store, &old, 1, &[]).await;
        // The newer attempt claims after the old one has looked, and before the old one's manifest lands.
        let newer = StateStore::over(faulty.clone(), "newer");
        faulty.before("manifests/", async move {
            newer.claim("job").await.unwrap();
        });
        let error = store.commit_manifest(&old, &old.manifest(2)).await.unwrap_err();
        assert!(matches!(error, CheckpointError::Fenced { generation: 1, by: 2 }), "{error}");
        assert!(error.stops_the_attempt());
        // It is in the log, and the numbers of whoever comes are above it.
        assert_eq!(store.numbers().await.unwrap(), [1, 2]);
        let third = store.claim("job").await.unwrap();
        assert!(third.first_number > 2 + ABANDONED_MAX);
    });
}

#[test]
fn a_manifest_that_lands_while_claiming_raises_the_first_number() {
    run(async {
        let faulty = Faulty::new();
        let store = StateStore::over(faulty.clone(), "faulty");
        let old = store.claim("job").await.unwrap();
        let mut closed = old.manifest(1);
        closed.closed = true;
        store.commit_manifest(&old, &closed).await.unwrap();
        let (other, claim) = (StateStore::over(faulty.clone(), "other"), old.clone());
        faulty.before("claims/", async move {
            other.commit_manifest(&claim, &claim.manifest(5)).await.unwrap();
        });
        let newer = store.claim("job").await.unwrap();
        assert!(newer.first_number > 5 + ABANDONED_MAX, "{newer:?}");
        assert_eq!(newer.generation, 3, "the claim with the number that was too low is given up");
    });
}

#[test]
fn lost_answers_are_settled_by_reading_back() {
    run(async {
        let faulty = Faulty::new();
        let store = StateStore::over(faulty.clone(), "faulty");
        let claim = store.claim("job").await.unwrap();
        faulty.put_fault("manifests/", Fault::LoseAnswer);
        let outcome = store.commit_manifest(&claim, &claim.manifest(1)).await.unwrap();
        assert_eq!(outcome, Outcome::ReadBack);
        faulty.put_fault("manifests/", Fault::Fail);
        store.commit_manifest(&claim, &claim.manifest(2)).await.unwrap();
        assert_eq!(store.numbers().await.unwrap(), [1, 2]);
        faulty.put_fault("claims/", Fault::LoseAnswer);
        assert_eq!(store.claim("job").await.unwrap().generation, 2);
        faulty.put_fault("data/", Fault::Fail);
        let third = store.claim("job").await.unwrap();
        checkpoint(&store, &third, third.first_number, &[]).await;
    });
}

#[test]
fn what_cannot_be_settled_stops_the_attempt() {
    run(async {
        let faulty = Faulty::new();
        let store = StateStore::over(faulty.clone(), "faulty");
        let claim = store.claim("job").await.unwrap();
        (0..4).for_each(|_| faulty.put_fault("manifests/", Fault::Fail));
        let error = store.commit_manifest(&claim, &claim.manifest(1)).await.unwrap_err();
        assert!(matches!(error, CheckpointError::Unresolved { number: 1, .. }) && error.stops_the_attempt(), "{error}");
        faulty.put_fault("manifests/", Fault::FailSync);
        let error = store.commit_manifest(&claim, &claim.manifest(1)).await.unwrap_err();
        assert!(matches!(error, CheckpointError::NotDurable { .. }) && error.stops_the_attempt(), "{error}");
        assert!(store.numbers().await.unwrap().is_empty(), "a failed fsync is not tried again");
    });
}

#[test]
fn a_manifest_must_be_the_attempts_own_and_new() {
    run(async {
        let store = memory();
        let claim = store.claim("job").await.unwrap();
        let manifest = checkpoint(&store, &claim, 1, &[]).await;
        let refused = async |manifest| {
            let error = store.commit_manifest(&claim, &manifest).await.unwrap_err();
            assert!(matches!(error, CheckpointError::Refused { .. }), "{error}");
            error.to_string()
        };
        let text = refused(claim.manifest(1)).await;
        assert!(text.contains("attempt 1 has written it already"), "{text}");
        refused(claim.manifest(0)).await;
        refused(claim.manifest(2 + ABANDONED_MAX)).await;
        let mut foreign = claim.manifest(2);
        foreign.generation = 9;
        refused(foreign).await;
        let mut missing = claim.manifest(2);
        missing.files = manifest.files.clone();
        missing.files[0].len += 1;
        refused(missing.clone()).await;
        missing.files[0].name = "../../etc/passwd".into();
        refused(missing.clone()).await;
        missing.files = [manifest.files.clone(), manifest.files.clone()].concat();
        missing.files[1].first = 0;
        refused(missing).await;
        // The same manifest again is no new one: its answer may have been lost.
        assert_eq!(store.commit_manifest(&claim, &manifest).await.unwrap(), Outcome::ReadBack);
    });
}
