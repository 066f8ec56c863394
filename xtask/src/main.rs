//! Chores of this repository: `cargo xtask tidy` holds the house rules that neither rustc nor clippy knows,
//! `cargo xtask test` runs all tests, `cargo xtask services` starts real services for them.

mod services;
mod test;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [verb] if verb == "tidy" => tidy_here(),
        [verb, rest @ ..] if verb == "services" => services::main(rest),
        [verb, rest @ ..] if verb == "test" => test::main(rest),
        _ => {
            eprintln!(
                "usage: cargo xtask tidy\n       cargo xtask services VERB NAME\n       cargo xtask test [ARGUMENTS OF CARGO TEST]\nContinuous integration runs `bash .ci/run`."
            );
            ExitCode::from(2)
        }
    }
}

fn tidy_here() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let report = match tidy::run(&root) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("tidy could not read the repository: {error}");
            return ExitCode::from(2);
        }
    };
    for warning in &report.warnings {
        println!("allowed: {warning}");
    }
    for finding in &report.findings {
        println!("{finding}");
    }
    if report.findings.is_empty() {
        println!("tidy: {} files, no findings", report.files);
        return ExitCode::SUCCESS;
    }
    println!("tidy: {} files, {} findings", report.files, report.findings.len());
    ExitCode::FAILURE
}
