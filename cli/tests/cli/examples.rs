//! The examples of the documentation are pipelines.
use crate::world::World;

#[test]
fn every_example_of_the_documentation_is_a_good_file() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/pipelines.md")).unwrap();
    let examples: Vec<&str> = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 3);
    for example in examples {
        let said = World::with_schemas(example).call(&["check", "pipeline.toml"]);
        assert_eq!(said.code, 0, "{example}\n{}", said.err);
    }
}
