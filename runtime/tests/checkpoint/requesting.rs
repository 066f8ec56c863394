//! Requests reach the job and answers come back; rubbish in the folder stops nothing.

use std::sync::Arc;

use millstream_runtime::checkpoint::{CheckpointError, StateStore};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::helpers::{checkpoint, memory, run};

#[test]
fn requests_are_answered_once() {
    run(async {
        let store = memory();
        let first = store.ask("savepoint", false).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        let second = store.ask("savepoint", true).await.unwrap();
        let pending = store.pending().await.unwrap();
        assert_eq!(pending.iter().map(|request| &request.id).collect::<Vec<_>>(), [&first, &second]);
        assert_eq!((pending[0].stop, pending[1].stop), (false, true));
        assert_eq!(store.answer_of(&first).await.unwrap(), None);
        store.answer(&first, "42").await.unwrap();
        store.answer(&first, "43").await.unwrap();
        assert_eq!(store.answer_of(&first).await.unwrap().as_deref(), Some("42"));
        assert_eq!(store.pending().await.unwrap().len(), 1);
        assert!(matches!(store.answer(&second, &"x".repeat(70_000)).await, Err(CheckpointError::TooLarge { .. })));
    });
}

#[test]
fn rubbish_is_skipped() {
    run(async {
        let objects = Arc::new(InMemory::new());
        let store = StateStore::over(objects.clone(), "memory");
        let large = format!(r#"{{"id":"d","kind":"savepoint","stop":true,"asked_ms":1}}{}"#, " ".repeat(70_000));
        for (name, text) in [("a.request", "{"), ("b.request", "[]"), ("c", ""), ("d.request", &*large)] {
            objects.put(&Path::from(format!("requests/{name}")), text.to_string().into()).await.unwrap();
        }
        objects.put(&Path::from("manifests/notes.txt"), "mine".into()).await.unwrap();
        assert!(store.pending().await.unwrap().is_empty());
        assert!(store.numbers().await.unwrap().is_empty());
        assert!(store.latest().await.unwrap().is_none());
        let id = store.ask("savepoint", false).await.unwrap();
        assert_eq!(store.pending().await.unwrap()[0].id, id);
    });
}

#[test]
fn only_checkpoints_that_are_there_can_be_kept() {
    run(async {
        let store = memory();
        let claim = store.claim("job").await.unwrap();
        assert!(matches!(store.keep(1, "x").await, Err(CheckpointError::Missing { .. })));
        assert!(store.kept().await.unwrap().is_empty());
        checkpoint(&store, &claim, 1, &[]).await;
        store.keep(1, "release 3").await.unwrap();
        store.keep(1, "again").await.unwrap();
        let kept = store.kept().await.unwrap();
        assert_eq!((kept.len(), kept[0].number, kept[0].label.as_str()), (1, 1, "release 3"));
    });
}
