//! Every external dependency has a row in docs/dependencies.md, and every row a dependency.

use super::Finding;
use super::manifest::Manifest;
use super::tree::Tree;

const PAGE: &str = "docs/dependencies.md";

/// The page and the manifests name the same external crates.
pub(super) fn documented(tree: &Tree, manifests: &[Manifest], found: &mut Vec<Finding>) {
    let Some(page) = tree.file(PAGE) else {
        found.push(Finding::new(PAGE, 1, "not there; write a table with a row for each external dependency"));
        return;
    };
    let rows: Vec<(usize, &str)> = page.text.lines().enumerate().filter_map(row).collect();
    let mut named = Vec::new();
    for manifest in manifests {
        for dependency in manifest.dependencies().chain(manifest.workspace_dependencies()) {
            let ours = manifests.iter().any(|other| other.name() == Some(dependency.name));
            if ours || named.contains(&dependency.name) {
                continue;
            }
            named.push(dependency.name);
            if !rows.iter().any(|(_, name)| *name == dependency.name) {
                let message = format!("{} has no row in {PAGE}; say there what for, and why this one", dependency.name);
                found.push(Finding::new(&manifest.path, dependency.line, message));
            }
        }
    }
    for (line, name) in rows.iter().filter(|(_, name)| !named.contains(name)) {
        found.push(Finding::new(PAGE, *line, format!("no Cargo.toml names {name}; delete the row")));
    }
}

/// The line and the name in backticks in the first cell of a table row.
fn row((number, line): (usize, &str)) -> Option<(usize, &str)> {
    let name = line.strip_prefix("| `")?.split_once("` |")?.0;
    Some((number + 1, name))
}

#[cfg(test)]
mod tests {
    use super::super::manifest;
    use super::*;

    const ROOT: &str = "[package]\nname = \"ours\"\n[workspace.dependencies]\nserde = \"1\"\nours = { path = \".\" }\n";
    const USER: &str =
        "[package]\nname = \"user\"\n[dependencies]\nserde.workspace = true\nours.workspace = true\nbytes = \"1\"\n";

    fn found(page: &str) -> Vec<String> {
        let tree = Tree::of(&[("Cargo.toml", ROOT), ("user/Cargo.toml", USER), (PAGE, page)]);
        let mut found = Vec::new();
        documented(&tree, &manifest::read_all(&tree), &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_dependency_has_a_row_and_each_row_a_dependency() {
        let head = "# Dependencies\n\n| crate | what for |\n|---|---|\n| `serde` | derives |\n";
        assert_eq!(found(&format!("{head}| `bytes` | buffers |\n")), [""; 0]);
        assert_eq!(
            found(head),
            ["user/Cargo.toml:6: bytes has no row in docs/dependencies.md; say there what for, and why this one"]
        );
        assert_eq!(
            found(&format!("{head}| `bytes` | buffers |\n| `old` | gone |\n")),
            ["docs/dependencies.md:7: no Cargo.toml names old; delete the row"]
        );
    }

    #[test]
    fn a_missing_page_is_found() {
        let mut found = Vec::new();
        documented(&Tree::of(&[("Cargo.toml", ROOT)]), &[], &mut found);
        assert_eq!(found.len(), 1);
    }
}
