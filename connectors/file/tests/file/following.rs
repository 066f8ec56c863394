//! Following files that grow, rotate, appear and go.
use crate::common::{failure, read, says, splits, text, values};
use millstream_file::{FileReader, FileSource, FileSplit, Files};
use millstream_runtime::source::{Progress, Reader, Source, Splits};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

fn appender(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

fn follow(path: &Path) -> FileSource {
    Files::lines([text(path)]).follow(true)
}

/// A worker: finds splits and reads what is there.
struct Worker {
    source: FileSource,
    readers: BTreeMap<FileSplit, FileReader>,
    lines: Vec<String>,
}

impl Worker {
    fn new(source: FileSource) -> Self {
        Self { source, readers: BTreeMap::new(), lines: vec![] }
    }

    fn turn(&mut self) {
        for split in splits(&mut self.source) {
            self.readers.entry(split).or_insert_with(|| self.source.open(&split, None).unwrap());
        }
        for reader in self.readers.values_mut() {
            self.lines.extend(values(&read(reader).0));
        }
    }

    /// As after a crash: the same splits, from their offsets.
    fn restart(&mut self) {
        let source = self.source.clone();
        for (split, reader) in &mut self.readers {
            *reader = source.open(split, Some(reader.offset())).unwrap();
        }
        self.source = source;
    }

    fn sorted(mut self) -> Vec<String> {
        self.lines.sort();
        self.lines
    }
}

#[test]
fn rotation_by_renaming_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let mut file = appender(&path);
    let mut worker = Worker::new(follow(folder.path()));
    let mut wanted = vec![];
    for step in 0..60 {
        let lines: Vec<_> = (0..7).map(|i| format!("line {:05}", step * 7 + i)).collect();
        let chunk = lines.join("\n") + "\n";
        wanted.extend(lines);
        let cut = step * 5 % chunk.len();
        file.write_all(&chunk.as_bytes()[..cut]).unwrap();
        worker.turn();
        file.write_all(&chunk.as_bytes()[cut..]).unwrap();
        if step % 4 == 2 {
            fs::rename(&path, folder.path().join(format!("access.log.{step}"))).unwrap();
            // A writer that has not noticed yet.
            file.write_all(format!("straggler {step:05}\n").as_bytes()).unwrap();
            wanted.push(format!("straggler {step:05}"));
            file = appender(&path);
        }
        if step % 9 == 5 {
            worker.restart();
        }
    }
    worker.turn();
    wanted.sort();
    assert_eq!(worker.sorted(), wanted);
}

#[test]
fn a_half_line_waits_for_its_rest_and_is_a_line_without_following() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut file = appender(&path);
    file.write_all(b"ha").unwrap();
    let mut source = follow(&path);
    assert!(matches!(source.splits().unwrap(), Splits::Growing(found) if found.is_empty()), "no first line yet");
    file.write_all(b"lf\nthe ").unwrap();
    let split = splits(&mut source)[0];
    let mut reader = source.open(&split, None).unwrap();
    let (lines, progress) = read(&mut reader);
    assert_eq!((values(&lines), progress, reader.offset().at), (vec!["half".into()], Progress::Idle, 5));
    for part in ["re", "st", "\nand"] {
        assert_eq!(read(&mut reader), (vec![], Progress::Idle));
        file.write_all(part.as_bytes()).unwrap();
    }
    let (lines, progress) = read(&mut reader);
    assert_eq!((values(&lines), lines[0].meta.offset, progress), (vec!["the rest".into()], 5, Progress::Idle));
    let (lines, progress) = read(&mut follow(&path).follow(false).open(&split, Some(reader.offset())).unwrap());
    assert_eq!((values(&lines), progress), (vec!["and".into()], Progress::Ended));
}

#[test]
fn an_over_long_line_is_skipped_as_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut file = appender(&path);
    file.write_all(b"1\n").unwrap();
    let mut source = follow(&path).max_line(1000);
    let split = splits(&mut source)[0];
    let mut reader = source.open(&split, None).unwrap();
    for _ in 0..5 {
        file.write_all(&[b'x'; 999]).unwrap();
        read(&mut reader);
        assert_eq!(reader.offset().at, 2, "a restart goes on at the line's start");
    }
    file.write_all(b"\n2\n").unwrap();
    let lines = read(&mut reader).0;
    assert_eq!(lines[0].value, [b'x'; 1024]);
    assert!(lines[0].meta.fault.as_deref().unwrap().contains("4995 bytes"));
    assert_eq!(lines[1].value, b"2");
}

