//! The command line of a job: verbs, flags, the file of `--config`, exit codes.
use crate::job_world::{Counting, Numbers, World};
use millstream_operators::Job;
use millstream_operators::job::Answer;
use millstream_runtime::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

fn refusal(answer: &Answer, words: &[&str]) {
    assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{answer:?}");
    assert!(answer.err.starts_with("error: "), "{answer:?}");
    words.iter().for_each(|word| assert!(answer.err.contains(word), "{word:?} is not in {answer:?}"));
}

#[test]
fn flags_stand_before_or_behind_the_verb() {
    let world = World::new();
    let behind = world.call(&["plan", "--up-to", "5", "--workers", "3"]);
    assert_eq!(behind.code, 0, "{behind:?}");
    let words = ["source \"numbers\"", "exactly once", "x3"];
    words.iter().for_each(|word| assert!(behind.out.contains(word), "{behind:?}"));
    assert_eq!(world.call(&["--up-to", "5", "--workers", "3", "plan"]), behind);
    assert_eq!(world.call(&["--up-to", "5", "plan", "--workers=3"]), behind);
    assert!(!Path::new(&world.state()).exists(), "plan creates nothing");
}

#[test]
fn help_is_the_jobs_and_not_that_of_its_arguments() {
    let help = World::new().call(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.starts_with("A Millstream job.\n"), "{}", help.out);
    let words = ["  savepoint  ", "--up-to", "--checkpoint-interval", "The first number that is not counted"];
    words.iter().for_each(|word| assert!(help.out.contains(word), "{word}: {}", help.out));
    assert!(!help.out.contains("must not become") && !help.out.contains("--slice"), "{}", help.out);
}

#[test]
fn bad_values_name_the_flag_and_the_value() {
    let world = World::new();
    let calls: [(&[&str], &[&str]); 16] = [
        (&["--inptu", "x"], &["--inptu"]),
        (&["--inptu", "x", "plan"], &["--inptu"]),
        (&["pla"], &["pla", "plan"]),
        (&["--workers", "none"], &["--workers", "none"]),
        (&["--workers", "0"], &["--workers", "0", "1..=1024"]),
        (&["--workers", "1025"], &["--workers", "1025"]),
        (&["--checkpoint-interval", "soon"], &["--checkpoint-interval", "soon", "500ms"]),
        (&["--checkpoint-interval", "0s"], &["--checkpoint-interval", "0s", "off"]),
        (&["--restore", "first"], &["--restore", "first", "latest, none"]),
        (&["--keep", "0"], &["--keep", "0", "at least 1"]),
        (&["--slice", "1h"], &["--slice", "1h"]),
        (&["--metrics", "0.0.0.0:9100"], &["--metrics", "0.0.0.0:9100", "loopback"]),
        (&["--metrics", "here"], &["--metrics", "here", "127.0.0.1:9100"]),
        (&["--up-to", "-"], &["--up-to"]),
        (&["restore"], &["number of a checkpoint"]),
        (&["restore", "five"], &["five"]),
    ];
    for (argv, words) in calls {
        refusal(&world.call(argv), words);
    }
    assert!(!world.call(&["--inptu"]).err.contains("to pass"), "a tip that does not help");
    assert!(!Path::new(&world.state()).exists(), "nothing was touched");
}

#[test]
fn flags_of_one_verb_are_refused_by_the_others() {
    let world = World::new();
    refusal(&world.call(&["plan", "7"]), &["plan", "takes no checkpoint"]);
    refusal(&world.call(&["restore", "7", "--restore", "none"]), &["--restore none"]);
    refusal(&world.call(&["run", "--stop"]), &["--stop", "savepoint"]);
    refusal(&world.call(&["plan", "--against", "3"]), &["--against", "check"]);
}

#[test]
fn a_file_gives_flags_and_the_command_line_wins() {
    let world = World::new();
    let text =
        "up_to = 7\nlabel = [\"a\", \"b\"]\ntwice = true\nworkers = 4\ncheckpoint_interval = \"5m\"\nquiet = false";
    let file = world.write("job.toml", text);
    let config = ["--config", file.as_str()];
    let labels = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    let plain = || Counting { mode: "plain".into(), ..Counting::default() };
    assert_eq!(world.arguments(&[]), Ok(plain()));
    let of_file = Counting { up_to: Some(7), label: labels(&["a", "b"]), twice: true, ..plain() };
    assert_eq!(world.arguments(&config), Ok(of_file.clone()));
    let given = world.arguments(&["--up-to", "9", "--label", "c", config[0], config[1], "--mode", "odd"]);
    let wins = Counting { up_to: Some(9), label: labels(&["c"]), mode: "odd".into(), ..of_file };
    assert_eq!(given, Ok(wins));
    assert!(world.call(&["plan", config[0], config[1]]).out.contains("x4"));
    assert!(world.call(&["plan", config[0], config[1], "--workers", "2"]).out.contains("x2"));
}

