//! Everything but reading keyed state can be spawned on a runtime of several threads.

use std::collections::BTreeSet;
use std::sync::Arc;

use millstream_runtime::checkpoint::{DataName, Section, SectionKind, Snapshot, StateStore, merge, write_file};

use crate::helpers::{memory, run};

fn spawnable<T: Future + Send + 'static>(future: T) -> T {
    future
}

async fn attempt(store: StateStore) {
    let claim = store.claim("job").await.unwrap();
    let sections = Arc::new(vec![Section::whole("it", SectionKind::Operator, vec![1])]);
    let file = write_file(&store, &DataName::new(1, 1, 0), &sections).await.unwrap();
    let mut manifest = claim.manifest(1);
    manifest.files = vec![merge(&store, &DataName::new(1, 1, 0), &[file], true).await.unwrap()];
    store.commit_manifest(&claim, &manifest).await.unwrap();
    let latest = store.latest().await.unwrap().unwrap();
    let snapshot = Snapshot::open(&store, latest).await.unwrap();
    snapshot.verify().await.unwrap();
    assert!(snapshot.whole("it", SectionKind::Operator).await.unwrap().is_empty(), "merges take keyed state only");
    store.collect(&claim, 1, &BTreeSet::new()).await.unwrap();
}

#[test]
fn an_attempt_can_be_spawned() {
    run(spawnable(attempt(memory())));
}
