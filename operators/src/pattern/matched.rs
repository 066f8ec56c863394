//! What a match has, as user code sees it.
use super::run::Taken;

/// Where events are found by their index.
pub(super) trait Events<T> {
    fn event(&self, index: u64) -> Option<&T>;
}

/// The events of a match, or of one that is under way.
pub struct Matched<'a, T> {
    pub(super) path: &'a [Taken],
    pub(super) names: &'a [String],
    pub(super) events: &'a dyn Events<T>,
}

impl<'a, T> Matched<'a, T> {
    /// The events of a step, in order; none where the step was left out, or is still to come.
    pub fn of(&self, step: &str) -> impl DoubleEndedIterator<Item = &'a T> + use<'a, T> {
        let number = self.names.iter().position(|name| name == step);
        let (path, events) = (self.path, self.events);
        let taken = path.iter().filter(move |taken| Some(usize::from(taken.step)) == number);
        taken.filter_map(move |taken| events.event(taken.index))
    }

    /// The first event of a step.
    pub fn first(&self, step: &str) -> Option<&'a T> {
        self.of(step).next()
    }

    /// The last event of a step.
    pub fn last(&self, step: &str) -> Option<&'a T> {
        self.of(step).next_back()
    }

    /// All events with the names of their steps, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a T)> {
        let (names, events) = (self.names, self.events);
        self.path
            .iter()
            .filter_map(move |taken| Some((names.get(usize::from(taken.step))?.as_str(), events.event(taken.index)?)))
    }
}
