//! JSON, text, bytes, and functions as formats.
use millstream_formats::{Decode, Encode, Json, Raw, Text};
use millstream_runtime::time::Timestamp;

fn encoded<T>(format: &mut impl Encode<T>, record: &T) -> String {
    let mut out = b"before ".to_vec();
    format.encode(record, &mut out).unwrap();
    String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
}

#[test]
fn json_is_one_line_with_times_as_text() {
    let record = (Timestamp(1_431_857_103_000), "a\nb".to_string());
    let line = encoded(&mut Json, &record);
    assert_eq!(line, r#"["2015-05-17T10:05:03Z","a\nb"]"#);
    assert_eq!(Decode::<(Timestamp, String)>::decode(&mut Json, line.as_bytes()).unwrap(), record);
    assert_eq!(Encode::<u64>::extension(&Json), "jsonl");
}

#[test]
fn broken_json_is_an_error() {
    for bytes in [&b"{"[..], b"", b"\xff", b"1 2"] {
        let says = Decode::<u64>::decode(&mut Json, bytes).unwrap_err();
        assert!(says.contains("JSON"), "{says}");
    }
    let deep = vec![b'['; 1_000_000];
    assert!(Decode::<serde_json::Value>::decode(&mut Json, &deep).is_err());
}

#[test]
fn text_names_the_byte_that_is_none() {
    let decoded: String = Text.decode("grün".as_bytes()).unwrap();
    assert_eq!(decoded, "grün");
    assert_eq!(Text.decode(b"abc\xffd").unwrap_err(), "invalid UTF-8 at byte 3");
    assert_eq!(encoded(&mut Text, &7), "7");
}

#[test]
fn raw_bytes_come_back() {
    assert_eq!(Raw.decode(b"\0\xff").unwrap(), b"\0\xff");
    assert_eq!(encoded(&mut Raw, &b"x".to_vec()), "x");
}

#[test]
fn a_function_is_a_format() {
    fn number(text: &str) -> Result<u64, std::num::ParseIntError> {
        text.parse()
    }
    let mut format = number;
    assert_eq!(Decode::<u64>::decode(&mut format, b"12").unwrap(), 12);
    assert!(Decode::<u64>::decode(&mut format, b"x").unwrap_err().contains("digit"));
    assert_eq!(Decode::<u64>::decode(&mut format, b"1\xc3").unwrap_err(), "invalid UTF-8 at byte 1");
}
