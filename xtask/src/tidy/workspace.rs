//! Checks of the workspace: every crate inherits its lints and editions, and every crate is built by default.

use super::Finding;
use super::manifest::Manifest;

/// What every crate takes from the workspace, as section and key.
const INHERITED: &[(&str, &str)] = &[("package", "edition"), ("package", "rust-version"), ("lints", "")];

/// Lints, edition and rust-version stand once, in the root.
pub(super) fn inheritance(manifests: &[Manifest], found: &mut Vec<Finding>) {
    for manifest in manifests.iter().filter(|manifest| manifest.name().is_some()) {
        for (section, key) in INHERITED.iter().filter(|(section, key)| !inherits(manifest, section, key)) {
            let line = if key.is_empty() { "workspace = true".to_owned() } else { format!("{key}.workspace = true") };
            let message = format!("does not inherit from the workspace; write `{line}` under `[{section}]`");
            found.push(Finding::new(&manifest.path, 1, message));
        }
    }
}

/// `key.workspace = true` or `key = { workspace = true }`; without a key, of the whole section.
fn inherits(manifest: &Manifest, section: &str, key: &str) -> bool {
    let is_true =
        |key: &str, value: &str| manifest.get(section, key).is_some_and(|entry| entry.value.replace(' ', "") == value);
    if key.is_empty() {
        return is_true("workspace", "true");
    }
    is_true(&format!("{key}.workspace"), "true") || is_true(key, "{workspace=true}")
}

/// Each crate of the tree is a member, and each member a default one, so that `cargo test` at the root misses nothing.
pub(super) fn members(manifests: &[Manifest], found: &mut Vec<Finding>) {
    let Some(root) = manifests.iter().find(|manifest| manifest.folder.is_empty()) else {
        found.push(Finding::new("Cargo.toml", 1, "not there; the workspace needs it at the root"));
        return;
    };
    for key in ["members", "default-members"] {
        let listed = root.list("workspace", key);
        let line = root.get("workspace", key).map_or(1, |entry| entry.line);
        for manifest in manifests.iter().filter(|manifest| manifest.name().is_some()) {
            let folder = if manifest.folder.is_empty() { "." } else { &manifest.folder };
            if !listed.contains(&folder) {
                found.push(Finding::new(&root.path, line, format!("\"{folder}\" is not in {key}; add it")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::File;
    use super::*;

    const GOOD: &str = "[package]\nname = \"a\"\nedition.workspace = true\nrust-version = { workspace = true }\n[lints]\nworkspace = true\n";

    fn found(check: fn(&[Manifest], &mut Vec<Finding>), files: &[(&str, &str)]) -> Vec<String> {
        let manifests: Vec<_> = files.iter().map(|(path, text)| Manifest::read(&File::of(path, text))).collect();
        let mut found = Vec::new();
        check(&manifests, &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_crate_that_does_not_inherit_is_found() {
        assert_eq!(found(inheritance, &[("a/Cargo.toml", GOOD)]), [""; 0]);
        for gone in ["edition.workspace = true", "rust-version = { workspace = true }", "[lints]\nworkspace = true"] {
            assert_eq!(found(inheritance, &[("a/Cargo.toml", &GOOD.replace(gone, ""))]).len(), 1, "{gone}");
        }
        let own = GOOD.replace("edition.workspace = true", "edition = \"2021\"");
        assert_eq!(found(inheritance, &[("a/Cargo.toml", &own)]).len(), 1);
    }

    #[test]
    fn a_crate_outside_of_the_default_members_is_found() {
        let all =
            "[workspace]\nmembers = [\".\", \"a\"]\ndefault-members = [\".\", \"a\"]\n[package]\nname = \"root\"\n";
        assert_eq!(found(members, &[("Cargo.toml", all), ("a/Cargo.toml", GOOD)]), [""; 0]);
        let lines = found(members, &[("Cargo.toml", &all.replace("\"a\"]\n[", "]\n[")), ("a/Cargo.toml", GOOD)]);
        assert_eq!(lines, ["Cargo.toml:3: \"a\" is not in default-members; add it"]);
        assert_eq!(found(members, &[("Cargo.toml", all), ("a/Cargo.toml", GOOD), ("b/Cargo.toml", GOOD)]).len(), 2);
    }

    #[test]
    fn a_tree_without_a_root_manifest_is_found() {
        assert_eq!(found(members, &[("a/Cargo.toml", GOOD)]).len(), 1);
    }
}
