//! The workspace's Cargo.toml files as flat lists of entries: as much of TOML as the checks need.

use super::tree::{File, Tree};

/// `key = value` of a section, with its place. The header of a section is an entry with an empty key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The section's name without brackets; empty before the first one.
    pub(super) section: String,
    pub(super) key: String,
    /// The text right of the `=`, without comment; an array over several lines is one value.
    pub(super) value: String,
    /// The 1-based line.
    pub(super) line: usize,
}

/// A crate that another crate names as a dependency.
pub(super) struct Dependency<'a> {
    pub(super) name: &'a str,
    /// True for `[dev-dependencies]`.
    pub(super) dev: bool,
    pub(super) line: usize,
}

/// One Cargo.toml.
pub(super) struct Manifest {
    /// Path of the Cargo.toml from the root.
    pub(super) path: String,
    /// Folder of the crate from the root; empty for the root package.
    pub(super) folder: String,
    pub(super) entries: Vec<Entry>,
}

/// All Cargo.toml files of this workspace; a folder with a workspace of its own is left out.
pub(super) fn read_all(tree: &Tree) -> Vec<Manifest> {
    let is_manifest = |file: &&File| file.path.rsplit('/').next() == Some("Cargo.toml");
    let mut all: Vec<Manifest> = tree.files.iter().filter(is_manifest).map(Manifest::read).collect();
    all.retain(|one| one.folder.is_empty() || !one.is_workspace());
    all
}

impl Manifest {
    pub(super) fn read(file: &File) -> Self {
        Self { path: file.path.clone(), folder: file.folder().to_owned(), entries: entries(&file.text) }
    }

    fn is_workspace(&self) -> bool {
        self.entries.iter().any(|entry| entry.section == "workspace")
    }

    /// The entry with this key in this section.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.section == section && entry.key == key)
    }

    /// The package's name; a virtual manifest has none.
    pub(super) fn name(&self) -> Option<&str> {
        self.get("package", "name").map(|entry| entry.value.trim_matches('"'))
    }

    /// The crate's own dependencies of every kind and platform.
    pub(super) fn dependencies(&self) -> impl Iterator<Item = Dependency<'_>> {
        self.named_in(|section| !section.starts_with("workspace."))
    }

    /// The dependencies that crates of the workspace may inherit.
    pub(super) fn workspace_dependencies(&self) -> impl Iterator<Item = Dependency<'_>> {
        self.named_in(|section| section.starts_with("workspace."))
    }

    fn named_in(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = Dependency<'_>> {
        let mut seen = Vec::new();
        self.entries.iter().filter(move |entry| wanted(&entry.section)).filter_map(dependency).filter(move |one| {
            let key = (one.name, one.dev);
            let new = !seen.contains(&key);
            seen.push(key);
            new
        })
    }

    /// The strings of an array such as `members`.
    pub(super) fn list(&self, section: &str, key: &str) -> Vec<&str> {
        let value = self.get(section, key).map_or("", |entry| &entry.value);
        value.split('"').skip(1).step_by(2).collect()
    }
}

/// `name = ..` or `name.workspace = true` in `[dependencies]`, or any key in `[dependencies.name]`.
fn dependency(entry: &Entry) -> Option<Dependency<'_>> {
    let section = &entry.section;
    let end = section.find("dependencies")? + "dependencies".len();
    let (kind, tail) = section.split_at(end);
    let name = if tail.is_empty() { &entry.key } else { tail.strip_prefix('.')? };
    let name = name.split('.').next().unwrap_or(name).trim_matches('"');
    (!name.is_empty()).then(|| Dependency { name, dev: kind.ends_with("dev-dependencies"), line: entry.line })
}

fn entries(text: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut section = String::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        let line = without_comment(line).trim();
        if let (true, Some(last)) = (open, found.last_mut()) {
            last.value.push_str(line);
            open = is_open(&last.value);
        } else if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).trim().to_owned();
            found.push(Entry { section: section.clone(), key: String::new(), value: String::new(), line: number + 1 });
        } else if let Some((key, value)) = line.split_once('=') {
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            open = is_open(&value);
            found.push(Entry { section: section.clone(), key, value, line: number + 1 });
        }
    }
    found
}

/// True while an array or inline table still lacks its end.
fn is_open(value: &str) -> bool {
    let outside: String = value.split('"').step_by(2).collect();
    outside.matches(['[', '{']).count() > outside.matches([']', '}']).count()
}

/// The line up to a `#` that stands outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, one) in line.char_indices() {
        match one {
            '"' => quoted = !quoted,
            '#' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r##"
[package]
name = "one" # a "comment"
edition.workspace = true

[dependencies]
serde = { version = "1", features = [
    "derive", # why
] }
bytes.workspace = true

[dependencies.tokio]
version = "1"
features = ["sync"]

[dev-dependencies]
"tempfile" = "3#3"

[target.'cfg(unix)'.dependencies]
libc = "0.2"

[[bin]]
path = "src/other.rs"
"##;

    #[test]
    fn dependencies_of_every_form_are_read() {
        let manifest = Manifest::read(&File::of("a/Cargo.toml", TEXT));
        assert_eq!((manifest.name(), &*manifest.folder), (Some("one"), "a"));
        let named: Vec<_> = manifest.dependencies().map(|one| (one.name, one.dev, one.line)).collect();
        let want = [
            ("serde", false, 7),
            ("bytes", false, 10),
            ("tokio", false, 12),
            ("tempfile", true, 17),
            ("libc", false, 20),
        ];
        assert_eq!(named, want);
        assert_eq!(manifest.get("bin", "path").map(|entry| &*entry.value), Some("\"src/other.rs\""));
        assert_eq!(manifest.get("package", "edition.workspace").map(|entry| &*entry.value), Some("true"));
    }

    #[test]
    fn lists_may_span_lines() {
        let text = "[workspace]\nmembers = [\n  \".\", # the facade\n  \"a\",\n]\ndefault-members = [\".\"]\n";
        let manifest = Manifest::read(&File::of("Cargo.toml", text));
        assert_eq!(manifest.list("workspace", "members"), [".", "a"]);
        assert_eq!(manifest.list("workspace", "default-members"), ["."]);
        assert_eq!(manifest.list("workspace", "exclude"), [""; 0]);
    }

    #[test]
    fn workspace_dependencies_are_apart_and_nested_workspaces_are_left_out() {
        let root = "[workspace]\n[workspace.dependencies]\ntimely = \"=0.31.0\"\n[dependencies]\nserde = \"1\"\n";
        let tree = Tree::of(&[("Cargo.toml", root), ("sim/Cargo.toml", "[package]\nname = \"sim\"\n[workspace]\n")]);
        let all = read_all(&tree);
        assert_eq!(all.len(), 1);
        let named: Vec<&str> = all[0].workspace_dependencies().map(|one| one.name).collect();
        assert_eq!(named, ["timely"]);
    }
}
