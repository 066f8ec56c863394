//! A jq value to JSON text: always JSON, whatever jq made.
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jaq_json::{Num, Val};
use std::io::Write;

/// Appends a value as JSON without a line break. What JSON has no form for: a number that is none is `null`, as in jq; a
/// byte string is base64; a key that is no text is its JSON.
pub fn write(value: &Val, out: &mut Vec<u8>) {
    match value {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(true) => out.extend_from_slice(b"true"),
        Val::Bool(false) => out.extend_from_slice(b"false"),
        Val::Num(number) => write_number(number, out),
        Val::TStr(text) => write_text(&String::from_utf8_lossy(text), out),
        Val::BStr(bytes) => write_text(&BASE64_STANDARD.encode(&***bytes), out),
        Val::Arr(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Val::Obj(fields) => {
            out.push(b'{');
            for (i, (key, field)) in fields.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_key(key, out);
                out.push(b':');
                write(field, out);
            }
            out.push(b'}');
        }
    }
}

/// A value as JSON text.
pub fn to_text(value: &Val) -> String {
    let mut out = vec![];
    write(value, &mut out);
    String::from_utf8(out).unwrap_or_default() // what is written above is UTF-8
}

fn write_key(key: &Val, out: &mut Vec<u8>) {
    match key {
        Val::TStr(_) | Val::BStr(_) => write(key, out),
        other => write_text(&to_text(other), out),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, text); // a Vec takes everything, and a text is always JSON
}

fn write_number(number: &Num, out: &mut Vec<u8>) {
    let _ = match number {
        Num::Int(n) => write!(out, "{n}"),
        Num::BigInt(n) => write!(out, "{n}"),
        Num::Float(n) => serde_json::to_writer(out, n).map_err(Into::into),
        Num::Dec(digits) if is_number(digits) => out.write_all(digits.as_bytes()),
        Num::Dec(digits) => serde_json::to_writer(out, &digits.parse::<f64>().ok()).map_err(Into::into),
    };
}

/// jq's own literals may have forms such as `.5`, which JSON has not. Only the form counts: `1e400` is JSON, though no
/// float.
fn is_number(digits: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(digits).is_ok()
}
