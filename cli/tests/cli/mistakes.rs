//! What is wrong in a file is said with the line, the table, the key, and what is allowed there.
use crate::world::World;

const GOOD: &str = r#"name = "job"
[sources.in]
type = "files"
paths = ["in"]
format = "json"
[transforms.slim]
type = "map"
inputs = ["in"]
program = '{id}'
[sinks.out]
type = "files"
inputs = ["slim"]
path = "out"
"#;

/// What `check` says of the good file with one part replaced.
fn check(part: &str, by: &str) -> String {
    assert!(GOOD.contains(part), "{part}");
    World::new(&GOOD.replacen(part, by, 1)).refused()
}

#[test]
fn a_good_file_touches_nothing() {
    let world = World::new(GOOD);
    let said = world.call(&["check", "pipeline.toml"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "the input need not be there");
    assert_eq!(std::fs::read_dir(world.path("")).unwrap().count(), 1);
}

#[test]
fn state_in_an_object_store_is_not_reached_by_check() {
    let world = World::new(&GOOD.replace("name = \"job\"", "name = \"job\"\nstate = \"s3://bucket/prefix\""));
    let output = world.command(&["check", "pipeline.toml"]).env("AWS_ENDPOINT", "http://127.0.0.1:1").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && out.contains("s3://bucket/prefix was not looked at"), "{out}");
}

#[test]
fn each_mistake_has_its_line_its_table_its_key_and_what_is_allowed() {
    let cases = [
        ("path = \"out\"", "pth = \"out\"", "pipeline.toml:13: [sinks.out] pth: is no key of this table; it has"),
        ("path = \"out\"", "path = 7", "pipeline.toml:13: [sinks.out] path: invalid type: integer `7`"),
        ("path = \"out\"\n", "", "pipeline.toml:10: [sinks.out] missing field `path`"),
        (
            "type = \"map\"",
            "type = \"mapp\"",
            "pipeline.toml:7: [transforms.slim] type: \"mapp\" is no type here; there are",
        ),
        ("type = \"map\"\n", "", "pipeline.toml:6: [transforms.slim] type: is missing; there are"),
        (
            "\"json\"",
            "\"jsn\"",
            "pipeline.toml:5: [sources.in] format: \"jsn\" is no format; there are avro, bytes, csv, json, protobuf, text",
        ),
        (
            "[\"slim\"]",
            "[\"nowhere\"]",
            "pipeline.toml:12: [sinks.out] inputs: \"nowhere\" is not there; there are in, slim",
        ),
        ("'{id}'", "'{id, total: (.price *'", "pipeline.toml:9: [transforms.slim] program: bad jq: closing"),
        ("[\"in\"]\nprogram", "[\"slim\"]\nprogram", "pipeline.toml:8: [transforms.slim] inputs: make a cycle: slim"),
        ("path = \"out\"", "path = \"out\"\non_error = \"lost\"", "on_error: \"lost\" is no sink; write fail, skip"),
        ("[sinks.out]", "[sinks.in]", "[sinks.in] [sources.in] has the same uid"),
        ("name = \"job\"", "name = \"a b\"", "pipeline.toml:1: name: a name has 1 to 100 letters"),
        ("name = \"job\"", "name = \"job\"\nworker = 2", "pipeline.toml:2: `worker` is no key of this job; it has"),
        ("name = \"job\"", "name = \"job\"\nworkers = 0", "`workers` = 0: "),
        ("[sinks.out]", "[sinks.out", "pipeline.toml:10: no TOML: "),
        ("\"out\"", "\"${OUT_FOLDER}\"", "pipeline.toml:13: the environment has no OUT_FOLDER"),
        ("\"json\"", "\"csv\"", "[sources.in] csv: has no columns"),
        ("inputs = [\"slim\"]\n", "", "inputs: is missing, and no on_error names this sink"),
        ("[\"slim\"]", "[\"in\"]", "pipeline.toml:6: [transforms.slim] nothing reads \"slim\""),
    ];
    for (part, by, wanted) in cases {
        let err = check(part, by);
        assert!(err.contains(wanted), "{by}:\n  wanted {wanted}\n  said {err}");
    }
}

#[test]
fn exactly_once_is_refused_where_it_cannot_be_had() {
    let err = check("path = \"out\"", "path = \"out\"\ndelivery = \"twice\"");
    assert!(err.contains("`exactly_once`") && err.contains("delivery"), "{err}");
    let piped = GOOD.replace("\"files\"\npaths = [\"in\"]", "\"stdin\"");
    let said = World::new(&piped.replace("path =", "delivery = \"exactly_once\"\npath =")).refused();
    assert!(said.contains("[sinks.out] delivery: exactly_once cannot be had: \"in\""), "{said}");
    let printed = GOOD
        .replace("path = \"out\"", "delivery = \"exactly_once\"")
        .replace("sinks.out]\ntype = \"files\"", "sinks.out]\ntype = \"stdout\"");
    let said = World::new(&printed).refused();
    assert!(said.contains("cannot be exactly_once with this type of sink"), "{said}");
}

#[test]
fn all_mistakes_are_said_at_once() {
    let world = World::new(&GOOD.replace("path =", "pth =").replace("'{id}'", "'{'").replace("json", "jsn"));
    let said = world.call(&["run", "pipeline.toml"]);
    assert_eq!(said.code, 2);
    assert_eq!(said.err.matches("error: pipeline.toml:").count(), 4, "{}", said.err);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let said = World::new(GOOD).call(&["run", "nothing.toml"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("nothing.toml: cannot be read"), "{}", said.err);
    let said = World::new(GOOD).call(&["run"]);
    assert!(said.code == 2 && said.err.contains("FILE"), "{}", said.err);
}
