//! Entries come back as they were written; other bytes are refused.

use millstream_runtime::checkpoint::{Entries, EntryWriter, Grouped, PIECE_MAX, Spool};
use proptest::prelude::*;

use crate::helpers::Change;

pub(crate) fn change(keys: u8) -> impl Strategy<Value = Change> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..4);
    let key = (0..keys).prop_map(|key| vec![key; usize::from(key) % 3]);
    let sub = (0..3u8).prop_map(|sub| vec![sub; usize::from(sub)]);
    (0..4u8, 0..3u16, key, sub, bytes()).prop_map(|(what, column, key, sub, value)| match what {
        0 => Change::Delete(column, key, sub),
        1 => Change::DeleteRow(key),
        _ => Change::Put(column, key, sub, value),
    })
}

proptest! {
    #[test]
    fn entries_come_back(
        changes in prop::collection::vec(change(8), 0..20), column: u16, long in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut changes = changes;
        changes.push(Change::Put(column, long.clone(), long.clone(), long));
        let mut bytes = Vec::new();
        for change in &changes {
            EntryWriter::new(&mut bytes).entry(change.entry());
        }
        let read: Vec<_> = Entries::new(&bytes, "it", 0).map(|entry| Change::of(entry.unwrap())).collect();
        prop_assert_eq!(read, changes);
    }

    #[test]
    fn any_bytes_end_in_an_entry_or_an_error(bytes in prop::collection::vec(prop_oneof![0..6u8, any::<u8>()], 0..200)) {
        let read: Vec<_> = Entries::new(&bytes, "it", 0).collect();
        prop_assert!(read.len() <= bytes.len());
        prop_assert!(read.iter().rev().skip(1).all(Result::is_ok), "nothing follows an error");
    }
}

#[test]
fn an_error_names_the_byte() {
    let mut bytes = Vec::new();
    EntryWriter::new(&mut bytes).delete_row(b"k");
    let good = bytes.len() as u64;
    bytes.extend_from_slice(&[1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    let error = Entries::new(&bytes, "data/it", 100).last().unwrap().unwrap_err().to_string();
    assert_eq!(error, format!("data/it is damaged at byte {}: this is not a state entry", 100 + good));
}

#[test]
fn entries_that_have_no_room_are_refused() {
    let mut grouped = Grouped::spooled(Spool::new("/not/there", 1));
    grouped.push(1, |writer| writer.delete_row(b"k")).unwrap();
    let error = grouped.push(1, |writer| writer.delete_row(b"k")).unwrap_err().to_string();
    assert!(error.contains("in the scratch folder /not/there: ") && error.contains("--scratch"), "{error}");
}

#[test]
fn a_piece_that_no_block_could_hold_is_refused_and_forgotten() {
    let mut grouped = Grouped::new();
    let big = vec![0; PIECE_MAX];
    let error = grouped.push(7, |writer| writer.put(0, b"k", b"", &big)).unwrap_err().to_string();
    assert!(error.contains("key group 7"), "{error}");
    assert!(grouped.is_empty());
    assert!(grouped.push(4096, |writer| writer.delete_row(b"k")).is_err());
    grouped.push(4095, |writer| writer.delete_row(b"k")).unwrap();
    assert_eq!(grouped.len_bytes(), 3);
}
