//! Where state can be kept, and where not.

use std::sync::Arc;

use millstream_runtime::checkpoint::{CheckpointError, StateStore};
use object_store::memory::InMemory;

use crate::helpers::{checkpoint, run};

#[test]
fn a_folder_is_created_and_found_again() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let location = path.to_str().unwrap();
        assert!(StateStore::open_existing(location).await.is_err());
        let store = StateStore::open(location).await.unwrap();
        assert_eq!(store.latest().await.unwrap(), None);
        let claim = store.claim("job").await.unwrap();
        checkpoint(&store, &claim, 1, &[]).await;
        let again = StateStore::open_existing(&format!("file://{location}")).await.unwrap();
        assert_eq!(again.latest().await.unwrap().unwrap().number, 1);
        assert_eq!(again.identity().await.unwrap().unwrap().job, "job");
        assert!(!path.join("trials").exists() || std::fs::read_dir(path.join("trials")).unwrap().count() == 0);
    });
}

#[test]
fn bad_locations_are_named() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let under = file.join("state");
        for location in [under.to_str().unwrap(), file.to_str().unwrap(), "ftp://bucket/x", "file://x", ""] {
            let error = match StateStore::open(location).await {
                Ok(store) => store.claim("job").await.unwrap_err(),
                Err(error) => error,
            };
            assert!(error.to_string().contains(location), "{location}: {error}");
        }
    });
}

#[test]
fn a_folder_belongs_to_one_job() {
    run(async {
        let objects = Arc::new(InMemory::new());
        let one = StateStore::over(objects.clone(), "here").claim("clicks").await.unwrap();
        let error = StateStore::over(objects.clone(), "here").claim("orders").await.unwrap_err();
        assert!(matches!(error, CheckpointError::OtherJob { .. }));
        let text = error.to_string();
        assert!(text.contains("clicks") && text.contains("orders") && text.contains("here"), "{text}");
        assert_eq!(StateStore::over(objects, "here").claim("clicks").await.unwrap().incarnation, one.incarnation);
    });
}
