//! Checks of single files: size, titles and module docs.

use super::tree::File;
use super::{Finding, Rule};

/// Largest file in bytes; what is larger is a download or a build product.
const SIZE_MAX: usize = 200_000;

/// No large blobs in the repository.
pub(super) fn size(file: &File, found: &mut Vec<Finding>) {
    if file.size > SIZE_MAX {
        let message =
            format!("{} bytes, at most {SIZE_MAX}; generate it in a test or fetch it, do not commit it", file.size);
        found.push(Finding::of(Rule::LargeFile, &file.path, 1, message));
    }
}

/// A markdown file says what it is about in its first line.
pub(super) fn markdown_title(file: &File, found: &mut Vec<Finding>) {
    let titled = file.text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| {
        let rest = line.strip_prefix("# ").unwrap_or_default();
        !rest.trim().is_empty()
    });
    if file.path.ends_with(".md") && !titled {
        found.push(Finding::new(&file.path, 1, "no title; start the file with a line `# Title`"));
    }
}

/// A Rust file says what it is for in its first line.
pub(super) fn module_doc(file: &File, found: &mut Vec<Finding>) {
    let first = file.text.lines().next().unwrap_or_default();
    let documented = first.strip_prefix("//! ").is_some_and(|rest| !rest.trim().is_empty());
    if file.rust.is_some() && !documented {
        let message = "no module doc; let the first line be a `//! ` sentence that says what the file is for";
        found.push(Finding::new(&file.path, 1, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: fn(&File, &mut Vec<Finding>), path: &str, text: &str) -> usize {
        let mut found = Vec::new();
        check(&File::of(path, text), &mut found);
        found.len()
    }

    #[test]
    fn large_files_are_found() {
        assert_eq!(found(size, "blob.bin", &"x".repeat(SIZE_MAX)), 0);
        assert_eq!(found(size, "blob.bin", &"x".repeat(SIZE_MAX + 1)), 1);
    }

    #[test]
    fn markdown_without_a_title_is_found() {
        assert_eq!(found(markdown_title, "a.md", "\n# Title\n"), 0);
        assert_eq!(found(markdown_title, "a.rs", "no title"), 0);
        for bad in ["", "Title\n", "#Title\n", "# \n", "## Title\n"] {
            assert_eq!(found(markdown_title, "a.md", bad), 1, "{bad:?}");
        }
    }

    #[test]
    fn rust_without_a_module_doc_is_found() {
        assert_eq!(found(module_doc, "a.rs", "//! What it is for.\n"), 0);
        assert_eq!(found(module_doc, "a.md", "# Title"), 0);
        for bad in ["", "//!\n", "\n//! Late.\n", "/// Wrong.\n", "use std::fs;\n"] {
            assert_eq!(found(module_doc, "a.rs", bad), 1, "{bad:?}");
        }
    }
}
