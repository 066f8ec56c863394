//! The layers: which crate of the workspace may depend on which.

use super::Finding;
use super::manifest::Manifest;

/// A layer: the folders of its crates, and the folders that these may depend on, in the program and in tests.
/// A folder that ends with `/` stands for all crates below it.
struct Layer {
    folder: &'static str,
    may: &'static [&'static str],
    /// In addition, for `[dev-dependencies]`.
    may_in_tests: &'static [&'static str],
}

const ALL: &[&str] = &["runtime/derive", "runtime", "operators", "collections", "connectors/", "testkit"];

/// From the bottom to the top. runtime knows no operator and no connector; no operator knows a connector.
const LAYERS: &[Layer] = &[
    Layer { folder: "runtime/derive", may: &[], may_in_tests: &[] },
    Layer { folder: "runtime", may: &["runtime/derive"], may_in_tests: &[] },
    Layer { folder: "operators", may: &["runtime", "runtime/derive"], may_in_tests: &["testkit"] },
    // The facade, for benches.
    Layer { folder: "collections", may: &["runtime", "operators"], may_in_tests: &["", "testkit"] },
    Layer { folder: "connectors/formats", may: &["runtime", "runtime/derive"], may_in_tests: &["testkit"] },
    Layer {
        folder: "pipeline",
        may: &["runtime", "runtime/derive", "operators", "connectors/formats"],
        may_in_tests: &["testkit"],
    },
    Layer {
        folder: "connectors/",
        may: &["runtime", "runtime/derive", "connectors/formats", "pipeline"],
        // The facade, for the examples and benches of a connector that it has only on demand.
        may_in_tests: &["", "operators", "testkit"],
    },
    Layer { folder: "testkit", may: &["runtime", "operators"], may_in_tests: &["runtime/derive"] },
    Layer { folder: "", may: ALL, may_in_tests: &[] },
    Layer { folder: "cli", may: &["", "runtime", "operators", "pipeline", "connectors/"], may_in_tests: &["testkit"] },
    // A connector that the facade has only on demand.
    Layer { folder: "benches/", may: &["", "connectors/"], may_in_tests: &[] },
    Layer { folder: "xtask", may: &[], may_in_tests: &[] },
];

/// A crate depends on lower layers only.
pub(super) fn layers(manifests: &[Manifest], found: &mut Vec<Finding>) {
    for manifest in manifests {
        let Some(layer) = layer_of(&manifest.folder) else {
            let message = "this crate has no layer; add its folder to LAYERS in xtask/src/tidy/layering.rs";
            found.push(Finding::new(&manifest.path, 1, message));
            continue;
        };
        for dependency in manifest.dependencies() {
            let Some(target) = manifests.iter().find(|other| other.name() == Some(dependency.name)) else { continue };
            if !layer.allows(&target.folder, dependency.dev) {
                let message = format!(
                    "{} is not below this crate; move what is shared down, or turn the dependency round",
                    dependency.name
                );
                found.push(Finding::new(&manifest.path, dependency.line, message));
            }
        }
    }
}

impl Layer {
    fn allows(&self, target: &str, dev: bool) -> bool {
        let extra = if dev { self.may_in_tests } else { &[] };
        self.may.iter().chain(extra).any(|folder| covers(folder, target))
    }
}

fn layer_of(folder: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| covers(layer.folder, folder))
}

fn covers(pattern: &str, folder: &str) -> bool {
    pattern == folder || (pattern.ends_with('/') && folder.starts_with(pattern))
}

#[cfg(test)]
mod tests {
    use super::super::tree::File;
    use super::*;

    /// The findings for a workspace of these folders (each crate named after its folder), where one of them has one dependency.
    fn found(folder: &str, section: &str, target: &str) -> Vec<String> {
        let connectors = ["connectors/formats", "connectors/file"];
        let others = ["", "runtime", "runtime/derive", "operators", "pipeline", "testkit", "cli", "xtask"];
        let folders: Vec<&str> = connectors.into_iter().chain(others).collect();
        let manifests: Vec<Manifest> = folders
            .into_iter()
            .map(|one| {
                let depends = if one == folder {
                    format!("[{section}]\n\"at/{target}\".workspace = true\n")
                } else {
                    String::new()
                };
                let path = if one.is_empty() { "Cargo.toml".to_owned() } else { format!("{one}/Cargo.toml") };
                Manifest::read(&File::of(&path, &format!("[package]\nname = \"at/{one}\"\n{depends}")))
            })
            .collect();
        let mut found = Vec::new();
        layers(&manifests, &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lower_layers_may_be_used() {
        for (folder, target) in [
            ("", "connectors/file"),
            ("", "testkit"),
            ("operators", "runtime"),
            ("connectors/file", "connectors/formats"),
            ("testkit", "operators"),
            ("runtime", "runtime/derive"),
            ("pipeline", "operators"),
            ("connectors/file", "pipeline"),
            ("cli", "connectors/file"),
        ] {
            assert_eq!(found(folder, "dependencies", target), [""; 0], "{folder} -> {target}");
        }
        assert_eq!(found("connectors/file", "dev-dependencies", "testkit"), [""; 0]);
    }

    #[test]
    fn a_dependency_upwards_or_sideways_is_found() {
        for (folder, target) in [
            ("runtime", "operators"),
            ("runtime/derive", "runtime"),
            ("operators", "connectors/file"),
            ("operators", "testkit"),
            ("connectors/formats", "connectors/file"),
            ("connectors/file", "operators"),
            ("testkit", "connectors/file"),
            ("xtask", "runtime"),
            ("pipeline", "connectors/file"),
            ("operators", "pipeline"),
        ] {
            let lines = found(folder, "dependencies", target);
            assert_eq!(lines.len(), 1, "{folder} -> {target}");
            assert!(lines[0].starts_with(&format!("{folder}/Cargo.toml:4: at/{target} is not below")), "{}", lines[0]);
        }
        assert_eq!(found("runtime", "dev-dependencies", "testkit").len(), 1);
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        let mut found = Vec::new();
        layers(&[Manifest::read(&File::of("misc/Cargo.toml", "[package]\nname = \"misc\"\n"))], &mut found);
        assert_eq!(found.len(), 1);
    }
}
