//! Avro and Protobuf from topic to topic, exactly once: written and read here by hand, byte by byte, so that a mistake of our
//! formats cannot hide behind itself.
use crate::outside::{Outside, unique};
use crate::schemas::{ORDER, PROTO};
use crate::world::World;
use serde_json::json;

const PIPELINE: &str = r#"
name = "OUT"
checkpoint_interval = "50ms"
[sources.in]
type = "kafka"
bootstrap_servers = "BROKERS"
topics = ["IN"]
end = "latest"
READS
[transforms.large]
type = "filter"
inputs = ["in"]
condition = '.total >= 1000'
[sinks.out]
type = "kafka"
inputs = ["large"]
bootstrap_servers = "BROKERS"
topic = "OUT"
key = ".id"
delivery = "exactly_once"
WRITES
"#;

/// So many orders are in the input, the total of each ten above that of the one before.
const ORDERS: u64 = 500;
/// The first that the filter lets through.
const FIRST: u64 = 100;

/// Copies what is large into a new topic, killed in its transactions on the way. Gives the keys and values.
fn copy(outside: &Outside, reads: &str, writes: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let topic = unique("exact-out");
    outside.make(&topic);
    let parts = [("READS", reads), ("WRITES", writes), ("BROKERS", &outside.brokers), ("IN", &outside.topic)];
    let pipeline = parts.iter().fold(PIPELINE.to_owned(), |text, (part, by)| text.replace(part, by));
    let world = World::with_schemas(&pipeline.replace("OUT", &topic));
    for place in ["transaction.sent:1", "transaction.committed:1"] {
        let killed = world.command(&["run", "pipeline.toml"]).env("MILLSTREAM_FAILPOINT", place).output().unwrap();
        assert_eq!(killed.status.code(), None, "{place}: {}", String::from_utf8_lossy(&killed.stderr));
    }
    world.run();
    outside.read(&topic)
}

/// Each order once, under its key, as it was.
fn check<T: PartialEq + std::fmt::Debug>(
    records: &[(Vec<u8>, Vec<u8>)],
    order: impl Fn(u64) -> T,
    read: impl Fn(&[u8]) -> T,
) {
    assert_eq!(records.len() as u64, ORDERS - FIRST);
    for (key, value) in records {
        let n: u64 = std::str::from_utf8(key).unwrap().parse().unwrap();
        assert_eq!(read(value), order(n));
    }
    let keys: std::collections::BTreeSet<_> = records.iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), records.len(), "some came twice");
}

/// Bytes that are taken from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn varint(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.take(1)[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    fn text(&mut self, length: u64) -> String {
        String::from_utf8(self.take(length as usize).to_vec()).unwrap()
    }

    /// The head of Confluent's wire format.
    fn schema(&mut self) -> u32 {
        assert_eq!(self.take(1), [0]);
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn head(schema: u32) -> Vec<u8> {
    [&[0], &schema.to_be_bytes()[..]].concat()
}

mod avro {
    use super::*;

    type Order = (String, f64, Option<String>);

    fn order(n: u64) -> Order {
        (n.to_string(), n as f64 * 10.0, n.is_multiple_of(3).then(|| format!("note {n}")))
    }

    /// Avro's long of what is not negative.
    fn long(n: u64) -> Vec<u8> {
        varint(n << 1)
    }

    fn text(text: &str) -> Vec<u8> {
        [long(text.len() as u64), text.into()].concat()
    }

    fn write(schema: u32, (id, total, note): Order) -> Vec<u8> {
        let note = note.map_or(long(0), |note| [long(1), text(&note)].concat());
        [head(schema), text(&id), total.to_le_bytes().into(), note].concat()
    }

    fn read(schema: u32, value: &[u8]) -> Order {
        let mut reader = Reader(value);
        assert_eq!(reader.schema(), schema);
        let text = |reader: &mut Reader<'_>| {
            let length = reader.varint() >> 1;
            reader.text(length)
        };
        let id = text(&mut reader);
        let total = f64::from_le_bytes(reader.take(8).try_into().unwrap());
        let note = (reader.varint() == 2).then(|| text(&mut reader));
        assert!(reader.0.is_empty());
        (id, total, note)
    }

    #[test]
    fn it_goes_from_topic_to_topic_exactly_once() {
        let Some(outside) = Outside::up("exact-avro") else { return };
        let (url, subject) = (outside.url(), &outside.topic);
        let schema = outside.register(subject, &json!({ "schema": ORDER }));
        outside.put_all((0..ORDERS).map(|n| write(schema, order(n))));
        let reads = format!("format = \"avro\"\navro = {{ registry = \"{url}\" }}");
        let writes = format!(
            "format = \"avro\"\navro = {{ registry = \"{url}\", subject = \"OUT-value\", schema = \"order.avsc\" }}"
        );
        let records = copy(&outside, &reads, &writes);
        let written = Reader(&records[0].1).schema();
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(json(&outside.schema(written)), json(ORDER));
        check(&records, order, |value| read(written, value));
    }
}

mod protobuf {
    use super::*;

    type Order = (String, u64);

    /// Of the message `Order`, the second in its file.
    const PATH: [u8; 2] = [2, 2];

    fn order(n: u64) -> Order {
        (n.to_string(), n * 10)
    }

    fn write(schema: u32, (id, total): Order) -> Vec<u8> {
        [head(schema), PATH.into(), vec![0x0a, id.len() as u8], id.into(), vec![0x10], varint(total)].concat()
    }

    fn read(schema: u32, value: &[u8]) -> Order {
        let mut reader = Reader(value);
        assert_eq!((reader.schema(), reader.take(2)), (schema, &PATH[..]));
        let (mut id, mut total) = (String::new(), 0);
        while !reader.0.is_empty() {
            match reader.varint() {
                0x0a => {
                    let length = reader.varint();
                    id = reader.text(length);
                }
                0x10 => total = reader.varint(),
                tag => panic!("a field {tag:#x}"),
            }
        }
        (id, total)
    }

    #[test]
    fn it_goes_from_topic_to_topic_exactly_once() {
        let Some(outside) = Outside::up("exact-protobuf") else { return };
        let (url, subject) = (outside.url(), &outside.topic);
        let schema = outside.register(subject, &json!({ "schemaType": "PROTOBUF", "schema": PROTO }));
        outside.put_all((0..ORDERS).map(|n| write(schema, order(n))));
        let which = "descriptors = \"shop.binpb\", message = \"shop.Order\"";
        let reads = format!("format = \"protobuf\"\nprotobuf = {{ {which}, confluent = true }}");
        let writes =
            format!("format = \"protobuf\"\nprotobuf = {{ {which}, registry = \"{url}\", subject = \"{subject}\" }}");
        let records = copy(&outside, &reads, &writes);
        check(&records, order, |value| read(schema, value));
    }
}
