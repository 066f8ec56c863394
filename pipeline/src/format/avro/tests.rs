//! What goes to Avro and comes back, and what does not fit.
use super::{Codec, Datums};
use crate::event::Event;
use crate::json::{self, to_text};
use crate::kind::{Decoder, Encoder};
use millstream_formats::AvroSchema;
use millstream_runtime::time::Timestamp;

const SCHEMA: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"id","type":"long"},
    {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
    {"name":"day","type":{"type":"int","logicalType":"date"}},
    {"name":"hour","type":{"type":"int","logicalType":"time-millis"}},
    {"name":"seen","type":{"type":"long","logicalType":"local-timestamp-millis"}},
    {"name":"weight","type":"float"},
    {"name":"rate","type":"double"},
    {"name":"status","type":{"type":"enum","name":"Status","symbols":["new","paid"]}},
    {"name":"blob","type":"bytes"},
    {"name":"hash","type":{"type":"fixed","name":"Hash","size":3}},
    {"name":"note","type":["null","string"],"default":null},
    {"name":"tags","type":{"type":"map","values":"int"}},
    {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
        {"name":"sku","type":"string"},{"name":"n","type":"int","default":1}]}}},
    {"name":"next","type":["null","Order"],"default":null}
]}"#;

const ORDER: &str = r#"{"id":9007199254740993,"price":-1.05,"at":"2026-11-21T10:05:00.25Z","day":"2026-11-21","hour":"10:05:00","seen":"1969-12-31T23:59:59.999","weight":0.1,"rate":1.5e+300,"status":"paid","blob":"AP8=","hash":"AQID","note":null,"tags":{"a":1,"b":2},"lines":[{"sku":"x","n":2}],"next":null}"#;

fn codec(schema: &str) -> Codec {
    Codec(Some(Datums::plain(&AvroSchema::parse(schema).unwrap())))
}

fn event(json: &str) -> Event {
    Event::made(json::read(json.as_bytes()).unwrap(), Timestamp(0))
}

/// Writes JSON with a schema, and reads it again.
fn through(schema: &str, json: &str) -> Result<String, String> {
    let mut bytes = vec![];
    codec(schema).encode(&event(json), &mut bytes)?;
    let payload = codec(schema).decode(bytes).map_err(|(e, _)| e)?;
    Ok(to_text(&payload.value()))
}

#[test]
fn every_type_comes_back_as_it_went() {
    assert_eq!(through(SCHEMA, ORDER).unwrap(), ORDER);
    let nested = ORDER.replace(r#""next":null"#, &format!(r#""next":{ORDER}"#));
    assert_eq!(through(SCHEMA, &nested).unwrap(), nested);
}

#[test]
fn what_may_be_left_out_takes_its_default() {
    let short = ORDER.replace(r#""note":null,"#, "").replace(r#","next":null"#, "").replace(r#","n":2"#, "");
    assert_eq!(through(SCHEMA, &short).unwrap(), ORDER.replace(r#""n":2"#, r#""n":1"#));
}

#[test]
fn numbers_are_taken_as_programs_make_them() {
    let number = |schema: &str, json: &str| through(schema, json);
    assert_eq!(number("\"long\"", "3.0").unwrap(), "3");
    assert_eq!(number("\"long\"", "1e3").unwrap(), "1000");
    assert_eq!(number("\"long\"", "9223372036854775807").unwrap(), "9223372036854775807");
    assert!(number("\"long\"", "9223372036854775808").is_err());
    assert!(number("\"int\"", "3.5").is_err() && number("\"int\"", "2147483648").is_err());
    assert!(number("\"long\"", "1e999999999").is_err(), "a short text makes no long number");
    assert_eq!(number("\"double\"", "\"NaN\"").unwrap(), "\"NaN\"");
    assert_eq!(number("\"double\"", "\"-Infinity\"").unwrap(), "\"-Infinity\"");
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#;
    for (json, wanted) in [("1", "1.00"), ("\"12.5\"", "12.50"), ("-0.01", "-0.01"), ("1.50e1", "15.00"), ("0", "0.00")]
    {
        assert_eq!(number(decimal, json).unwrap(), wanted, "{json}");
    }
    assert!(number(decimal, "1.005").is_err(), "digits are not dropped");
    assert!(number(decimal, "100").is_err(), "above the precision");
}

#[test]
fn what_does_not_fit_is_said_with_its_place() {
    let says = |from: &str, to: &str| through(SCHEMA, &ORDER.replace(from, to)).unwrap_err();
    for (from, to, wanted) in [
        (r#""n":2"#, r#""n":"x""#, r#".lines[0].n: "x" is not an int"#),
        (r#""n":2"#, r#""m":2"#, r#".lines[0]: record shop.Line has no field "m"; it has sku, n"#),
        (r#""id":9007199254740993,"#, "", ".id: is missing"),
        (r#""paid""#, r#""lost""#, r#".status: "lost" is not one of new, paid"#),
        (r#""AQID""#, r#""AQ==""#, r#".hash: "AQ==" is not 3 bytes"#),
        (r#""a":1"#, r#""a":null"#, ".tags.a: null is not an int"),
        (r#""note":null"#, r#""note":7"#, ".note: 7 is not a text"),
        ("2026-11-21T10:05:00.25Z", "yesterday", ".at: \"yesterday\" is not a time"),
    ] {
        let said = says(from, to);
        assert!(said.starts_with("does not fit the schema: ") && said.contains(wanted), "{wanted}\n{said}");
    }
    assert!(through(SCHEMA, "[1]").unwrap_err().contains("[1] is not an object: the record"));
}
