//! Secrets come from the environment, and are printed nowhere.
use crate::world::World;

const FILE: &str = r#"
name = "job"
[sources.in]
type = "files"
paths = ["${FOLDER:-in}/x"]
[sinks.out]
type = "stdout"
inputs = ["in"]
"#;

#[test]
fn values_come_from_the_environment_or_the_default() {
    let world = World::new(FILE);
    std::fs::create_dir(world.path("given")).unwrap();
    world.write("given/x", "hello\n");
    let output = world.command(&["run", "pipeline.toml", "--quiet"]).env("FOLDER", "given").output().unwrap();
    assert_eq!(output.stdout, b"hello\n", "{}", String::from_utf8_lossy(&output.stderr));
    let said = world.call(&["run", "pipeline.toml", "--restarts", "0", "--restore", "none"]);
    assert!(said.code == 2 && said.err.contains("in/x: no input there"), "{}", said.err);
}

#[test]
fn a_secret_is_in_no_error_and_no_log() {
    let world = World::new(
        &FILE.replace("FOLDER:-in", "MY_PASSWORD").replace("\"stdout\"", "\"stdout\"\npassword = \"literal-one\""),
    );
    let all = ["check", "plan", "run"].map(|verb| {
        let output = world.command(&[verb, "pipeline.toml"]).env("MY_PASSWORD", "hunter2").output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    });
    let failing = World::new(&FILE.replace("FOLDER:-in", "MY_PASSWORD"));
    let run =
        failing.command(&["run", "pipeline.toml", "--restarts", "1"]).env("MY_PASSWORD", "hunter2").output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    let run = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert!(run.contains("***/x"), "{run}");
    for text in all.iter().chain([&run]) {
        assert!(!text.contains("hunter2") && !text.contains("literal-one"), "{text}");
    }
}
