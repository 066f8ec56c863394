//! What becomes of matches under way when one is found.
use super::run::Path;

/// After a match. Matches are found in the order in which they end; of those that end with the same event, the one that
/// began first comes first. A match that was discarded is not found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AfterMatch {
    /// All others go on: every possible match is found.
    #[default]
    NoSkip,
    /// Those that began with the same event are discarded.
    SkipToNext,
    /// All that began with an event up to the match's last are discarded: matches do not overlap.
    SkipPastLastEvent,
    /// Those that began before the match's first event of this step are discarded; none where the match has no such event.
    SkipToFirst(String),
    /// Those that began before the match's last event of this step are discarded; none where the match has no such event.
    SkipToLast(String),
}

impl AfterMatch {
    /// The step that it names.
    pub(super) fn step(&self) -> Option<&str> {
        match self {
            Self::SkipToFirst(step) | Self::SkipToLast(step) => Some(step),
            _ => None,
        }
    }
}

/// The beginnings that a match discards, by the event's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discards {
    Nothing,
    /// What began with this event.
    With(u64),
    /// What began before this one.
    Before(u64),
}

impl Discards {
    /// `step` is the number of the step that the strategy names.
    pub fn of(after: &AfterMatch, step: u16, path: &Path) -> Self {
        let (first, last) = (path.first(), path.last());
        let mut events = path.0.iter().filter(|taken| taken.step == step).map(|taken| taken.index);
        match after {
            AfterMatch::NoSkip => Self::Nothing,
            AfterMatch::SkipToNext => Self::With(first),
            AfterMatch::SkipPastLastEvent => Self::Before(last + 1),
            AfterMatch::SkipToFirst(_) => events.next().map_or(Self::Nothing, Self::Before),
            AfterMatch::SkipToLast(_) => events.next_back().map_or(Self::Nothing, Self::Before),
        }
    }

    /// Whether it discards what began with this event.
    pub fn covers(self, start: u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::With(first) => start == first,
            Self::Before(bound) => start < bound,
        }
    }
}
