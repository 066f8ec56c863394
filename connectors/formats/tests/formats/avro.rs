//! Avro: evolution, and bytes that are none.
use millstream_formats::{Avro, AvroSchema, Decode, Encode};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: i64,
    name: String,
    tags: Vec<String>,
    note: Option<String>,
}

const ORDER: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"long"},{"name":"name","type":"string"},
    {"name":"tags","type":{"type":"array","items":"string"}},
    {"name":"note","type":["null","string"],"default":null}]}"#;

fn schema(text: &str) -> AvroSchema {
    AvroSchema::parse(text).unwrap()
}

fn order() -> Order {
    Order { id: -7, name: "pen".into(), tags: vec!["a".into(), "b".into()], note: Some("x".into()) }
}

fn bytes_of<T: Serialize>(text: &str, record: &T) -> Vec<u8> {
    let mut out = vec![];
    Avro::plain(&schema(text)).encode(record, &mut out).unwrap();
    out
}

#[test]
fn records_of_an_older_schema_are_brought_to_the_readers() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Newer {
        id: f64,
        name: String,
        level: String,
    }
    let newer = r#"{"type":"record","name":"Order","fields":[
        {"name":"id","type":"double"},
        {"name":"name","type":"string"},
        {"name":"level","type":"string","default":"low"}]}"#;
    let mut avro = Avro::plain(&schema(ORDER)).reader(&schema(newer));
    let read: Newer = avro.decode(&bytes_of(ORDER, &order())).unwrap();
    assert_eq!(read, Newer { id: -7.0, name: "pen".into(), level: "low".into() });
    let strict = r#"{"type":"record","name":"Order","fields":[{"name":"owner","type":"string"}]}"#;
    let said =
        Decode::<Order>::decode(&mut Avro::plain(&schema(ORDER)).reader(&schema(strict)), &bytes_of(ORDER, &order()));
    assert!(said.unwrap_err().contains("owner"), "a new field without a default is named");
}

#[test]
fn bytes_that_end_early_or_late_are_no_record() {
    let whole = bytes_of(ORDER, &order());
    let mut avro = Avro::plain(&schema(ORDER));
    assert_eq!(Decode::<Order>::decode(&mut avro, &whole).unwrap(), order());
    for end in 0..whole.len() {
        // The library takes some of these for records with `null` in them.
        assert!(Decode::<Order>::decode(&mut avro, &whole[..end]).is_err(), "{end} of {} bytes", whole.len());
    }
    let said = Decode::<Order>::decode(&mut avro, &[&whole[..], &[0]].concat()).unwrap_err();
    assert!(said.contains("1 of ") && said.contains("left over"), "{said}");
}

#[test]
fn lengths_and_depth_of_strange_bytes_are_bounded() {
    let says = |text: &str, bytes: &[u8]| Avro::plain(&schema(text)).value(bytes).unwrap_err();
    let long = |n: i64| {
        let mut out = vec![];
        Avro::plain(&schema("\"long\"")).encode(&n, &mut out).unwrap();
        out
    };
    // A text of a terabyte, an array of a billion items that take no bytes, the same in many blocks.
    assert!(says("\"string\"", &long(1 << 40)).contains("more than is left"));
    assert!(says("\"bytes\"", &long(-1)).contains("more than is left"));
    let nulls = r#"{"type":"array","items":"null"}"#;
    assert!(says(nulls, &[long(1 << 30), vec![0]].concat()).contains("more than there can be"));
    let blocks: Vec<u8> = [long(60_000), long(60_000), vec![0]].concat();
    assert!(says(nulls, &blocks).contains("more than there can be"));
    assert!(says(nulls, &long(i64::MIN)).contains("ends within"), "a count that has no opposite");
    assert!(says(r#"{"type":"fixed","name":"F","size":1000000000000}"#, b"x").contains("ends within a value"));
    // A list as deep as it has bytes: one that the library follows until the stack is full.
    let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
    assert!(says(list, &vec![2; 1 << 20]).contains("nested deeper than 100"));
    let short = [vec![2; 20], vec![0]].concat();
    assert!(Avro::plain(&schema(list)).value(&short).is_ok());
    assert!(says("\"boolean\"", &[2]).contains("neither 0 nor 1"));
    assert!(says("\"string\"", &[2, 0xff]).contains("not UTF-8"));
    assert!(says(r#"["null","long"]"#, &[4]).contains("no branch of a union 2"));
}

#[test]
fn a_schema_may_refer_to_others() {
    let line = r#"{"type":"record","name":"shop.Line","fields":[{"name":"money","type":"shop.Money"}]}"#;
    let money = r#"{"type":"record","name":"shop.Money","fields":[{"name":"cents","type":"long"}]}"#;
    let order = r#"{"type":"record","name":"shop.Order","fields":[
        {"name":"a","type":"shop.Line"},{"name":"b","type":["null","shop.Line"]}]}"#;
    let whole = AvroSchema::parse_with(order, &[line.into(), money.into()]).unwrap();
    assert!(Avro::plain(&whole).value(&[14, 2, 16]).is_ok());
    assert!(AvroSchema::parse_with(order, &[line.into()]).is_err(), "one is missing");
    assert!(AvroSchema::parse(order).unwrap_err().starts_with("no Avro schema"));
}

fn any_order() -> impl Strategy<Value = Order> {
    (any::<i64>(), ".*", proptest::collection::vec(".*", 0..5), proptest::option::of(".*"))
        .prop_map(|(id, name, tags, note)| Order { id, name, tags, note })
}

proptest! {
    #[test]
    fn records_come_back(order in any_order()) {
        let mut avro = Avro::plain(&schema(ORDER));
        prop_assert_eq!(Decode::<Order>::decode(&mut avro, &bytes_of(ORDER, &order)).unwrap(), order);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Avro::plain(&schema(ORDER)).value(&bytes);
        let nested = r#"{"type":"map","values":{"type":"array","items":["null","int","string"]}}"#;
        let _ = Avro::plain(&schema(nested)).value(&bytes);
    }

    #[test]
    fn a_flipped_byte_is_decoded_or_refused(order in any_order(), at: prop::sample::Index, by in 1u8..) {
        let mut bytes = bytes_of(ORDER, &order);
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        let _ = Avro::plain(&schema(ORDER)).value(&bytes);
    }
}
