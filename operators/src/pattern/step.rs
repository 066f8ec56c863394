//! A step of a pattern, and what is between two.
use super::matched::Matched;

/// What is asked of an event, given what the match has so far.
pub(super) type Condition<T> = Box<dyn Fn(&T, &Matched<'_, T>) -> bool>;

/// Where an event may be, seen from the one taken before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contiguity {
    /// Directly behind it.
    Strict,
    /// The next one that fits.
    Relaxed,
    /// Any that fits.
    Any,
}

/// What must not be between two steps.
pub(super) struct Nots<T> {
    /// Directly behind the event before.
    pub next: Vec<Condition<T>>,
    /// Anywhere up to the event behind.
    pub between: Vec<Condition<T>>,
}

impl<T> Nots<T> {
    pub fn is_empty(&self) -> bool {
        self.next.is_empty() && self.between.is_empty()
    }
}

impl<T> Default for Nots<T> {
    fn default() -> Self {
        Self { next: vec![], between: vec![] }
    }
}

/// A step of a pattern.
pub(super) struct Step<T> {
    pub name: String,
    pub condition: Condition<T>,
    /// To the last event of the step before.
    pub contiguity: Contiguity,
    /// Between the events of this step.
    pub inner: Contiguity,
    pub least: u32,
    pub most: u32,
    pub optional: bool,
    /// No step behind it gets an event that this one may take.
    pub greedy: bool,
    /// Not this step's; behind its first event, its end.
    pub until: Option<Condition<T>>,
    /// Since the step before.
    pub nots: Nots<T>,
}
