//! Bytes of every version that was ever released can be read.

use std::path::Path;

use millstream_runtime::checkpoint::{Section, SectionKind, Snapshot, StateStore};

use crate::helpers::{Change, checkpoint, grouped, put, run, state, write};

fn folder(version: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoint").join(version);
    folder.to_str().unwrap().to_string()
}

/// Wrote the folder `v1`, and must write the same bytes as long as the version is 1.
async fn write_v1(location: &str) {
    let store = StateStore::open(location).await.unwrap();
    let claim = store.claim("fixture").await.unwrap();
    let before = checkpoint(&store, &claim, 1, &[]).await;
    let changes = [put(4095, "a", "1"), put(0, "b", "22"), (1, Change::DeleteRow(b"key 1".to_vec())), put(17, "c", "")];
    let sections = vec![
        Section::keyed("count", grouped(&changes)),
        Section::whole("source", SectionKind::Splits, b"offset".to_vec()),
        Section::whole("sink", SectionKind::Staged, b"staged".to_vec()),
    ];
    let file = write(&store, &claim, 2, sections).await;
    let mut manifest = claim.manifest(2);
    manifest.parent = Some(1);
    manifest.origins.push(("source".into(), -5));
    manifest.files = [before.files, vec![file]].concat();
    store.commit_manifest(&claim, &manifest).await.unwrap();
}

#[test]
fn version_1_can_be_read() {
    run(async {
        let store = StateStore::open_existing(&folder("v1")).await.unwrap();
        let manifest = store.latest().await.unwrap().unwrap();
        assert_eq!((manifest.number, manifest.parent, manifest.job.as_str()), (2, Some(1), "fixture"));
        assert_eq!(manifest.origins, [("source".to_string(), -5)]);
        let snapshot = Snapshot::open(&store, manifest).await.unwrap();
        snapshot.verify().await.unwrap();
        let cells: Vec<_> =
            state(&snapshot, "count").await.into_iter().map(|((key, _, _), value)| (key, value)).collect();
        let wanted = [("a", "1"), ("b", "22"), ("c", "")].map(|(key, value)| (key.into(), value.into()));
        assert_eq!(cells, wanted as [(Vec<u8>, Vec<u8>); 3]);
        assert_eq!(snapshot.whole("source", SectionKind::Splits).await.unwrap(), [b"offset"]);
        assert_eq!(snapshot.whole("sink", SectionKind::Staged).await.unwrap(), [b"staged"]);
        assert_eq!(snapshot.uids(SectionKind::Staged), ["sink"]);
    });
}

#[test]
fn version_1_is_still_what_is_written() {
    run(async {
        let temporary = tempfile::tempdir().unwrap();
        let location = temporary.path().to_str().unwrap();
        write_v1(location).await;
        let (old, new) =
            (StateStore::open_existing(&folder("v1")).await.unwrap(), StateStore::open(location).await.unwrap());
        let (old, new) = (old.load(2).await.unwrap(), new.load(2).await.unwrap());
        let essence = |files: &[millstream_runtime::checkpoint::FileRef]| -> Vec<_> {
            files.iter().map(|file| (file.len, file.crc, file.first, file.last)).collect()
        };
        assert_eq!(essence(&old.files), essence(&new.files), "the crc of the index covers every block");
    });
}
