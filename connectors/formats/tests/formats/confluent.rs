//! The head of Confluent's serializers, byte for byte.
use millstream_formats::confluent::{head, indexes, split, split_indexes};
use proptest::prelude::*;

#[test]
fn the_head_is_a_zero_and_the_id_and_nothing_else_is_taken() {
    let mut record = vec![];
    head(0x0102_0304, &mut record);
    record.push(9);
    assert_eq!(record, [0, 1, 2, 3, 4, 9]);
    assert_eq!(split(&record).unwrap(), (0x0102_0304, &[9][..]));
    assert!(split(b"{}").unwrap_err().contains("begins with byte 0x7b, not with 0x00"));
    assert!(split(&[0, 1, 2, 3]).unwrap_err().contains("4 bytes"));
    assert!(split(&[]).unwrap_err().contains("empty"));
}

#[test]
fn message_indexes_are_as_confluent_writes_them() {
    // From Confluent's documentation of the wire format: the first message is one zero byte, [1, 0] is 4 2 0.
    for (path, bytes) in [(vec![0], vec![0]), (vec![1], vec![2, 2]), (vec![1, 0], vec![4, 2, 0])] {
        let mut out = vec![];
        indexes(&path, &mut out);
        assert_eq!(out, bytes);
        out.push(77);
        assert_eq!(split_indexes(&out).unwrap(), (path, &[77][..]));
    }
    // The long form of the first message is read, too.
    assert_eq!(split_indexes(&[2, 0, 5]).unwrap(), (vec![0], &[5][..]));
    assert!(split_indexes(&[1]).unwrap_err().contains("-1 message indexes"));
    assert!(split_indexes(&[0xfe, 0xff, 0xff, 0xff, 0x0f]).unwrap_err().contains("at most"), "no room is made for it");
    assert!(split_indexes(&[4, 2]).unwrap_err().contains("ends"));
    assert!(split_indexes(&[2, 1]).unwrap_err().contains("-1 is no message index"));
}

proptest! {
    #[test]
    fn every_head_comes_back(id: u32, path in proptest::collection::vec(0u32..1000, 1..32), rest: Vec<u8>) {
        let mut record = vec![];
        head(id, &mut record);
        indexes(&path, &mut record);
        record.extend_from_slice(&rest);
        let (found, behind) = split(&record).unwrap();
        prop_assert_eq!(found, id);
        prop_assert_eq!(split_indexes(behind).unwrap(), (path, &rest[..]));
    }

    #[test]
    fn any_bytes_are_split_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok((_, rest)) = split(&bytes) {
            let _ = split_indexes(rest);
        }
    }
}
