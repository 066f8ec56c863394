//! Reads a source as a worker does.
use millstream_file::{FileOffset, FileReader, FileSource, FileSplit};
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{Progress, Reader, Received, Source, Splits};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) type Line = Received<Bytes>;

/// A path as the source takes it.
pub(crate) fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_str().unwrap().to_owned()
}

pub(crate) fn splits(source: &mut FileSource) -> Vec<FileSplit> {
    match source.splits().unwrap() {
        Splits::Fixed(found) | Splits::Growing(found) => found.into_iter().map(|f| f.split).collect(),
    }
}

/// Reads until the split is idle or has ended.
pub(crate) fn read(reader: &mut FileReader) -> (Vec<Line>, Progress) {
    let mut lines = vec![];
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(&mut batch).unwrap();
        lines.extend(batch.drain());
        if progress != Progress::More {
            return (lines, progress);
        }
    }
}

/// Reads until it fails.
pub(crate) fn failure(reader: &mut FileReader) -> String {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        if let Err(e) = reader.read(&mut Batch::default()) {
            return e.to_string();
        }
    }
    panic!("no error")
}

/// All lines of all splits of a source that does not follow.
pub(crate) fn all(source: &mut FileSource) -> Vec<Line> {
    let splits = splits(source);
    let mut lines = vec![];
    for split in splits {
        let (more, progress) = read(&mut source.open(&split, None).unwrap());
        assert_eq!(progress, Progress::Ended);
        lines.extend(more);
    }
    lines
}

/// The values, as text.
pub(crate) fn values(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|l| String::from_utf8_lossy(&l.value).into_owned()).collect()
}

pub(crate) fn offset(at: u64) -> Option<FileOffset> {
    Some(FileOffset { at, path: "the old name".into() })
}

/// What an error says.
pub(crate) fn says<T>(result: millstream_runtime::Result<T>) -> String {
    result.err().expect("an error").to_string()
}
