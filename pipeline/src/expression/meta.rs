//! `$meta`: where a record came from, as programs see it.
use crate::event::{Event, Naming};
use crate::json::{Num, Val};
use jaq_json::Map;
use millstream_runtime::time::Timestamp;

/// The metadata of a record as an object.
pub(super) fn of(event: &Event) -> Val {
    let meta = &event.meta;
    let (source, split, offset) = names(event.naming);
    let mut object: Map<Val, Val> = Map::default();
    let mut set = |key: &'static str, value: Val| object.insert(named(key), value);
    set(source, meta.source.to_string().into());
    if !split.is_empty() {
        set(split, number_or_text(&meta.split));
    }
    set(offset, Val::Num(Num::from_integral(meta.offset)));
    set("key", meta.key.as_deref().map_or(Val::Null, text_or_bytes));
    set("headers", headers(event));
    set("timestamp", if meta.timestamp == Timestamp::MIN { Val::Null } else { millis(meta.timestamp) });
    Val::obj(object)
}

fn names(naming: Naming) -> (&'static str, &'static str, &'static str) {
    match naming {
        Naming::Plain => ("source", "", "offset"),
        Naming::Topic => ("topic", "partition", "offset"),
        Naming::Path => ("path", "", "offset"),
        Naming::Shard => ("stream", "shard", "sequence_number"),
    }
}

/// An object. Of several headers with one name the last one counts.
fn headers(event: &Event) -> Val {
    let pairs = event
        .meta
        .headers
        .iter()
        .map(|(name, value)| (Val::from(name.clone()), value.as_deref().map_or(Val::Null, text_or_bytes)));
    Val::obj(pairs.collect())
}

fn named(key: &'static str) -> Val {
    Val::utf8_str(bytes::Bytes::from_static(key.as_bytes()))
}

fn millis(at: Timestamp) -> Val {
    Val::Num(Num::from_integral(at.0))
}

fn number_or_text(split: &str) -> Val {
    split.parse::<u64>().map_or_else(|_| split.to_owned().into(), |n| Val::Num(Num::from_integral(n)))
}

fn text_or_bytes(bytes: &[u8]) -> Val {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned().into(),
        Err(_) => Val::byte_str(bytes.to_vec()),
    }
}
