//! Protobuf: by types of prost, and by descriptors.
use millstream_formats::{Decode, Encode, Messages, Protobuf};
use proptest::prelude::*;
use prost::Message;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};

#[derive(Clone, PartialEq, Message)]
struct Order {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    order_name: String,
    #[prost(bytes = "vec", tag = "3")]
    blob: Vec<u8>,
    #[prost(message, optional, boxed, tag = "4")]
    next: Option<Box<Order>>,
    #[prost(double, tag = "5")]
    rate: f64,
}

fn field(name: &str, number: i32, of: Type, type_name: Option<&str>) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.into()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(of.into()),
        type_name: type_name.map(Into::into),
        ..Default::default()
    }
}

/// `shop.proto` with the messages `Refund`, `Order` and, inside of that, `Line`.
fn descriptors() -> Vec<u8> {
    let message = |name: &str| DescriptorProto { name: Some(name.into()), ..Default::default() };
    let order = DescriptorProto {
        field: vec![
            field("id", 1, Type::Uint64, None),
            field("order_name", 2, Type::String, None),
            field("blob", 3, Type::Bytes, None),
            field("next", 4, Type::Message, Some(".shop.Order")),
            field("rate", 5, Type::Double, None),
        ],
        nested_type: vec![message("Line")],
        ..message("Order")
    };
    let file = FileDescriptorProto {
        name: Some("shop.proto".into()),
        package: Some("shop".into()),
        syntax: Some("proto3".into()),
        message_type: vec![message("Refund"), order],
        ..Default::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
}

fn messages() -> Messages {
    Messages::of(&descriptors(), "shop.Order").unwrap()
}

fn order() -> Order {
    Order { id: u64::MAX, order_name: "pen".into(), blob: vec![0, 255], next: None, rate: 0.5 }
}

fn json_of(record: &[u8]) -> Result<String, String> {
    let mut out = vec![];
    messages().to_json(record, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn a_message_is_json_with_its_own_names_and_whole_numbers() {
    let json = json_of(&order().encode_to_vec()).unwrap();
    assert_eq!(json, r#"{"id":18446744073709551615,"order_name":"pen","blob":"AP8=","rate":0.5}"#);
    let mut bytes = vec![];
    messages().put_json(json.as_bytes(), &mut bytes).unwrap();
    assert_eq!(Order::decode(&bytes[..]).unwrap(), order());
    assert_eq!(json_of(&[]).unwrap(), r#"{"id":0,"order_name":"","blob":"","rate":0.0}"#);
}

#[test]
fn what_is_no_message_is_said() {
    let says = |json: &str| messages().put_json(json.as_bytes(), &mut vec![]).unwrap_err();
    assert!(says(r#"{"id":1,"nmae":"x"}"#).contains("is no message shop.Order: unrecognized field name 'nmae'"));
    assert!(says(r#"{"id":-1}"#).contains("shop.Order"));
    assert!(says("[]").contains("shop.Order"));
    assert!(json_of(&[0xff]).unwrap_err().starts_with("no Protobuf message shop.Order: "));
    let wrong = Messages::of(&descriptors(), "shop.Oder").unwrap_err();
    assert!(wrong.contains("there are") && wrong.contains("shop.Order.Line"), "{wrong}");
    assert!(Messages::of(b"syntax = \"proto3\";", "shop.Order").unwrap_err().contains("protoc --include_imports"));
}

#[test]
fn nesting_and_lengths_of_strange_bytes_are_bounded() {
    let deep = (0..2000).fold(vec![], |inner: Vec<u8>, _| {
        let mut outer = vec![0x22];
        prost::encode_length_delimiter(inner.len(), &mut outer).unwrap();
        outer.extend(inner);
        outer
    });
    assert!(json_of(&deep).unwrap_err().contains("recursion limit"));
    assert!(Decode::<Order>::decode(&mut Protobuf::plain(), &deep).unwrap_err().contains("recursion limit"));
    assert!(json_of(&[0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err(), "a length above what is there");
}

#[test]
fn a_record_says_which_message_it_is_and_another_is_refused() {
    let record = [&[0, 0, 0, 0, 9, 2, 2][..], &order().encode_to_vec()].concat();
    let mut out = vec![];
    messages().confluent().to_json(&record, &mut out).unwrap();
    assert_eq!(Decode::<Order>::decode(&mut Protobuf::confluent(&[1]), &record).unwrap(), order());
    let refund = [0, 0, 0, 0, 9, 0];
    let said = messages().confluent().to_json(&refund, &mut out).unwrap_err();
    assert_eq!(said, "is message [0] of its schema; this format reads message [1]");
    let line = Messages::of(&descriptors(), "shop.Order.Line").unwrap().confluent();
    assert!(line.to_json(&[0, 0, 0, 0, 9, 4, 2, 0], &mut vec![]).is_ok(), "[1, 0]");
    let said = Encode::encode(&mut Protobuf::confluent(&[1]), &order(), &mut vec![]).unwrap_err();
    assert!(said.contains("encode with a subject"), "{said}");
}

proptest! {
    #[test]
    fn messages_come_back_through_json(id: u64, order_name in ".*", blob: Vec<u8>, rate in any::<f64>(), inner: bool) {
        prop_assume!(!rate.is_nan());
        let next = inner.then(|| Box::new(order()));
        let order = Order { id, order_name, blob, next, rate };
        let (mut json, mut bytes) = (vec![], vec![]);
        messages().to_json(&order.encode_to_vec(), &mut json).unwrap();
        messages().put_json(&json, &mut bytes).unwrap();
        prop_assert_eq!(Order::decode(&bytes[..]).unwrap(), order);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = json_of(&bytes);
        let _ = messages().confluent().to_json(&bytes, &mut vec![]);
    }
}
