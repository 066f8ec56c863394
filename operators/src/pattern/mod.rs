//! `detect`: patterns in the events of a key (complex event processing).
//!
//! A [`Pattern`] says which events make a match; it is compiled to an automaton (`nfa`), which keeps the matches under
//! way in keyed state. What an event does to them is decided by pure functions (`round`), which a test compares with a
//! search through all subsets of short sequences.
mod builder;
mod detect;
mod logic;
mod matched;
mod mistakes;
mod nfa;
mod round;
mod run;
mod skip;
mod step;
#[cfg(test)]
mod tests;

pub use builder::Pattern;
pub use matched::Matched;
pub use skip::AfterMatch;

use crate::Stream;
use crate::keyed::Keyed;
use crate::process::build_of;
use logic::DetectLogic;
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::Rule;
use mistakes::Mistake;
use nfa::Nfa;

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// Looks for a pattern in the events of each key, in the order of their event times; `f` makes a record of a match. It
    /// has the time of the match's last event; of a match that waited for something not to come, the end of its time.
    /// An event that comes after the watermark has passed it is left out, counted, and the first of each hour is logged:
    /// divert it with `.late(..)` behind `event_time`. Events of one key and one time are in the order of their arrival.
    ///
    /// ```
    /// use millstream_operators::pattern::Pattern;
    /// use millstream_operators::{Keyed, Stream};
    /// use millstream_runtime::time::mins;
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Payment { cents: i64 }
    /// /// A small payment, then a large one within ten minutes.
    /// fn frauds(payments: Keyed<u64, Payment>) -> Stream<(u64, i64)> {
    ///     let pattern = Pattern::begin("small", |p: &Payment| p.cents < 100)
    ///         .followed_by("large", |p| p.cents > 50_000)
    ///         .within(mins(10));
    ///     payments.detect("frauds", pattern, |card, matched| (*card, matched.last("large").map_or(0, |p| p.cents)))
    /// }
    /// ```
    #[track_caller]
    pub fn detect<U: Data>(
        self,
        uid: &str,
        pattern: Pattern<T>,
        f: impl FnMut(&K, &Matched<'_, T>) -> U + 'static,
    ) -> Stream<U>
    where
        K: Key,
        T: State,
    {
        let nfa = Nfa::compile(pattern);
        let mistakes = nfa.as_ref().err().cloned().unwrap_or_default();
        let build = build_of(move |init| Ok(Box::new(DetectLogic::open(nfa, f, init)?)));
        let at = self.shuffled(uid).operator("detect", uid, Rule::NeedsTime, build);
        mistakes.iter().for_each(|Mistake { what, help }| at.refuse(what, help));
        self.inner.behind(at)
    }
}
