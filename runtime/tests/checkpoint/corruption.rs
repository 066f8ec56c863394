//! No flipped bit and no cut passes unseen: reading errs, or gives exactly what was written.

use std::sync::Arc;

use millstream_runtime::checkpoint::{
    CheckpointError, Entry, KEY_GROUPS, Manifest, Result, Section, SectionKind, Snapshot, StateStore,
};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::helpers::{Change, Model, apply, checkpoint, grouped, put, run, write};

/// Everything that a restore sees.
type Seen = (Manifest, Model, Vec<Vec<u8>>);

/// Two checkpoints with all kinds of sections.
async fn small_store() -> Arc<InMemory> {
    let objects = Arc::new(InMemory::new());
    let store = StateStore::over(objects.clone(), "memory");
    let claim = store.claim("job").await.unwrap();
    let before = checkpoint(&store, &claim, 1, &[]).await;
    let changes = [put(4095, "a", "1"), put(0, "b", "22"), (4095, Change::DeleteRow(b"c".to_vec())), put(17, "d", "")];
    let sections = vec![
        Section::keyed("count", grouped(&changes)),
        Section::whole("source", SectionKind::Splits, b"offset".to_vec()),
        Section::whole("sink", SectionKind::Staged, Vec::new()),
        Section::keyed("empty", grouped(&[])),
    ];
    let file = write(&store, &claim, 2, sections).await;
    let mut manifest = claim.manifest(2);
    manifest.parent = Some(1);
    manifest.origins.push(("source".into(), -5));
    manifest.args = serde_json::json!({ "rate": 0.1, "text": "ä" });
    manifest.files = [before.files, vec![file]].concat();
    store.commit_manifest(&claim, &manifest).await.unwrap();
    objects
}

async fn see(objects: &Arc<InMemory>) -> Result<Option<Seen>> {
    let store = StateStore::over(objects.clone(), "memory");
    let Some(manifest) = store.latest().await? else { return Ok(None) };
    let snapshot = Snapshot::open(&store, manifest.clone()).await?;
    snapshot.verify().await?;
    let mut model = Model::new();
    let mut take = |_: u16, entry: Entry<'_>| {
        apply(&mut model, entry);
        Ok(())
    };
    snapshot.keyed("count", 0..KEY_GROUPS, &mut take).await?;
    Ok(Some((manifest, model, snapshot.whole("source", SectionKind::Splits).await?)))
}

async fn bytes(objects: &InMemory, path: &Path) -> Vec<u8> {
    objects.get(path).await.unwrap().bytes().await.unwrap().to_vec()
}

/// Every single-bit flip, and every shorter length, and one longer.
fn damages(good: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flips = (0..good.len() * 8).map(|bit| {
        let mut bytes = good.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let longer = std::iter::once([good, b"\0"].concat());
    flips.chain((0..good.len()).map(|len| good[..len].to_vec())).chain(longer)
}

#[test]
fn damage_is_found_wherever_it_is() {
    run(async {
        let objects = small_store().await;
        let whole = see(&objects).await.unwrap().unwrap();
        assert_eq!((whole.1.len(), whole.2.len()), (4, 1));
        let store = StateStore::over(objects.clone(), "memory");
        let mut paths: Vec<Path> = whole.0.files.iter().map(|file| Path::from(format!("data/{}", file.name))).collect();
        paths.extend([Path::from("STATE"), Path::from("manifests/00000000000000000002.manifest")]);
        assert_eq!(store.numbers().await.unwrap(), [1, 2]);
        let mut tried = 0;
        for path in paths {
            let good = bytes(&objects, &path).await;
            for bad in damages(&good) {
                objects.put(&path, bad.into()).await.unwrap();
                match see(&objects).await {
                    Ok(seen) => panic!("{path} was damaged and read as {seen:?}"),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
                tried += 1;
            }
            objects.put(&path, good.into()).await.unwrap();
        }
        assert!(tried > 10_000);
        assert_eq!(see(&objects).await.unwrap(), Some(whole));
    });
}

#[test]
fn a_damaged_claim_never_lowers_a_number() {
    run(async {
        let objects = Arc::new(InMemory::new());
        let store = StateStore::over(objects.clone(), "memory");
        let first = store.claim("job").await.unwrap();
        checkpoint(&store, &first, 7, &[]).await;
        let second = store.claim("job").await.unwrap();
        let path = Path::from(format!("claims/{:020}", second.generation));
        let good = bytes(&objects, &path).await;
        let honest = store.claim("job").await.unwrap();
        for bad in damages(&good).step_by(7) {
            objects.delete(&Path::from(format!("claims/{:020}", honest.generation))).await.unwrap();
            objects.put(&path, bad.into()).await.unwrap();
            let third = store.claim("job").await.unwrap();
            assert_eq!(third.generation, honest.generation);
            assert!(third.first_number >= honest.first_number, "{third:?}");
        }
    });
}

#[test]
fn a_damaged_manifest_names_the_cure() {
    run(async {
        let objects = small_store().await;
        let path = Path::from("manifests/00000000000000000002.manifest");
        let mut bad = bytes(&objects, &path).await;
        let last = bad.len() - 1;
        bad[last] ^= 1;
        objects.put(&path, bad.into()).await.unwrap();
        let store = StateStore::over(objects.clone(), "memory");
        let error = store.latest().await.unwrap_err();
        assert!(matches!(error, CheckpointError::Unreadable { number: 2, older: Some(1), .. }));
        let text = error.to_string();
        assert!(text.contains("manifests/00000000000000000002.manifest") && text.contains("--restore 1"), "{text}");
        assert!(text.contains("checksum"), "{text}");
        assert_eq!(store.load(1).await.unwrap().number, 1);
        // It must not keep an attempt from starting, or nobody could restore the older one.
        assert!(store.claim("job").await.unwrap().first_number > 2);
    });
}

#[test]
fn files_cannot_be_swapped_or_come_from_another_folder() {
    run(async {
        let (objects, others) = (small_store().await, small_store().await);
        let files = see(&objects).await.unwrap().unwrap().0.files;
        let path = |i: usize| Path::from(format!("data/{}", files[i].name));
        let good = bytes(&objects, &path(0)).await;
        objects.put(&path(0), bytes(&objects, &path(1)).await.into()).await.unwrap();
        assert!(see(&objects).await.is_err());
        objects.put(&path(0), good.into()).await.unwrap();
        let manifest = Path::from("manifests/00000000000000000002.manifest");
        objects.put(&manifest, bytes(&others, &manifest).await.into()).await.unwrap();
        let error = see(&objects).await.unwrap_err().to_string();
        assert!(error.contains("another state folder"), "{error}");
        objects.delete(&manifest).await.unwrap();
        objects.delete(&path(0)).await.unwrap();
        let error = see(&objects).await.unwrap_err().to_string();
        assert!(error.contains(&files[0].name) && error.contains("does not exist"), "{error}");
    });
}
