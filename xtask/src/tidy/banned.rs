//! Words that may not stand in a Rust file: stubs, tests that do not run, and code that was commented out.

use super::Finding;
use super::tree::File;

/// What may not stand in code, and what to do instead.
const BANNED: &[(&str, &str)] = &[
    ("todo!", "finish it, or leave the feature out and say so in the docs"),
    ("unimplemented!", "finish it, or return an error that says what is not supported"),
    ("dbg!", "delete it, or make it a tracing event"),
    ("#[ignore", "make the test fast enough to run, or delete it"),
    ("#[should_panic", "catch the panic or the error in the test and check what it says"),
];

/// Starts of an item or statement, and the end that makes a comment code rather than prose.
const STATEMENTS: &[(&[&str], &[&str])] = &[
    (&["use ", "pub use "], &["::", ";"]),
    (&["let "], &["=", ";"]),
    (&["fn ", "pub fn ", "pub(crate) fn ", "if ", "for ", "while ", "match ", "loop ", "impl ", "trait "], &["{"]),
    (&["struct ", "pub struct ", "enum ", "pub enum "], &["{"]),
    (&["} else", "}"], &["{"]),
    (&["#[", "#!["], &["]"]),
];

/// No stubs, no debugging leftovers, no tests that are switched off or pass on any panic.
pub(super) fn macros_and_attributes(file: &File, found: &mut Vec<Finding>) {
    let Some(masked) = &file.rust else { return };
    for (number, line) in masked.code.lines().enumerate() {
        for (word, cure) in BANNED.iter().filter(|(word, _)| has_word(line, word)) {
            found.push(Finding::new(&file.path, number + 1, format!("`{word}` is not allowed; {cure}")));
        }
    }
}

/// No code in comments: git remembers it, a reader should not have to.
pub(super) fn commented_out_code(file: &File, found: &mut Vec<Finding>) {
    let Some(masked) = &file.rust else { return };
    let mut in_doc_block = false;
    for (number, line) in masked.comments.lines().enumerate() {
        in_doc_block |= ["/**", "/*!"].iter().any(|start| line.trim_start().starts_with(start));
        let text = if in_doc_block { None } else { plain_comment(line) };
        in_doc_block &= !line.contains("*/");
        if text.is_some_and(looks_like_code) {
            let message = "commented-out code; delete it, git remembers it";
            found.push(Finding::new(&file.path, number + 1, message));
        }
    }
}

/// No example in the docs that is neither run nor compiled.
pub(super) fn ignored_examples(file: &File, found: &mut Vec<Finding>) {
    let Some(masked) = &file.rust else { return };
    for (number, line) in masked.comments.lines().enumerate() {
        let text = line.trim().trim_start_matches(['/', '!', '*', ' ']);
        let is_ignored = |marks: &str| marks.split(',').any(|mark| mark.trim() == "ignore");
        if text.strip_prefix("```").is_some_and(is_ignored) {
            let message = "an example that nobody runs; make it run, or mark it `no_run`, `compile_fail` or `text`";
            found.push(Finding::new(&file.path, number + 1, message));
        }
    }
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|one| one.is_alphanumeric() || one == '_')
    })
}

/// The text of a comment that is not a doc comment (whose examples are code on purpose).
fn plain_comment(line: &str) -> Option<&str> {
    let line = line.trim();
    let is_doc = ["///", "//!"].iter().any(|start| line.starts_with(start));
    let text = line.strip_prefix("//").or_else(|| line.strip_prefix("/*")).unwrap_or(line);
    (!is_doc && !text.is_empty()).then(|| text.trim_end_matches("*/").trim())
}

/// A guess on the safe side: prose ends with a full stop, code with `;`, `{` or `}`.
fn looks_like_code(text: &str) -> bool {
    if matches!(text, "}" | "};" | "})" | "});" | "},") || is_call(text) || is_module(text) {
        return true;
    }
    let fits = |(starts, ends): &(&[&str], &[&str])| {
        let Some((last, inner)) = ends.split_last() else { return false };
        starts.iter().any(|start| text.starts_with(start))
            && text.ends_with(last)
            && inner.iter().all(|part| text.contains(part))
    };
    STATEMENTS.iter().any(fits)
}

/// `name(..);` or `name(..)?;`: unlike in prose, no space stands before the parenthesis.
fn is_call(text: &str) -> bool {
    let called = |at: usize| text[..at].ends_with(|one: char| one.is_alphanumeric() || matches!(one, '_' | '!' | '>'));
    (text.ends_with(");") || text.ends_with("?;")) && text.match_indices('(').any(|(at, _)| called(at))
}

/// `mod name`, `pub mod name;` and the like, and nothing after it.
fn is_module(text: &str) -> bool {
    let text = text.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
    let Some(name) = text.strip_prefix("mod ") else { return false };
    let name = name.trim_end_matches([';', '{', ' ']);
    !name.is_empty() && name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: fn(&File, &mut Vec<Finding>), text: &str) -> usize {
        let mut found = Vec::new();
        check(&File::of("a.rs", text), &mut found);
        found.len()
    }

    #[test]
    fn banned_words_are_found_in_code_only() {
        for bad in
            ["todo!()", "unimplemented!(\"x\")", "dbg!(x)", "#[ignore]", "#[ignore = \"slow\"]", "#[should_panic]"]
        {
            assert_eq!(found(macros_and_attributes, bad), 1, "{bad}");
        }
        for good in ["// no todo!()", "\"dbg!(x)\"", "my_todo!()", "fn ignore() {}", "/// `#[ignore]`"] {
            assert_eq!(found(macros_and_attributes, good), 0, "{good}");
        }
    }

    #[test]
    fn ignored_examples_are_found() {
        for bad in ["/// ```ignore", "//! ```rust,ignore", "/** \n* ```ignore\n*/"] {
            assert_eq!(found(ignored_examples, bad), 1, "{bad}");
        }
        for good in
            ["/// ```", "/// ```no_run", "/// ```rust,compile_fail", "const A: &str = \"```ignore\";", "// ignore"]
        {
            assert_eq!(found(ignored_examples, good), 0, "{good}");
        }
    }

    #[test]
    fn commented_out_code_is_found() {
        let bad = [
            "// mod tiered",
            "// pub mod tiered;",
            "//use std::fs;",
            "    // let a = 1;",
            "// fn a() -> u8 {",
            "// }",
            "// self.flush(now)?;",
            "// assert!(ready);",
            "/* for x in y { */",
            "// #[derive(Debug)]",
            "// } else {",
            "/** Doc. */\n/* let a = 1; */",
        ];
        for bad in bad {
            assert_eq!(found(commented_out_code, bad), 1, "{bad}");
        }
    }

    #[test]
    fn prose_and_examples_are_not_code() {
        let good = [
            "// use the lock; otherwise two runs would write.",
            "// let the sink go first;",
            "// the sink (if there is one);",
            "// mod is a keyword, so the field is called modulus.",
            "// if none is newer, commit;",
            "/// let a = 1;",
            "//! mod tiered;",
            "/*!\nlet a = 1;\n*/",
            "//",
            "let a = \"// mod tiered;\";",
            "// for each split: {split, offset}.",
        ];
        for good in good {
            assert_eq!(found(commented_out_code, good), 0, "{good}");
        }
    }
}
