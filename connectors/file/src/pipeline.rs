//! The types of `files`, `stdin` and `stdout`, in pipelines.
use crate::source::LARGEST_MAX_LINE;
use crate::{Console, DEFAULT_MAX_LINE, Files};
use millstream_pipeline::{Event, Naming, Registry, Result, SinkKind, SinkNode, SourceKind, SourceNode, Stream, Wrong};
use millstream_runtime::data::Bytes;
use millstream_runtime::source::Received;
use serde::Deserialize;

/// Adds them.
pub fn register(registry: &mut Registry) {
    registry.source::<Input>("files");
    registry.source::<Stdin>("stdin");
    registry.sink::<Output>("files");
    registry.sink::<Stdout>("stdout");
}

/// Lines of files. A path may have `*` and `?` in its last part.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    paths: Vec<String>,
    #[serde(default)]
    follow: bool,
    #[serde(default = "default_max_line")]
    max_line: usize,
    #[serde(default)]
    skip_missing: bool,
}

fn default_max_line() -> usize {
    DEFAULT_MAX_LINE
}

impl SourceKind for Input {
    fn has_lines(&self) -> bool {
        true
    }

    fn naming(&self) -> Naming {
        Naming::Path
    }

    fn check(&self) -> Vec<Wrong> {
        let mut wrong = vec![];
        if self.paths.is_empty() {
            wrong.push(Wrong::new("paths", "are none: name files, folders or patterns such as \"logs/*.log\""));
        }
        if self.paths.iter().any(|path| path == "-") {
            wrong.push(Wrong::new("paths", "\"-\" is no file: standard input is the type \"stdin\""));
        }
        wrong.extend(limit(self.max_line));
        wrong
    }

    fn open(&self, node: &SourceNode<'_>) -> Result<Stream<Received<Bytes>>> {
        let files = Files::lines(&self.paths).follow(self.follow).max_line(self.max_line);
        Ok(node.read(files.skip_missing(self.skip_missing)))
    }
}

/// Lines of standard input.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stdin {
    #[serde(default = "default_max_line")]
    max_line: usize,
}

impl SourceKind for Stdin {
    fn has_lines(&self) -> bool {
        true
    }

    fn naming(&self) -> Naming {
        Naming::Path
    }

    fn is_replayable(&self) -> bool {
        false
    }

    fn check(&self) -> Vec<Wrong> {
        limit(self.max_line).into_iter().collect()
    }

    fn open(&self, node: &SourceNode<'_>) -> Result<Stream<Received<Bytes>>> {
        Ok(node.read(Files::stdin().max_line(self.max_line)))
    }
}

fn limit(max_line: usize) -> Option<Wrong> {
    let fine = (1..=LARGEST_MAX_LINE).contains(&max_line);
    (!fine).then(|| Wrong::new("max_line", format!("is 1 to {LARGEST_MAX_LINE} bytes")))
}

/// Files of a folder, which become visible whole. A record is a line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    path: String,
}

impl SinkKind for Output {
    fn has_lines(&self) -> bool {
        true
    }

    fn check(&self) -> Vec<Wrong> {
        let none = self.path.is_empty();
        if none { vec![Wrong::new("path", "is empty: name a folder")] } else { vec![] }
    }

    fn write(&self, input: Stream<Event>, node: &SinkNode<'_>) -> Result<()> {
        node.end(input, Files::write(&self.path, node.format()));
        Ok(())
    }
}

/// Standard output. A record is a line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stdout {}

impl SinkKind for Stdout {
    fn has_lines(&self) -> bool {
        true
    }

    fn can_be_exactly_once(&self) -> bool {
        false
    }

    fn write(&self, input: Stream<Event>, node: &SinkNode<'_>) -> Result<()> {
        node.end(input, Console::stdout(node.format()));
        Ok(())
    }
}
