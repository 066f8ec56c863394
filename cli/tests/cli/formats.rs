//! Avro and Protobuf in pipelines: what is wrong in a file, and topics of a real broker with schemas of a real registry.
use crate::outside::Outside;
use crate::schemas::{ORDER, PROTO};
use crate::world::World;

/// A pipeline from a topic to files, with a format.
fn reading(brokers: &str, topic: &str, format: &str) -> World {
    World::with_schemas(&format!(
        r#"name = "reading"
[sources.in]
type = "kafka"
bootstrap_servers = "{brokers}"
topics = ["{topic}"]
end = "latest"
on_error = "bad"
{format}
[sinks.out]
type = "files"
inputs = ["in"]
path = "out"
format = "json"
[sinks.bad]
type = "files"
path = "bad"
format = "json"
"#
    ))
}

/// A pipeline from files to a topic, with a format.
fn writing(brokers: &str, topic: &str, format: &str) -> World {
    World::with_schemas(&format!(
        r#"name = "writing"
[sources.in]
type = "files"
paths = ["in.jsonl"]
format = "json"
[sinks.out]
type = "kafka"
inputs = ["in"]
bootstrap_servers = "{brokers}"
topic = "{topic}"
key = ".id"
delivery = "at_least_once"
on_error = "bad"
{format}
[sinks.bad]
type = "files"
path = "bad"
format = "json"
"#
    ))
}

/// What `check` must refuse: the format of a source, or of a sink, and what is said.
const REFUSED: [(bool, &str, &str, &str); 15] = [
    (true, "avro", "", "[sources.in] avro: needs a schema: write avro = { schema = \"FILE.avsc\" }"),
    (true, "avro", "schema = \"no.avsc\"", "pipeline.toml:9: [sources.in] avro: schema = \"no.avsc\" cannot be read"),
    (true, "avro", "schema = \"pipeline.toml\"", "avro: schema = \"pipeline.toml\": no Avro schema: "),
    (true, "avro", "regstry = \"x\"", "avro: unknown field `regstry`, expected one of `schema`, `registry`"),
    (true, "avro", "registry = \"host:8081\"", "avro: registry = \"host:8081\" is no URL: write http://"),
    (true, "avro", "registry = \"http://h\", subject = \"s\"", "avro: has a subject, which only a sink needs"),
    (true, "avro", "registry = \"http://h\", username = \"u\"", "one of username and password"),
    (true, "avro", "schema = \"order.avsc\", ca = \"x\"", "avro: has ca, but no registry to use it with"),
    (false, "avro", "registry = \"http://h\"", "[sinks.out] avro: has no subject: write the name"),
    (false, "avro", "schema = \"order.avsc\", subject = \"s\"", "avro: has a subject, but no registry"),
    (false, "avro", "registry = \"http://h\", subject = \"s\", register = true", "but no schema to add"),
    (true, "protobuf", "", "[sources.in] protobuf: missing field `descriptors`"),
    (true, "protobuf", "descriptors = \"order.avsc\", message = \"shop.Order\"", "no descriptor set: "),
    (true, "protobuf", "descriptors = \"shop.binpb\", message = \"Order\"", "there are shop.Refund, shop.Order"),
    (false, "protobuf", "descriptors = \"shop.binpb\", message = \"shop.Order\", confluent = true", "has no subject"),
];

#[test]
fn a_format_that_cannot_work_is_refused_with_what_to_do() {
    for (is_source, name, options, wanted) in REFUSED {
        let format = format!("format = {name:?}\n{name} = {{ {options} }}");
        let pipeline = if is_source { reading("b:1", "t", &format) } else { writing("b:1", "t", &format) };
        let said = pipeline.refused();
        assert!(said.contains(wanted), "wanted {wanted}\n  said {said}");
    }
}

#[test]
fn a_binary_format_is_refused_where_records_are_lines() {
    let avro = "format = \"avro\"\navro = { schema = \"order.avsc\" }";
    let text = std::fs::read_to_string(reading("b:1", "t", "").path("pipeline.toml")).unwrap();
    let text = text.replace("path = \"out\"\nformat = \"json\"", &format!("path = \"out\"\n{avro}"));
    let said = World::with_schemas(&text).refused();
    assert!(said.contains("[sinks.out] format: is binary, and records are lines here"), "{said}");
}

