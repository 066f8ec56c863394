//! Dead files: a Rust file below a `src` folder that no `mod` reaches is compiled by nobody.

use std::collections::HashSet;

use super::Finding;
use super::manifest::Manifest;
use super::tree::{File, Tree};

/// Follows `mod` from the targets of each crate; what is not reached is dead.
pub(super) fn files(tree: &Tree, manifests: &[Manifest], found: &mut Vec<Finding>) {
    let mut reached = HashSet::new();
    let mut open: Vec<String> = manifests.iter().flat_map(|manifest| targets(tree, manifest)).collect();
    while let Some(path) = open.pop() {
        let Some(file) = tree.file(&path) else { continue };
        if reached.insert(path) {
            open.extend(declared(file));
        }
    }
    for file in tree.files.iter().filter(|file| file.rust.is_some() && !reached.contains(&file.path)) {
        let in_source = manifests.iter().any(|manifest| file.path.starts_with(&within(&manifest.folder, "src/")));
        if in_source {
            let message = "no `mod` names this file, so it is not compiled; declare it in its parent or delete it";
            found.push(Finding::new(&file.path, 1, message));
        }
    }
}

/// The files where the compiler starts: lib, bins, and what the manifest names by `path`.
fn targets(tree: &Tree, manifest: &Manifest) -> Vec<String> {
    let source = within(&manifest.folder, "src/");
    let named = manifest.entries.iter().filter(|entry| entry.key == "path" && !entry.section.contains("dependencies"));
    let mut targets: Vec<String> = named.map(|entry| within(&manifest.folder, entry.value.trim_matches('"'))).collect();
    targets.extend(["lib.rs", "main.rs"].map(|name| format!("{source}{name}")));
    let bins = format!("{source}bin/");
    targets.extend(tree.files.iter().map(|file| &file.path).filter(|path| is_bin(path, &bins)).cloned());
    targets
}

/// `src/bin/name.rs` or `src/bin/name/main.rs`.
fn is_bin(path: &str, bins: &str) -> bool {
    path.strip_prefix(bins).is_some_and(|rest| {
        let depth = rest.matches('/').count();
        (depth == 0 && rest.ends_with(".rs")) || (depth == 1 && rest.ends_with("/main.rs"))
    })
}

fn within(folder: &str, path: &str) -> String {
    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}

/// The paths that the `mod name;` lines of a file stand for; of the two forms, one will not exist.
fn declared(file: &File) -> Vec<String> {
    let Some(masked) = &file.rust else { return Vec::new() };
    let home = home(&file.path);
    let mut paths: Vec<String> = Vec::new();
    for module in modules(&masked.code) {
        paths.push(within(&home, &format!("{module}.rs")));
        paths.push(within(&home, &format!("{module}/mod.rs")));
    }
    paths.extend(path_attributes(&file.text).map(|path| within(file.folder(), path)));
    paths
}

/// The folder in which the modules of a file live.
fn home(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_bin_root = folder.ends_with("src/bin");
    match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        _ if is_bin_root => folder.to_owned(),
        _ => within(folder, name.trim_end_matches(".rs")),
    }
}

/// The values of `#[path = "..."]`.
fn path_attributes(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("#[path = \"")?.split('"').next())
}

/// The modules that a file declares without a body, each with the names of the inline modules around it.
fn modules(code: &str) -> Vec<String> {
    let spaced = code.replace('{', " { ").replace('}', " } ").replace(';', " ; ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut found = Vec::new();
    // One entry for each open brace: the module's name, or nothing for any other block.
    let mut around: Vec<Option<&str>> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match *word {
            "{" => around.push(opened_module(&words[..at])),
            "}" => drop(around.pop()),
            ";" => {
                if let Some(name) = opened_module(&words[..at]) {
                    let outer = around.iter().flatten().copied();
                    found.push(outer.chain([name]).collect::<Vec<_>>().join("/"));
                }
            }
            _ => {}
        }
    }
    found
}

/// The name, if the last two words are `mod name`.
fn opened_module<'a>(words: &[&'a str]) -> Option<&'a str> {
    match words {
        [.., "mod", name] => Some(name.trim_start_matches("r#")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest;
    use super::*;

    fn dead(files: &[(&str, &str)]) -> Vec<String> {
        let mut all =
            vec![("Cargo.toml", "[package]\nname = \"root\"\n"), ("a/Cargo.toml", "[package]\nname = \"a\"\n")];
        all.extend(files);
        let tree = Tree::of(&all);
        let mut found = Vec::new();
        super::files(&tree, &manifest::read_all(&tree), &mut found);
        found.into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn every_form_of_a_module_is_reached() {
        let files = [
            (
                "src/lib.rs",
                "pub mod one; mod two;\nmod inline { pub(crate) mod three; fn f() {} mod four; }\n#[path = \"odd.rs\"]\nmod five;",
            ),
            ("src/one.rs", "mod child;"),
            ("src/one/child.rs", ""),
            ("src/two/mod.rs", "mod child;"),
            ("src/two/child.rs", ""),
            ("src/inline/three.rs", ""),
            ("src/inline/four.rs", ""),
            ("src/odd.rs", ""),
            ("a/src/main.rs", ""),
            ("a/src/bin/other.rs", "mod beside;"),
            ("a/src/bin/beside.rs", ""),
            ("tests/all/fail/never.rs", ""),
            ("examples/user.rs", ""),
        ];
        assert_eq!(dead(&files), [""; 0]);
    }

    #[test]
    fn a_file_that_nothing_names_is_dead_and_so_are_its_children() {
        let files = [
            ("src/lib.rs", "// mod one;\nconst A: &str = \"mod one;\";\nmod other { mod two; }"),
            ("src/one.rs", "mod child;"),
            ("src/one/child.rs", ""),
            ("src/two.rs", ""),
            ("a/src/lib.rs", ""),
            ("a/src/three.rs", ""),
        ];
        assert_eq!(dead(&files), ["src/one.rs", "src/one/child.rs", "src/two.rs", "a/src/three.rs"]);
    }
}