#[test]
fn a_removed_file_ends_with_its_last_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut file = appender(&path);
    file.write_all(b"1\n2\nhalf").unwrap();
    let mut source = follow(folder.path());
    let split = splits(&mut source)[0];
    let mut reader = source.open(&split, None).unwrap();
    assert_eq!(values(&read(&mut reader).0), ["1", "2"]);
    fs::remove_file(&path).unwrap();
    file.write_all(b" and more").unwrap();
    let deadline = Instant::now() + Duration::from_secs(8);
    let mut lines = vec![];
    loop {
        let (more, progress) = read(&mut reader);
        lines.extend(more);
        if progress == Progress::Ended {
            break;
        }
        assert!(Instant::now() < deadline, "it never ends");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(values(&lines), ["half and more"]);
    assert_eq!(reader.offset().at, 17);
}

#[test]
fn a_file_that_is_cut_is_an_error_with_both_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut file = appender(&path);
    file.write_all(b"1\n2\n").unwrap();
    let mut source = follow(&path);
    let split = splits(&mut source)[0];
    let mut reader = source.open(&split, None).unwrap();
    assert_eq!(read(&mut reader).1, Progress::Idle);
    file.set_len(0).unwrap();
    let error = failure(&mut reader);
    assert!(error.contains(&text(&path)) && error.contains("to 0 bytes after 4"), "{error}");
}

#[test]
fn a_file_that_is_cut_and_grows_beyond_its_old_length_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "1\n2\n").unwrap();
    let mut source = follow(&path);
    let split = splits(&mut source)[0];
    let mut reader = source.open(&split, None).unwrap();
    assert_eq!(read(&mut reader).1, Progress::Idle);
    fs::write(&path, "another\nfile\n").unwrap();
    assert!(failure(&mut reader).contains("overwritten"));
}

#[test]
fn a_file_may_be_missing_for_the_moment_of_its_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "1\n").unwrap();
    let mut source = follow(&path);
    assert_eq!(splits(&mut source).len(), 1);
    fs::rename(&path, folder.path().join("a.1")).unwrap();
    assert_eq!(splits(&mut source).len(), 0);
    assert!(says(follow(&path).splits()).contains(&text(&path)), "but it must have been there once");
}

/// What may happen to a folder of logs.
#[derive(Clone, Debug)]
enum Event {
    /// So many bytes of the log go to the current file.
    Append(usize),
    Rotate,
    Turn,
    Restart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (1usize..60).prop_map(Event::Append),
        1 => Just(Event::Rotate),
        4 => Just(Event::Turn),
        2 => Just(Event::Restart),
    ];
    proptest::collection::vec(event, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_each_line_comes_once(events in events()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log: String = (0..400).map(|i| format!("{i:03}{}\n", "x".repeat(i % 17))).collect();
        let (mut file, mut at, mut rotated) = (appender(&path), 0, 0);
        let mut worker = Worker::new(follow(folder.path()));
        for event in events {
            match event {
                Event::Append(bytes) => {
                    let bytes = bytes.min(log.len() - at);
                    file.write_all(&log.as_bytes()[at..at + bytes]).unwrap();
                    at += bytes;
                }
                Event::Rotate => {
                    // A writer ends its line before it takes a new file.
                    let end = log[at..].find('\n').map_or(log.len(), |n| at + n + 1);
                    let end = if log[..at].ends_with('\n') || at == 0 { at } else { end };
                    file.write_all(&log.as_bytes()[at..end]).unwrap();
                    at = end;
                    rotated += 1;
                    fs::rename(&path, folder.path().join(format!("log.{rotated}"))).unwrap();
                    file = appender(&path);
                }
                Event::Turn => worker.turn(),
                Event::Restart => worker.restart(),
            }
        }
        worker.turn();
        let whole = log[..at].rfind('\n').map_or("", |end| &log[..end + 1]);
        prop_assert_eq!(worker.sorted(), whole.lines().collect::<Vec<_>>());
    }
}