#[test]
fn a_password_is_said_nowhere() {
    let format = "format = \"avro\"\navro = { registry = \"http://127.0.0.1:1\", subject = \"s\", username = \"me\", password = \"${REGISTRY_KEY}\" }";
    let world = writing("127.0.0.1:1", "t", format);
    world.write("in.jsonl", "{}\n");
    for arguments in
        [&["check", "pipeline.toml"][..], &["plan", "pipeline.toml"], &["run", "pipeline.toml", "--restarts", "0"]]
    {
        let output = world.command(arguments).env("REGISTRY_KEY", "hunter2").env("RUST_LOG", "trace").output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!text.contains("hunter2") && !text.contains("bWU6aHVudGVyMg"), "{text}");
        if arguments[0] == "run" {
            assert!(text.contains("subjects/s/versions/latest: ") && text.contains("tried 5 times"), "{text}");
        }
    }
}

#[test]
fn avro_goes_through_a_topic_and_into_a_newer_schema() {
    let Some(outside) = Outside::up("avro") else { return };
    outside.put(b"first"); // no record of any registry
    let (url, topic) = (outside.url(), &outside.topic);
    let format =
        format!("format = \"avro\"\navro = {{ registry = \"{url}\", subject = \"{topic}\", schema = \"order.avsc\" }}");
    let world = writing(&outside.brokers, topic, &format);
    world.write(
        "in.jsonl",
        "{\"id\":\"a\",\"total\":1.5}\n{\"id\":7,\"total\":2}\n{\"id\":\"c\",\"total\":3,\"note\":\"n\"}\n",
    );
    world.run();
    let bad = world.lines("bad").join("\n");
    assert!(bad.contains("does not fit the schema: .id: 7 is not a text"), "{bad}");
    outside.put(&[0, 127, 0, 0, 1, 2]);

    let world = reading(&outside.brokers, topic, &format!("format = \"avro\"\navro = {{ registry = \"{url}\" }}"));
    world.run();
    let wanted = [r#"{"id":"a","total":1.5,"note":null}"#, r#"{"id":"c","total":3.0,"note":"n"}"#];
    assert_eq!(world.lines("out"), wanted);
    let bad = world.lines("bad").join("\n");
    assert!(bad.contains("begins with byte 0x66, not with 0x00") && bad.contains("schema 2130706433: "), "{bad}");

    let format = format!("format = \"avro\"\navro = {{ registry = \"{url}\", schema = \"newer.avsc\" }}");
    let world = reading(&outside.brokers, topic, &format);
    let newer = ORDER.replace(r#"{"name":"total","type":"double"}"#, r#"{"name":"level","type":"int","default":3}"#);
    world.write("newer.avsc", &newer);
    world.run();
    assert_eq!(world.lines("out"), [r#"{"id":"a","level":3,"note":null}"#, r#"{"id":"c","level":3,"note":"n"}"#]);
}

#[test]
fn protobuf_goes_through_a_topic_under_the_newest_schema_of_its_subject() {
    let Some(outside) = Outside::up("protobuf") else { return };
    outside.put(b"first"); // no record of any registry
    let (url, topic) = (outside.url(), &outside.topic);
    outside.register(topic, &serde_json::json!({ "schemaType": "PROTOBUF", "schema": PROTO }));
    let which = "descriptors = \"shop.binpb\", message = \"shop.Order\"";
    let format =
        format!("format = \"protobuf\"\nprotobuf = {{ {which}, registry = \"{url}\", subject = \"{topic}\" }}");
    let world = writing(&outside.brokers, topic, &format);
    world.write("in.jsonl", "{\"id\":\"a\",\"total\":9007199254740993}\n{\"id\":\"b\",\"totl\":2}\n");
    world.run();
    let bad = world.lines("bad").join("\n");
    assert!(bad.contains("is no message shop.Order: unrecognized field name 'totl'"), "{bad}");
    // A message of another type, [0], which these bytes would be an Order of.
    outside.put(&[0, 0, 0, 0, 1, 0]);

    let world =
        reading(&outside.brokers, topic, &format!("format = \"protobuf\"\nprotobuf = {{ {which}, confluent = true }}"));
    world.run();
    assert_eq!(world.lines("out"), [r#"{"id":"a","total":9007199254740993}"#]);
    let bad = world.lines("bad").join("\n");
    assert!(bad.contains("is message [0] of its schema; this format reads message [1]"), "{bad}");
}
