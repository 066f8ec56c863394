//! `cargo xtask test`: all tests on the optimized build, as continuous integration runs them. Where librdkafka cannot be built, all but
//! Kafka's, and says so.

use std::path::Path;
use std::process::{Command, ExitCode};

/// What librdkafka's build looks for beside a C compiler, with the names that it tries.
const NEEDS: [(&str, &[&str]); 2] = [("make", &["make"]), ("a C++ compiler", &["g++", "clang++", "c++"])];

/// With all that is needed. cargo's default is every crate.
const WHOLE: &[&[&str]] = &[&["test", "--release"]];

/// The program `millstream` does without Kafka what other crates' tests want of it; its own tests are of Kafka, too.
const WITHOUT_KAFKA: &[&[&str]] = &[
    &["build", "--release", "--package", "millstream-cli", "--no-default-features"],
    &[
        "test",
        "--release",
        "--workspace",
        "--exclude=millstream-kafka",
        "--exclude=millstream-cli",
        "--exclude=kafka-bench",
    ],
];

/// Runs `cargo xtask test ARGUMENTS`; they are for `cargo test`.
pub fn main(arguments: &[String]) -> ExitCode {
    let missing = missing(runs);
    let commands = match commands(&missing, std::env::var("CI").is_ok_and(|ci| ci == "true")) {
        Ok(commands) => commands,
        Err(refusal) => {
            eprintln!("{refusal}");
            return ExitCode::FAILURE;
        }
    };
    for command in commands {
        let arguments = if command[0] == "test" { arguments } else { &[] };
        if let Err(failure) = cargo(command, arguments) {
            eprintln!("{failure}");
            return ExitCode::FAILURE;
        }
    }
    if !missing.is_empty() {
        let what = missing.join(" and ");
        eprintln!("!!! NOT RUN: the tests of Kafka and of pipelines (connectors/kafka, cli): librdkafka needs {what}");
    }
    ExitCode::SUCCESS
}

/// What of [`NEEDS`] none of the names stands for.
fn missing(runs: impl Fn(&str) -> bool) -> Vec<&'static str> {
    NEEDS.iter().filter(|(_, names)| !names.iter().any(|name| runs(name))).map(|(what, _)| *what).collect()
}

/// The calls of cargo, in their order. Continuous integration leaves nothing out.
fn commands(missing: &[&str], is_ci: bool) -> Result<&'static [&'static [&'static str]], String> {
    match (missing, is_ci) {
        ([], _) => Ok(WHOLE),
        (_, true) => {
            Err(format!("{} must be there for the tests of Kafka: install build-essential", missing.join(" and ")))
        }
        (_, false) => Ok(WITHOUT_KAFKA),
    }
}

fn runs(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Set by the `cargo run` that has started this program. ring's build script looks at these: with them, half of the tree would be
/// compiled anew each time that cargo is called now by a person, now by us.
fn is_of_cargo_run(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|prefix| variable.starts_with(prefix))
}

fn cargo(command: &[&str], arguments: &[String]) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new("cargo");
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_cargo_run(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    match cargo.args(command).args(arguments).current_dir(root).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo {} failed ({status})", command.join(" "))),
        Err(e) => Err(format!("cargo cannot be run: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_librdkafka_needs_is_looked_for_by_each_of_its_names() {
        assert_eq!(missing(|_| true), [""; 0]);
        assert_eq!(missing(|name| name == "clang++"), ["make"]);
        assert_eq!(missing(|name| name == "make"), ["a C++ compiler"]);
        assert_eq!(missing(|_| false), ["make", "a C++ compiler"]);
    }

    #[test]
    fn what_a_user_sets_for_cargo_stays() {
        assert!(is_of_cargo_run("CARGO_PKG_VERSION_MAJOR") && is_of_cargo_run("CARGO_MANIFEST_DIR"));
        assert!(!is_of_cargo_run("CARGO_TARGET_DIR") && !is_of_cargo_run("CARGO_BUILD_JOBS"));
    }

    #[test]
    fn continuous_integration_leaves_nothing_out() {
        assert_eq!(commands(&[], true).unwrap(), WHOLE);
        assert_eq!(commands(&["make"], false).unwrap(), WITHOUT_KAFKA);
        assert!(commands(&["make"], true).unwrap_err().contains("make must be there"));
    }
}
