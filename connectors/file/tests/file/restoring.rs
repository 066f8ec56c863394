//! Going on where a checkpoint stopped.
use crate::common::{Line, offset, read, says, splits, text, values};
use millstream_file::Files;
use millstream_runtime::batch::Batch;
use millstream_runtime::source::{Progress, Reader, Source};
use std::fs;
use std::path::Path;

const CONTENT: &str = "one\n\ntwo\r\nthree, which is longer than the limit\nfour\nfive without an end";

fn source(path: impl AsRef<Path>) -> millstream_file::FileSource {
    Files::lines([text(path)]).max_line(20)
}

#[test]
fn every_offset_gives_what_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, CONTENT).unwrap();
    let mut first = source(&path);
    let split = splits(&mut first)[0];
    let lines = read(&mut first.open(&split, None).unwrap()).0;
    assert_eq!(lines.len(), 6);
    let starts = lines.iter().map(|l| l.meta.offset).chain([CONTENT.len() as u64]);
    for (taken, at) in starts.enumerate() {
        let (rest, progress) = read(&mut source(&path).open(&split, offset(at)).unwrap());
        assert_eq!(rest, lines[taken..], "from byte {at}");
        assert_eq!(progress, Progress::Ended);
    }
}

#[test]
fn the_offset_after_any_batch_splits_the_lines_in_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let content: String = (0..9000).map(|i| format!("line {i} {}\n", "x".repeat(i % 300))).collect();
    fs::write(&path, &content).unwrap();
    let mut first = Files::lines([text(&path)]);
    let split = splits(&mut first)[0];
    let whole = read(&mut first.open(&split, None).unwrap()).0;
    let mut reader = first.open(&split, None).unwrap();
    let mut taken: Vec<Line> = vec![];
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(&mut batch).unwrap();
        taken.extend(batch.drain());
        let rest = read(&mut first.open(&split, Some(reader.offset())).unwrap()).0;
        assert_eq!(taken.len() + rest.len(), whole.len());
        assert_eq!(rest.first(), whole.get(taken.len()));
        if progress == Progress::Ended {
            break;
        }
    }
    assert_eq!(taken, whole);
    assert_eq!(whole.len(), 9000);
}

#[test]
fn a_renamed_file_is_found_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    fs::write(&path, "1\n2\n").unwrap();
    for given in [path.as_path(), folder.path()] {
        let split = splits(&mut source(given))[0];
        fs::rename(&path, folder.path().join("access.log.1")).unwrap();
        fs::write(&path, "new\n").unwrap();
        let rest = read(&mut source(given).open(&split, offset(2)).unwrap()).0;
        assert_eq!(values(&rest), ["2"]);
        fs::rename(folder.path().join("access.log.1"), &path).unwrap();
    }
}

#[test]
fn a_file_that_is_gone_or_another_is_an_error_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "1\n2\n").unwrap();
    let split = splits(&mut source(&path))[0];
    for change in ["X\n2\n", ""] {
        fs::write(&path, change).unwrap();
        let error = says(source(&path).open(&split, offset(2)));
        assert!(error.contains("the old name") && error.contains("byte 2") && error.contains("put it back"), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert!(says(source(&path).open(&split, offset(2))).contains("--skip-missing"));
    let mut reader = source(&path).skip_missing(true).open(&split, offset(2)).unwrap();
    assert_eq!(read(&mut reader), (vec![], Progress::Ended));
    assert_eq!(reader.offset().at, 2);
}

#[test]
fn a_shorter_file_is_refused_with_both_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "1\n2\n3\n").unwrap();
    let split = splits(&mut source(&path))[0];
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(4).unwrap();
    let error = says(source(&path).open(&split, offset(6)));
    assert!(error.contains(&text(&path)) && error.contains("4 bytes") && error.contains("after 6"), "{error}");
}

#[test]
fn an_offset_inside_a_line_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "1\n22\n3").unwrap();
    let split = splits(&mut source(&path))[0];
    assert!(says(source(&path).open(&split, offset(3))).contains("inside a line"));
    assert!(source(&path).open(&split, offset(6)).is_ok(), "the end of the last line, which has none");
}

#[test]
fn a_file_whose_only_line_had_no_end_is_another_split_when_it_has_grown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "ab").unwrap();
    let before = splits(&mut source(&path))[0];
    fs::write(&path, "abc\nd").unwrap();
    let after = splits(&mut source(&path))[0];
    assert_ne!(before, after);
    let read_from = |split, from| values(&read(&mut source(&path).open(split, from).unwrap()).0);
    assert!(read_from(&before, offset(0)).is_empty(), "listed by an earlier start: the new split has all of it");
    assert_eq!(read_from(&before, None), ["abc", "d"], "listed just now: there is no other");
    assert_eq!(read_from(&after, None), ["abc", "d"]);
}
