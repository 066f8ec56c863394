//! Paths with `*` and `?` in their last part: `logs/*.log`.
use std::path::{Path, PathBuf};

/// A folder, and a pattern of names in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) folder: PathBuf,
    name: String,
}

impl Pattern {
    /// The pattern that a path is; none where its last part has neither `*` nor `?`.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = Path::new(path);
        let name = path.file_name()?.to_str().filter(|name| name.contains(['*', '?']))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(Self { folder: folder.into(), name: name.into() })
    }

    /// Whether the last part of a path matches.
    pub(super) fn matches(&self, path: &str) -> bool {
        let name = Path::new(path).file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| matches(self.name.as_bytes(), name.as_bytes()))
    }
}

/// `*` stands for any bytes, `?` for one. Goes back to the last `*` only, so it takes at most |pattern| x |name| steps.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on in both after the last `*` has taken one byte more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                retry = Some((p + 1, n + 1));
                p += 1;
                continue;
            }
            (Some(b'?'), Some(_)) => (p, n) = (p + 1, n + 1),
            (Some(one), Some(other)) if one == other => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((at, from)) if from <= name.len() => {
                    (p, n) = (at, from);
                    retry = Some((at, from + 1));
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match() {
        let holds =
            [("*.log", "a.log"), ("*", ""), ("a*b*c", "aXbYbZc"), ("?.l?g", "a.log"), ("**x", "yx"), ("a", "a")];
        holds.iter().for_each(|(p, n)| assert!(matches(p.as_bytes(), n.as_bytes()), "{p} {n}"));
        let fails = [("*.log", "a.log.gz"), ("a*b", "ac"), ("?", ""), ("a", "b"), ("a*a", "a"), ("", "a")];
        fails.iter().for_each(|(p, n)| assert!(!matches(p.as_bytes(), n.as_bytes()), "{p} {n}"));
    }

    #[test]
    fn only_the_last_part_is_a_pattern() {
        assert_eq!(Pattern::of("logs/a.log"), None);
        assert_eq!(Pattern::of("lo*s/a.log"), None);
        assert_eq!(Pattern::of("*.log").unwrap().folder, Path::new("."));
        assert!(Pattern::of("logs/*.log").unwrap().matches("logs/a.log"));
    }
}