#[test]
fn what_is_wrong_with_a_file_names_file_and_key() {
    let world = World::new();
    let cases: [(&str, &[&str]); 10] = [
        ("inptu = 1", &["`inptu`", "is no key", "up_to, ", "checkpoint_interval", "workers"]),
        ("config = \"x\"", &["`config`", "is no key"]),
        ("slice = \"1h\"", &["`slice`", "1h"]),
        ("workers = \"none\"", &["`workers`", "none", "--workers"]),
        ("checkpoint-interval = \"1s\"", &["`checkpoint-interval`", "is no key"]),
        ("up_to = [1, 2]", &["`up_to`", "one value, not a list"]),
        ("twice = 1", &["`twice`", "true or false"]),
        ("[label]\na = 1", &["`label`", "not a table"]),
        ("label = [[\"a\"]]", &["`label`", "not of lists"]),
        ("up_to = ", &["line 1"]),
    ];
    for (text, words) in cases {
        let file = world.write("job.toml", text);
        let answer = world.call(&["plan", "--config", &file]);
        refusal(&answer, &[words, &[file.as_str()]].concat());
    }
    let hidden = world.write("job.toml", "workers = 0\nslice = \"20ms\"");
    refusal(&world.call(&["--config", &hidden, "--workers", "2"]), &["`workers`"]);
    refusal(&world.call(&["--config", "/no/such.toml"]), &["/no/such.toml", "cannot be read"]);
}

#[test]
fn a_uid_that_is_no_name_is_refused() {
    for uid in ["", "a\nb"] {
        let answer = World::new().call_job(&["run"], move |job, _: &Counting| {
            job.source(uid, Numbers { end: Some(1) }).sink("sum", crate::job_world::Sum::default());
            Ok(())
        });
        refusal(&answer, &["has a uid that is no name", "job_calls.rs:", "1 to 128 characters"]);
    }
}

#[derive(clap::Args, Serialize, Deserialize)]
struct Wanting {
    #[arg(long)]
    wanted: String,
}

#[test]
fn a_required_argument_may_stand_in_the_file() {
    let world = World::new();
    let build = |job: &Job, o: &Wanting| -> Result<()> {
        assert_eq!(o.wanted, "it");
        job.source("numbers", Numbers { end: Some(1) }).sink("sum", crate::job_world::Sum::default());
        Ok(())
    };
    refusal(&world.call_job(&["plan"], build), &["--wanted"]);
    let file = world.write("job.toml", "wanted = \"it\"\nworkers = 2");
    assert_eq!(world.call_job(&["plan", "--config", &file], build).code, 0);
}

#[derive(clap::Args, Serialize, Deserialize)]
struct Clashing {
    #[arg(long)]
    state: Option<String>,
}

#[derive(clap::Args, Serialize, Deserialize)]
struct Positional {
    input: Option<String>,
}

#[test]
fn arguments_that_cannot_be_flags_are_refused() {
    let world = World::new();
    refusal(&world.call_job(&[], |_, _: &Clashing| Ok(())), &["`state`", "--state", "rename"]);
    refusal(&world.call_job(&[], |_, _: &Positional| Ok(())), &["`input`", "#[arg(long)]"]);
}

#[test]
fn each_mistake_of_a_graph_is_an_error_of_its_own() {
    let world = World::new();
    for verb in ["plan", "check", "run"] {
        let answer = world.call_job(&[verb], |job, _: &Counting| {
            let _ = (job.source("one", Numbers { end: Some(1) }), job.source("one", Numbers { end: Some(1) }));
            Ok(())
        });
        assert_eq!(answer.code, 2, "{answer:?}");
        let lines: Vec<&str> = answer.err.lines().collect();
        assert!(lines[0].starts_with("error: source \"one\" and the source at "), "{answer:?}");
        assert!(lines[1].starts_with("  --> operators/tests/operators/job_calls.rs:"), "{answer:?}");
        assert_eq!(lines[2], "  help: give each its own: a restore finds state by uid");
        assert!(lines[3].starts_with("error: the job has no sink"), "{answer:?}");
        assert_eq!(answer.out.is_empty(), verb != "plan", "{answer:?}");
    }
    refusal(&world.call_job(&[], |_, _: &Counting| Err("no input".into())), &["error: no input"]);
    assert!(!Path::new(&world.state()).exists(), "nothing was touched");
}
