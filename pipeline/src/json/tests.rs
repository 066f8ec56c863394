//! What is read is strict, what is written is JSON.
use super::*;
use proptest::prelude::*;

fn written(text: &str) -> String {
    to_text(&read(text.as_bytes()).unwrap())
}

#[test]
fn numbers_keep_their_digits() {
    let text = r#"[1,-0,18446744073709551616,123456789012345678901234567890,0.10,1e400,1.0]"#;
    assert_eq!(written(text), r#"[1,0,18446744073709551616,123456789012345678901234567890,0.10,1e400,1.0]"#);
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for text in
        ["", "{", "[1,]", "{\"a\" 1}", "nul", "NaN", "01", "+1", "b\"x\"", "# x\n1", "1 2", "\"\n\"", "'a'", "{1:2}"]
    {
        assert!(read(text.as_bytes()).unwrap_err().starts_with("no JSON: "), "{text}");
    }
    assert!(read(b"\"\xff\"").is_err());
    assert_eq!(read(b"{\"a\":tru}").unwrap_err(), "no JSON: value expected at byte 6");
}

#[test]
fn a_deep_nest_is_an_error_and_no_crash() {
    let deep = |n: usize| [vec![b'['; n], vec![b']'; n]].concat();
    assert!(read(&deep(128)).is_ok());
    assert!(read(&deep(129)).is_err());
    assert!(read(&vec![b'['; 1 << 20]).is_err());
}

#[test]
fn what_json_has_no_form_for_is_still_json() {
    let odd = Val::Arr(std::sync::Arc::new(vec![
        Val::Num(Num::Float(f64::NAN)),
        Val::Num(Num::Dec(std::sync::Arc::new(".5".into()))),
        Val::byte_str(vec![0xff, 0]),
    ]));
    assert_eq!(to_text(&odd), r#"[null,0.5,"/wA="]"#);
}

#[test]
fn equal_values_have_one_canonical_text() {
    let texts = [r#"{"b":1.0,"a":[1e0,"x"]}"#, r#"{"a":[1,"x"],"b":1}"#];
    let all = texts.map(|text| canonical(&read(text.as_bytes()).unwrap()));
    assert_eq!(all, [r#"{"a":[1,"x"],"b":1}"#; 2]);
    assert_eq!(canonical(&read(b"0.1").unwrap()), "0.1");
    assert_eq!(canonical(&read(b"-0.0").unwrap()), "0");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map(".*", inner, 0..6)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_as_the_same(value in any_json()) {
        let text = serde_json::to_string(&value).unwrap();
        let ours = written(&text);
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&ours).unwrap(), value);
        prop_assert_eq!(written(&ours), ours);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = read(&bytes) {
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&to_text(&value)).is_ok());
        }
    }
}
