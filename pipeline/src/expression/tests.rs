//! What programs see, and what is said of bad ones.
use super::*;
use crate::event::{Naming, Payload};
use crate::json::{read, to_text};
use millstream_runtime::source::Meta;
use millstream_runtime::time::Timestamp;

fn event(json: &str) -> Event {
    let mut meta = Meta::at("orders", 7);
    meta.split = "3".into();
    meta.key = Some(b"k".to_vec());
    meta.timestamp = Timestamp(5);
    let payload = Payload::json(json.as_bytes().to_vec()).unwrap();
    Event { payload, meta, naming: Naming::Topic, time: Timestamp(5) }
}

fn one(program: &str, json: &str) -> Result<String, String> {
    Expression::compile(program)?.one(&event(json)).map(|v| to_text(&v))
}

#[test]
fn programs_see_the_value_and_where_it_came_from() {
    assert_eq!(one(".a + 1", r#"{"a":2}"#).unwrap(), "3");
    let meta = r#"{"topic":"orders","partition":3,"offset":7,"key":"k","headers":{},"timestamp":5}"#;
    assert_eq!(one("$meta", "1").unwrap(), meta);
    assert_eq!(one("[.[] | select(. > 1)] | length", "[1,2,3]").unwrap(), "2");
}

#[test]
fn a_bad_program_is_refused_with_its_place() {
    let says = |program: &str| Expression::compile(program).unwrap_err();
    assert!(says("{id, total: (.price *").contains("closing"), "{}", says("{id, total: (.price *"));
    assert!(
        says(".a | nonsense(1)").contains("there is no filter nonsense/1 at character 6"),
        "{}",
        says(".a | nonsense(1)")
    );
    assert!(says("$nothing").contains("there is $meta"), "{}", says("$nothing"));
    assert!(says(".a +").contains("at the end"), "{}", says(".a +"));
    assert!(says("import \"x\" as x; .").contains("no modules"), "{}", says("import \"x\" as x; ."));
}

#[test]
fn a_program_that_fails_says_why() {
    assert!(one(".a * {}", r#"{"a":[1]}"#).unwrap_err().contains("cannot"), "{:?}", one(".a * {}", r#"{"a":[1]}"#));
    assert!(one("empty", "1").unwrap_err().contains("no result"));
    assert!(one(".[]", "[1,2]").unwrap_err().contains("more than one"));
    assert!(one("halt", "1").is_err(), "a program does not end the process");
    let endless = Expression::compile("repeat(1)").unwrap();
    assert!(endless.each(&event("1"), |_| {}).unwrap_err().contains("more than 100000 results"));
    assert!(read(b"1").is_ok());
}
