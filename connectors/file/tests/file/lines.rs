//! Lines out of bytes, whatever the bytes are.
use crate::common::{all, text, values};
use millstream_file::Files;
use proptest::prelude::*;
use std::fs;
use std::io::Write;

#[test]
fn an_over_long_line_comes_as_its_head_with_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"before\n").unwrap();
    for _ in 0..50 {
        file.write_all(&vec![b'y'; 1_000_000]).unwrap();
    }
    file.write_all(b"\nafter\n").unwrap();
    let lines = all(&mut Files::lines([text(&path)]));
    assert_eq!(lines.len(), 3);
    let long = &lines[1];
    assert_eq!((long.value.len(), long.meta.offset), (1024, 7));
    let fault = long.meta.fault.as_deref().unwrap();
    assert!(fault.contains("50000000 bytes") && fault.contains("1048576"), "{fault}");
    assert_eq!((values(&lines)[2].as_str(), lines[2].meta.offset), ("after", 50_000_008));
    assert!(lines[0].meta.fault.is_none() && lines[2].meta.fault.is_none());
}

#[test]
fn a_line_at_the_limit_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let (at, above) = ("x".repeat(300_000), "y".repeat(300_001));
    fs::write(&path, format!("{at}\n{above}\n{at}\n{above}")).unwrap();
    let lines = all(&mut Files::lines([text(&path)]).max_line(300_000));
    let lengths: Vec<_> = lines.iter().map(|l| (l.value.len(), l.meta.fault.is_some())).collect();
    assert_eq!(lengths, [(300_000, false), (1024, true), (300_000, false), (1024, true)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The chunkings of the reads themselves are tested beside the code.
    #[test]
    fn every_line_comes_once_with_its_place(
        content in proptest::collection::vec("[a\u{e9}\r\0]{0,9}", 0..40),
        last: bool,
        max in 1usize..12,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut bytes = content.join("\n").into_bytes();
        if last {
            bytes.push(b'\n');
        }
        fs::write(&path, &bytes).unwrap();
        let mut rebuilt = vec![];
        for line in all(&mut Files::lines([text(&path)]).max_line(max)) {
            prop_assert_eq!(line.meta.offset, rebuilt.len() as u64);
            prop_assert_eq!(line.meta.fault.is_some(), line.value.len() > max);
            rebuilt.extend(line.value);
            rebuilt.push(b'\n');
        }
        if !bytes.ends_with(b"\n") && !bytes.is_empty() {
            rebuilt.pop();
        }
        prop_assert_eq!(rebuilt, bytes);
    }
}
