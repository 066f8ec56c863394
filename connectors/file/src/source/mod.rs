//! The source: lines of files, of the files of folders, and of standard input.
mod lines;
mod listing;
mod pattern;
mod pipe;
mod places;
pub(crate) mod reader;
pub(crate) mod split;
mod tail;

use crate::source::listing::Listing;
use crate::source::places::Places;
use crate::source::reader::FileReader;
use crate::source::split::{FileOffset, FileSplit};
use crate::source::tail::{Tail, Watch};
use millstream_runtime::Result;
use millstream_runtime::source::{Found, Source, Splits};
use serde::{Deserialize, Serialize};

/// What a path of standard input is.
const STDIN: &str = "-";

/// The longest line, unless told otherwise: 1 MiB.
pub const DEFAULT_MAX_LINE: usize = 1 << 20;

/// The largest limit that can be set for a line: 32 MiB, so that a record stays below the codec's limit.
pub(crate) const LARGEST_MAX_LINE: usize = 32 << 20;

/// A folder may hold at most so many files.
pub const MAX_FILES: usize = 100_000;

/// Lines of files as bytes, without their ends. The meta data has the file's path and the line's first byte.
///
/// A path is a file, a folder (its files in the order of their names, without those whose names start with a dot, and
/// without folders inside), a pattern of files of a folder (`logs/*.log`) or `-`, standard input. A file is known by device, inode, time of birth and a hash of its
/// first line, so one that is renamed goes on as the same split, and a new one under the old name is another split.
/// Files may only grow: one that becomes shorter stops the job.
///
/// A line above the limit of [`FileSource::max_line`] comes as its first KiB, with `meta.fault` that says how long it
/// was.
#[derive(Clone, Debug, clap::Args, Serialize, Deserialize)]
#[serde(default)]
pub struct FileSource {
    /// A file or a folder; - is standard input. May be given again.
    #[arg(long = "input")]
    #[serde(alias = "input")]
    pub paths: Vec<String>,
    /// Goes on as files grow, rotate and appear.
    #[arg(long)]
    pub follow: bool,
    /// A line longer than this many bytes is a dead letter with its head.
    #[arg(long, default_value_t = DEFAULT_MAX_LINE)]
    pub max_line: usize,
    /// Goes on without files that are gone before they were read to their end; else they are an error.
    #[arg(long)]
    pub skip_missing: bool,
    #[arg(skip)]
    #[serde(skip)]
    listing: Listing,
    #[arg(skip)]
    #[serde(skip)]
    places: Places,
}

impl Default for FileSource {
    fn default() -> Self {
        Self {
            paths: vec![],
            follow: false,
            max_line: DEFAULT_MAX_LINE,
            skip_missing: false,
            listing: Listing::default(),
            places: Places::default(),
        }
    }
}

impl FileSource {
    pub(crate) fn new(paths: Vec<String>) -> Self {
        Self { paths, ..Self::default() }
    }

    /// Goes on as files grow, rotate and appear. A half line at the end of a file waits for its rest.
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// The longest line, in bytes without its end: 1 to 32 MiB. Longer ones come as their head with a fault.
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// Goes on, with a warning, without files that are gone before they were read to their end.
    pub fn skip_missing(mut self, skip: bool) -> Self {
        self.skip_missing = skip;
        self
    }

    fn check(&self) -> Result<()> {
        if self.paths.is_empty() {
            return Err("no input: name a file, a folder, or - for standard input".into());
        }
        if !(1..=LARGEST_MAX_LINE).contains(&self.max_line) {
            return Err(
                format!("the limit of a line is {} bytes: choose 1 to {LARGEST_MAX_LINE}", self.max_line).into()
            );
        }
        Ok(())
    }

    /// A split whose file is nowhere.
    fn missing(&self, from: Option<FileOffset>) -> Result<FileReader> {
        let says = match &from {
            Some(FileOffset { at, path }) => {
                format!("{path}: the file that was read to byte {at} is gone, or was overwritten")
            }
            None => format!("{}: a file that was listed is gone before it was read", self.paths.join(", ")),
        };
        if !self.skip_missing {
            let cure = "put it back, under any name in its folder, or give up the rest of it with --skip-missing";
            return Err(format!("{says}; {cure}").into());
        }
        tracing::warn!("{says}; goes on without it");
        Ok(FileReader::gone(from.unwrap_or(FileOffset { at: 0, path: "".into() })))
    }
}

impl Source for FileSource {
    type Split = FileSplit;
    type Reader = FileReader;

    fn splits(&mut self) -> Result<Splits<FileSplit>> {
        self.check()?;
        let mut splits = self.listing.splits(&self.paths, self.follow)?;
        if self.paths.iter().any(|p| p == STDIN) {
            splits.push(FileSplit::STDIN);
        }
        let found = splits.into_iter().map(Found::from).collect();
        Ok(if self.follow { Splits::Growing(found) } else { Splits::Fixed(found) })
    }

    fn open(&self, split: &FileSplit, from: Option<FileOffset>) -> Result<FileReader> {
        self.check()?;
        let at = from.as_ref().map_or(0, |from| from.at);
        if *split == FileSplit::STDIN {
            return Ok(FileReader::stdin(at, self.max_line));
        }
        let Some(found) = self.places.find(split, &self.paths)? else {
            return self.missing(from);
        };
        // With an offset the split is from an earlier start; this start's listing has the file as another one. Without, the
        // file may have grown since this start's listing, and nobody else reads it.
        if found.has_grown && from.is_some() {
            return Ok(FileReader::gone(FileOffset { at, path: found.path.into() }));
        }
        let watch = self.follow.then(|| Watch::new(places::folders(&self.paths)));
        Tail::open(found, *split, at, self.max_line, watch).map(FileReader::file)
    }

    fn replayable(&self) -> bool {
        !self.paths.iter().any(|p| p == STDIN)
    }
}
