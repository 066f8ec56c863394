//! Staged files, and the commit.
use crate::common::{says, text};
use millstream_file::{Console, FileSink, Files, StagedFile};
use millstream_formats::{Csv, Encode, Json, Text};
use millstream_runtime::batch::Batch;
use millstream_runtime::sink::{Delivery, Sink, Writer};
use std::fs;
use std::path::Path;

/// Opens worker 0 of a sink.
fn open<F: Encode<u64> + Clone>(sink: &FileSink<F>, staged: &[StagedFile]) -> <FileSink<F> as Sink<u64>>::Writer {
    Sink::<u64>::open(sink, 0, staged).unwrap()
}

fn commit<F: Encode<u64> + Clone>(sink: &FileSink<F>, staged: &StagedFile) -> millstream_runtime::Result<()> {
    wait(Sink::<u64>::commit(sink, staged.clone()))
}

fn wait<T>(staging: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(staging)
}

/// A runtime that the test's thread stands in, as a worker does.
fn on_a_worker(test: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let _entered = runtime.enter();
    test();
}

fn batch(records: impl IntoIterator<Item = u64>) -> Batch<u64> {
    records.into_iter().collect::<Vec<_>>().into()
}

/// Names and contents of the folder, hidden files too.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn nothing_is_visible_before_the_commit_and_all_of_it_after() {
    on_a_worker(|| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/out");
        let sink = Files::write(&out, Json);
        let mut writer = open(&sink, &[]);
        assert!(wait(Writer::<u64>::prepare(&mut writer, 1)).unwrap().is_empty(), "nothing was written");
        writer.write(&mut batch(0..100_000)).unwrap();
        let preparing = Writer::<u64>::prepare(&mut writer, 2);
        writer.write(&mut batch([7])).unwrap();
        let staged = wait(preparing).unwrap();
        assert!(names(&out).iter().all(|n| n.starts_with('.')), "{:?}", names(&out));
        commit(&sink, &staged[0]).unwrap();
        let visible = fs::read_to_string(out.join("part-0000000002-0000.jsonl")).unwrap();
        assert_eq!(visible, (0..100_000).map(|n| format!("{n}\n")).collect::<String>());
        let next = wait(Writer::<u64>::prepare(&mut writer, 3)).unwrap();
        commit(&sink, &next[0]).unwrap();
        assert_eq!(names(&out), ["part-0000000002-0000.jsonl", "part-0000000003-0000.jsonl"]);
    });
}

#[test]
fn a_commit_may_come_twice_and_after_a_crash() {
    on_a_worker(|| {
        let folder = tempfile::tempdir().unwrap();
        let sink = Files::write(folder.path(), Text);
        let mut writer = open(&sink, &[]);
        writer.write(&mut batch([1, 2])).unwrap();
        let staged = wait(Writer::<u64>::prepare(&mut writer, 9)).unwrap();
        std::mem::forget(writer);
        let again = Files::write(folder.path(), Text);
        open(&again, &staged);
        for _ in 0..2 {
            commit(&again, &staged[0]).unwrap();
            assert_eq!(fs::read_to_string(folder.path().join("part-0000000009-0000.txt")).unwrap(), "1\n2\n");
            assert_eq!(names(folder.path()).len(), 1);
        }
    });
}

#[test]
fn a_commit_that_cannot_be_right_is_refused_by_name() {
    on_a_worker(|| {
        let folder = tempfile::tempdir().unwrap();
        let sink = Files::write(folder.path(), Json);
        let staged = StagedFile { hidden: ".part-x.jsonl.tmp".into(), visible: "part-1.jsonl".into(), len: 3 };
        let refused = |why: &str| {
            let error = says(commit(&sink, &staged));
            assert!(error.contains("part-1.jsonl") && error.contains(why), "{error}");
        };
        refused("was removed");
        fs::write(folder.path().join("part-1.jsonl"), "1234").unwrap();
        refused("has 4 bytes");
        fs::write(folder.path().join(".part-x.jsonl.tmp"), "123").unwrap();
        refused("there already");
        fs::remove_file(folder.path().join("part-1.jsonl")).unwrap();
        commit(&sink, &staged).unwrap();
    });
}

