//! Aggregates: exact, the same in any order, stable on disk.
use super::aggregation::{Aggregates, Aggregation, Kept};
use super::*;
use millstream_operators::aggregate::Aggregate;
use millstream_runtime::codec;
use millstream_runtime::time::Timestamp;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

fn aggregation(text: &str) -> Result<Aggregation, Error> {
    let d: StrDeserializer<'_, Error> = text.into_deserializer();
    Aggregation::deserialize(d)
}

fn of(text: &str, records: &[&str]) -> String {
    let aggregates = Aggregates(vec![aggregation(text).unwrap()]);
    let add = |acc: &mut Vec<Kept>, json: &&str| {
        let event = Event::made(read(json.as_bytes()).unwrap(), Timestamp(0));
        aggregates.add(acc, &measured(None, &aggregates.0, &event).unwrap());
    };
    let (left, right) = records.split_at(records.len() / 2);
    let mut acc = aggregates.init();
    left.iter().for_each(|json| add(&mut acc, json));
    let mut other = aggregates.init();
    right.iter().for_each(|json| add(&mut other, json));
    aggregates.merge(&mut acc, other);
    let acc: Vec<Kept> = codec::decode(&codec::encode(&acc).unwrap()).unwrap();
    crate::json::to_text(&aggregates.finish(&acc)[0].value())
}

#[test]
fn numbers_add_up_exactly_and_null_is_not_counted() {
    assert_eq!(of("sum .", &["9007199254740993", "1", "null", "18446744073709551616"]), "18455751272964292610");
    assert_eq!(of("sum .", &["1", "0.5"]), "1.5");
    assert_eq!(of("count", &["null", "1"]), "2");
    assert_eq!(of("count .", &["null", "1"]), "1");
    assert_eq!(of("mean .", &["1", "2", "null"]), "1.5");
    assert_eq!(of("mean .", &["null"]), "null");
    assert_eq!(of("min .a", &[r#"{"a":3}"#, r#"{"a":-1}"#, "{}"]), "-1");
    assert_eq!(of("max .", &[r#""b""#, r#""a""#, "7"]), r#""b""#);
    assert_eq!(of("distinct .", &["1", "1.0", r#""1""#, "null"]), "2");
}

#[test]
fn what_is_no_aggregate_is_refused() {
    assert!(aggregation("median .x").unwrap_err().to_string().contains("there are count, sum, mean, min"));
    assert!(aggregation("sum").unwrap_err().to_string().contains("write `sum .field`"));
    assert!(aggregation("sum .(").unwrap_err().to_string().contains("bad jq"));
    let sum = aggregation("sum .").unwrap();
    let event = Event::made(read(b"\"x\"").unwrap(), Timestamp(0));
    assert!(sum.measure(&event).unwrap_err().contains("it takes numbers"));
}

#[test]
fn state_does_not_fit_other_windows() {
    let window = |every: u64, sum: &str| Window {
        every: Some(Span(std::time::Duration::from_secs(every))),
        slide: None,
        session: None,
        key: None,
        aggregate: [("n".to_string(), aggregation(sum).unwrap())].into(),
    };
    let uid = |window: Window| window.state_uid("w", window.shape().unwrap());
    assert_eq!(uid(window(10, "sum .a")), uid(window(10, "sum .a")));
    assert_ne!(uid(window(10, "sum .a")), uid(window(20, "sum .a")));
    assert_ne!(uid(window(10, "sum .a")), uid(window(10, "sum .b")));
}
