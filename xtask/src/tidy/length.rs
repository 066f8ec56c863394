//! Checks of length: files and functions stay small enough to be read in one go.

use super::tree::File;
use super::{Finding, Rule};

/// Most lines of a file, its tests not counted.
const FILE_LINES_MAX: usize = 400;
/// Most lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Files have a budget of lines; tests are free.
pub(super) fn files(file: &File, found: &mut Vec<Finding>) {
    let Some(masked) = &file.rust else { return };
    if file.is_test() {
        return;
    }
    let lines = masked.code.lines().count() - test_lines(&masked.code);
    if lines > FILE_LINES_MAX {
        let message = format!("{lines} lines without tests, at most {FILE_LINES_MAX}; split the file by idea");
        found.push(Finding::of(Rule::LongFile, &file.path, 1, message));
    }
}

/// Functions have a budget of lines, in tests as well.
pub(super) fn functions(file: &File, found: &mut Vec<Finding>) {
    let Some(masked) = &file.rust else { return };
    for (name, at) in function_starts(&masked.code) {
        let Some(body) = block(&masked.code[at..]) else { continue };
        let lines = body.lines().count();
        if lines > FUNCTION_LINES_MAX {
            let line = line_of(&masked.code, at);
            let message =
                format!("fn {name} has {lines} lines, at most {FUNCTION_LINES_MAX}; name its parts as functions");
            found.push(Finding::of(Rule::LongFunction, &file.path, line, message));
        }
    }
}

/// How many lines the modules under `#[cfg(test)]` take.
fn test_lines(code: &str) -> usize {
    const MARK: &str = "#[cfg(test)]";
    let mut lines = 0;
    let mut from = 0;
    while let Some(at) = code[from..].find(MARK).map(|at| from + at) {
        let item = code[at + MARK.len()..].trim_start();
        let is_module = item.starts_with("mod ") || item.starts_with("pub(crate) mod ");
        let length = if is_module { block(&code[at + MARK.len()..]).map(str::len) } else { None };
        let end = at + MARK.len() + length.unwrap_or(0);
        if length.is_some() {
            lines += code[at..end].lines().count();
        }
        from = end;
    }
    lines
}

/// Name and byte position of each `fn`; pointer types such as `fn(u8)` have no name and are left out.
fn function_starts(code: &str) -> impl Iterator<Item = (&str, usize)> {
    code.match_indices("fn ").filter_map(move |(at, _)| {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|one| one.is_alphanumeric() || one == '_' || one == '#') {
            return None;
        }
        let rest = code[at + 3..].trim_start();
        let end = rest.find(|one: char| !one.is_alphanumeric() && one != '_').unwrap_or(rest.len());
        (end > 0).then(|| (&rest[..end], at))
    })
}

/// The text from the start of an item to the brace that closes its body; nothing if it ends with `;`.
fn block(item: &str) -> Option<&str> {
    let (mut brackets, mut braces) = (0_usize, 0_usize);
    for (at, one) in item.char_indices() {
        match one {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if brackets == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' if braces <= 1 => return (braces == 1).then(|| &item[..=at]),
            '}' => braces -= 1,
            _ => {}
        }
    }
    None
}

/// The 1-based line of a byte position.
fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: fn(&File, &mut Vec<Finding>), path: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        check(&File::of(path, text), &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn long_files_are_found_and_tests_are_free() {
        let code = "const A: u8 = 1;\n".repeat(FILE_LINES_MAX);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// {\nfn a() {}\n".repeat(100));
        assert!(found(files, "a.rs", &format!("{code}{tests}")).is_empty());
        let long = format!("{code}const B: u8 = 1;\n");
        assert!(found(files, "a.rs", &format!("{long}{tests}"))[0].contains("401 lines"));
        assert!(found(files, "tests/a.rs", &long).is_empty());
        assert!(found(files, "runtime/tests/a.rs", &long).is_empty());
    }

    #[test]
    fn a_test_only_function_or_a_declared_test_module_hides_nothing() {
        assert_eq!(test_lines("#[cfg(test)]\nmod tests;\nfn a() {\n}\n"), 0);
        assert_eq!(test_lines("#[cfg(test)]\nfn a() {\n}\n"), 0);
        assert_eq!(test_lines("#[cfg(test)]\nmod a {\n}\nfn b() {}\n#[cfg(test)]\nmod c {\n}\n"), 6);
    }

    #[test]
    fn long_functions_are_found() {
        let body = "    let _ = \"}\";\n".repeat(FUNCTION_LINES_MAX - 2);
        assert!(found(functions, "a.rs", &format!("fn good(a: [u8; 2]) {{\n{body}}}\n")).is_empty());
        let bad = format!("\npub fn bad<'a>(a: &'a [u8; 2]) -> u8 {{\n\n{body}}}\n");
        let lines = found(functions, "a.rs", &bad);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("a.rs:2: fn bad has 71 lines"), "{}", lines[0]);
    }

    #[test]
    fn only_functions_with_a_body_are_measured() {
        let names: Vec<&str> =
            function_starts("fn a(); often fn_b; x: fn (u8); r#fn c; fn  d() {}").map(|f| f.0).collect();
        assert_eq!(names, ["a", "d"]);
        assert_eq!(block("fn a(b: [u8; 3]);\nfn c() {}"), None);
        assert_eq!(block("fn a() { { } } }"), Some("fn a() { { } }"));
    }
}