#[test]
fn the_first_worker_removes_what_no_checkpoint_promises() {
    on_a_worker(|| {
        let folder = tempfile::tempdir().unwrap();
        let sink = Files::write(folder.path(), Json);
        let mut writer = open(&sink, &[]);
        writer.write(&mut batch([1])).unwrap();
        let kept = wait(Writer::<u64>::prepare(&mut writer, 1)).unwrap();
        writer.write(&mut batch([2])).unwrap();
        wait(Writer::<u64>::prepare(&mut writer, 2)).unwrap();
        writer.write(&mut batch([3])).unwrap();
        std::mem::forget(writer);
        for foreign in [".hidden", ".part-1.csv.tmp", "visible.jsonl"] {
            fs::write(folder.path().join(foreign), "x").unwrap();
        }
        Sink::<u64>::open(&sink, 1, &kept).map(drop).unwrap();
        assert_eq!(names(folder.path()).len(), 6, "worker 1 removes nothing");
        open(&sink, &kept);
        assert_eq!(names(folder.path()).len(), 4);
        assert!(names(folder.path()).contains(&kept[0].hidden));
    });
}

#[test]
fn a_writer_that_is_dropped_takes_its_open_file_along() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(&Files::write(folder.path(), Json), &[]);
    writer.write(&mut batch([1])).unwrap();
    assert_eq!(names(folder.path()).len(), 1);
    drop(writer);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, "a file").unwrap();
    for path in [blocked.join("out/paths"), blocked.clone()] {
        let error = says(Sink::<u64>::open(&Files::write(&path, Json), 0, &[]));
        assert!(error.contains(&text(&blocked)), "{error}");
    }
    let error = says(Sink::<u64>::open(&Files::write("/proc/self/out", Json), 0, &[]));
    assert!(error.contains("/proc/self/out"), "{error}");
    let error = says(Sink::<u64>::open(&Files::write("/proc/self", Json), 0, &[]));
    assert!(error.contains("/proc/self") && error.contains("write"), "{error}");
}

#[test]
fn a_record_that_the_format_refuses_is_an_error_and_nothing_is_visible() {
    #[derive(Clone)]
    struct Small;
    impl Encode<u64> for Small {
        fn encode(&mut self, record: &u64, out: &mut Vec<u8>) -> Result<(), String> {
            if *record > 9 { Err("is too large".into()) } else { Text.encode(record, out) }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(&Files::write(folder.path(), Small), &[]);
    let error = says(writer.write(&mut batch(8..12)));
    assert!(error.contains(&text(folder.path())) && error.contains("too large"), "{error}");
    drop(writer);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn each_csv_file_has_its_header() {
    on_a_worker(|| {
        #[derive(Clone, serde::Serialize, serde::Deserialize)]
        struct Row {
            id: u64,
        }
        let folder = tempfile::tempdir().unwrap();
        let sink = Files::write(folder.path(), Csv::new().headers(true));
        let mut writer = Sink::<Row>::open(&sink, 3, &[]).unwrap();
        for n in [1, 2] {
            Writer::write(&mut writer, &mut vec![Row { id: 1 }].into()).unwrap();
            Writer::write(&mut writer, &mut vec![Row { id: 2 }].into()).unwrap();
            let staged = wait(Writer::<Row>::prepare(&mut writer, n)).unwrap();
            wait(Sink::<Row>::commit(&sink, staged[0].clone())).unwrap();
            let file = folder.path().join(format!("part-000000000{n}-0003.csv"));
            assert_eq!(fs::read_to_string(file).unwrap(), "id\n1\n2\n");
        }
    });
}

#[test]
fn what_is_written_can_be_read_as_input() {
    on_a_worker(|| {
        let folder = tempfile::tempdir().unwrap();
        let sink = Files::write(folder.path(), Json);
        let mut writer = open(&sink, &[]);
        writer.write(&mut batch(0..3)).unwrap();
        let staged = wait(Writer::<u64>::prepare(&mut writer, 1)).unwrap();
        writer.write(&mut batch(3..6)).unwrap();
        commit(&sink, &staged[0]).unwrap();
        let lines = crate::common::all(&mut Files::lines([text(folder.path())]));
        assert_eq!(crate::common::values(&lines), ["0", "1", "2"], "hidden files are none");
    });
}

#[test]
fn standard_output_is_at_least_once() {
    on_a_worker(|| {
        let sink = Console::stdout(Json);
        assert_eq!(Sink::<u64>::delivery(&sink), Delivery::AtLeastOnce);
        let mut writer = Sink::<u64>::open(&sink, 0, &[]).unwrap();
        Writer::write(&mut writer, &mut batch([1])).unwrap();
        wait(Writer::<u64>::prepare(&mut writer, 1)).unwrap();
        wait(Sink::<u64>::commit(&sink, ())).unwrap();
    });
}
