//! Schemas of tests, as files have them.

/// `order.avsc`.
pub const ORDER: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"id","type":"string"},
    {"name":"total","type":"double"},
    {"name":"note","type":["null","string"],"default":null}]}"#;

/// `shop.proto`.
pub const PROTO: &str =
    "syntax = \"proto3\"; package shop; message Refund {} message Order { string id = 1; int64 total = 2; }";

/// What `protoc --descriptor_set_out` makes of [`PROTO`].
pub fn descriptors() -> Vec<u8> {
    let text = |tag, text: &str| part(tag, text.as_bytes());
    let field = |name: &str, number: u8, of: u8| {
        part(2, &[text(1, name), vec![3 << 3, number, 4 << 3, 1, 5 << 3, of]].concat())
    };
    let (string, int64) = (9, 3);
    let order = [text(1, "Order"), field("id", 1, string), field("total", 2, int64)].concat();
    let messages = [part(4, &text(1, "Refund")), part(4, &order)].concat();
    part(1, &[text(1, "shop.proto"), text(2, "shop"), messages, text(12, "proto3")].concat())
}

/// A part of a message that has a length, below 128.
fn part(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag << 3 | 2, bytes.len() as u8][..], bytes].concat()
}
