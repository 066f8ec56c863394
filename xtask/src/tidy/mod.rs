//! The driver: reads each file of the git tree once, then hands it to small checks that only look.

mod banned;
mod dead;
mod dependencies;
mod exceptions;
mod files;
mod layering;
mod length;
mod manifest;
mod mask;
mod tree;
mod workspace;

use std::fmt;
use std::io;
use std::path::Path;

use exceptions::Exception;
use tree::Tree;

/// The rules that may have exceptions (see `exceptions.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// At most so many lines of code in a file.
    LongFile,
    /// At most so many lines in a function.
    LongFunction,
    /// At most so many bytes in a file.
    LargeFile,
    /// Everything else: no exception is possible.
    Strict,
}

/// One thing that is wrong, where, and what to do about it.
#[derive(Debug)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    rule: Rule,
    message: String,
}

impl Finding {
    /// A finding at a 1-based line that no exception can excuse.
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self::of(Rule::Strict, path, line, message)
    }

    /// A finding of a rule that may have exceptions.
    fn of(rule: Rule, path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// What one run of tidy found.
pub(crate) struct Report {
    /// How many files were read.
    pub(crate) files: usize,
    /// What must be mended.
    pub(crate) findings: Vec<Finding>,
    /// Findings that an exception allows, with its reason.
    pub(crate) warnings: Vec<String>,
}

/// Reads the git tree at `root` and runs every check on it.
pub(crate) fn run(root: &Path) -> io::Result<Report> {
    let tree = Tree::read(root)?;
    let (findings, warnings) = judge(check(&tree), exceptions::ALLOWED);
    Ok(Report { files: tree.files.len(), findings, warnings })
}

fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in &tree.files {
        files::size(file, &mut found);
        files::markdown_title(file, &mut found);
        files::module_doc(file, &mut found);
        length::files(file, &mut found);
        length::functions(file, &mut found);
        banned::macros_and_attributes(file, &mut found);
        banned::ignored_examples(file, &mut found);
        banned::commented_out_code(file, &mut found);
    }
    let manifests = manifest::read_all(tree);
    dead::files(tree, &manifests, &mut found);
    workspace::inheritance(&manifests, &mut found);
    workspace::members(&manifests, &mut found);
    layering::layers(&manifests, &mut found);
    dependencies::documented(tree, &manifests, &mut found);
    found
}

/// Takes out what an exception allows; an exception that excuses nothing is itself a finding.
fn judge(found: Vec<Finding>, allowed: &[Exception]) -> (Vec<Finding>, Vec<String>) {
    let mut used = vec![false; allowed.len()];
    let (mut findings, mut warnings) = (Vec::new(), Vec::new());
    for finding in found {
        match allowed.iter().position(|exception| exception.excuses(&finding)) {
            Some(at) => {
                used[at] = true;
                warnings.push(format!("{finding} (allowed: {})", allowed[at].reason));
            }
            None => findings.push(finding),
        }
    }
    for (exception, _) in allowed.iter().zip(used).filter(|(_, used)| !used) {
        let message =
            format!("the exception for {} ({:?}) excuses nothing any more; delete it", exception.path, exception.rule);
        findings.push(Finding::new(exceptions::PATH, 1, message));
    }
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    (findings, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &[Exception] = &[Exception { path: "a.rs", rule: Rule::LongFile, reason: "a table" }];

    #[test]
    fn an_exception_excuses_its_rule_in_its_file_only() {
        let found = vec![
            Finding::of(Rule::LongFile, "a.rs", 1, "long"),
            Finding::of(Rule::LongFile, "b.rs", 1, "long"),
            Finding::new("a.rs", 1, "no doc"),
        ];
        let (findings, warnings) = judge(found, ALLOWED);
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["a.rs:1: no doc", "b.rs:1: long"]);
        assert_eq!(warnings, ["a.rs:1: long (allowed: a table)"]);
    }

    #[test]
    fn an_exception_that_excuses_nothing_is_a_finding() {
        let (findings, _) = judge(Vec::new(), ALLOWED);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("a.rs"), "{}", findings[0]);
    }

    #[test]
    fn every_check_is_called() {
        let long = format!("dbg!(1);\n/// ```ignore\n// mod old;\nfn long() {{\n{}}}\n", "    a();\n".repeat(400));
        let tree = Tree::of(&[
            ("Cargo.toml", "[package]\nname = \"root\"\n"),
            ("misc/Cargo.toml", "[package]\nname = \"misc\"\n"),
            ("src/dead.rs", &long),
            ("README.md", "no title"),
            ("blob.bin", &"x".repeat(1_000_000)),
        ]);
        let lines: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        let wanted = [
            "no title",
            "no module doc",
            "405 lines",
            "fn long",
            "dbg!",
            "example that nobody runs",
            "commented-out",
            "no `mod` names",
            "does not inherit",
            "not in default-members",
            "no layer",
            "docs/dependencies.md",
            "1000000 bytes",
        ];
        for part in wanted {
            assert!(lines.iter().any(|line| line.contains(part)), "nothing found {part:?} in {lines:#?}");
        }
    }
}
