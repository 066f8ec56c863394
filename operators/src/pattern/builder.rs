//! How a pattern is said: steps, what is between them, how often, within which time.
use super::matched::Matched;
use super::mistakes::Mistake;
use super::skip::AfterMatch;
use super::step::{Contiguity, Nots, Step};
use std::time::Duration;

/// So many matches of one key may be under way, unless told otherwise.
const UNDER_WAY: usize = 10_000;

/// What to look for in the events of a key, in the order of their event times: [`Keyed::detect`](crate::Keyed::detect).
///
/// ```
/// use millstream_operators::pattern::{AfterMatch, Pattern};
/// use millstream_runtime::time::mins;
/// struct Payment { cents: i64 }
///
/// let probe_then_grab = Pattern::begin("probe", |p: &Payment| p.cents < 100)
///     .times_between(2, 5)
///     .not_followed_by(|p| p.cents == 0)
///     .followed_by("grab", |p| p.cents > 50_000)
///     .and(|p, matched| matched.of("probe").all(|probe| probe.cents * 1_000 < p.cents))
///     .within(mins(10))
///     .after_match(AfterMatch::SkipPastLastEvent);
/// # let _ = probe_then_grab;
/// ```
#[must_use = "a pattern does nothing until a stream is asked for it: `.detect(uid, pattern, f)`"]
pub struct Pattern<T> {
    pub(super) steps: Vec<Step<T>>,
    /// Behind the last step.
    pub(super) trailing: Nots<T>,
    pub(super) within: Option<Duration>,
    pub(super) after_match: AfterMatch,
    pub(super) under_way: usize,
    /// What is seen to make no sense while it is said; the rest is looked for in the whole.
    pub(super) mistakes: Vec<Mistake>,
}

impl<T: 'static> Pattern<T> {
    /// A match begins with an event for which `condition` holds.
    pub fn begin(name: &str, condition: impl Fn(&T) -> bool + 'static) -> Self {
        let empty = Self {
            steps: vec![],
            trailing: Nots::default(),
            within: None,
            after_match: AfterMatch::NoSkip,
            under_way: UNDER_WAY,
            mistakes: vec![],
        };
        empty.step(name, Contiguity::Strict, condition)
    }

    /// The next event of the key is one for which `condition` holds.
    pub fn next(self, name: &str, condition: impl Fn(&T) -> bool + 'static) -> Self {
        self.step(name, Contiguity::Strict, condition)
    }

    /// Later comes an event for which `condition` holds: the first one. Others may be in between.
    pub fn followed_by(self, name: &str, condition: impl Fn(&T) -> bool + 'static) -> Self {
        self.step(name, Contiguity::Relaxed, condition)
    }

    /// Later comes an event for which `condition` holds, and each such event makes a match of its own.
    pub fn followed_by_any(self, name: &str, condition: impl Fn(&T) -> bool + 'static) -> Self {
        self.step(name, Contiguity::Any, condition)
    }

    /// The next event is none for which `condition` holds. At the end of a pattern: the match is there when the next event
    /// is, or when [`Pattern::within`] is over and there was none.
    pub fn not_next(mut self, condition: impl Fn(&T) -> bool + 'static) -> Self {
        self.trailing.next.push(Box::new(move |event, _| condition(event)));
        self
    }

    /// Until the next step's event comes, none comes for which `condition` holds. At the end of a pattern: none comes
    /// [`Pattern::within`] the time that the pattern has, and the match is there when that is over.
    pub fn not_followed_by(mut self, condition: impl Fn(&T) -> bool + 'static) -> Self {
        self.trailing.between.push(Box::new(move |event, _| condition(event)));
        self
    }

    /// The last step asks this, too, and sees what the match has so far.
    pub fn and(self, condition: impl Fn(&T, &Matched<'_, T>) -> bool + 'static) -> Self {
        self.last("and", |step| {
            let before = std::mem::replace(&mut step.condition, Box::new(|_, _| true));
            step.condition = Box::new(move |event, matched| before(event, matched) && condition(event, matched));
        })
    }

    /// The last step takes so many events, at least one.
    pub fn times(self, times: u32) -> Self {
        self.times_between(times, times)
    }

    /// The last step takes at least `least` and at most `most` events; each number of them makes a match.
    pub fn times_between(self, least: u32, most: u32) -> Self {
        self.last("times", |step| (step.least, step.most) = (least, most))
    }

    /// The last step takes one event or more.
    pub fn one_or_more(self) -> Self {
        self.times_between(1, u32::MAX)
    }

    /// The last step may be left out.
    pub fn optional(self) -> Self {
        self.last("optional", |step| step.optional = true)
    }

    /// The events of the last step, which takes several, come directly one behind the other.
    pub fn consecutive(self) -> Self {
        self.last("consecutive", |step| step.inner = Contiguity::Strict)
    }

    /// The events of the last step, which takes several, are any that fit: it need not take the first of them.
    pub fn any_combination(self) -> Self {
        self.last("any_combination", |step| step.inner = Contiguity::Any)
    }

    /// The last step takes as many events as it can: while it may take the event that comes, no step behind it takes that
    /// event, nor passes over it, nor is the pattern over with it. So of the matches that differ in how many events the step
    /// has, only the longest is left. A step that may take no more holds nobody back: it has as many as it is to have, or
    /// was to be `consecutive`, or [`Pattern::until`] has ended it. Not for `any_combination`, nor for the last step, whose
    /// matches are there with each event.
    ///
    /// ```
    /// use millstream_operators::pattern::Pattern;
    ///
    /// // Of 500, 500, 500, 200 one match begins with the first: three failures, then 200. Without `greedy` there would
    /// // be more, with the second or the third 500 as the last.
    /// let failures = Pattern::begin("failed", |code: &u16| *code >= 400).one_or_more().greedy();
    /// let failures = failures.next("last", |code| *code != 404);
    /// # let _ = failures;
    /// ```
    pub fn greedy(self) -> Self {
        self.last("greedy", |step| step.greedy = true)
    }

    /// The last step, which takes several events, takes none for which `condition` holds, and once it has begun such an
    /// event ends it: it takes no more, and what is behind it may take this very event. A step that has too few by then
    /// comes to nothing. Before its first event, one that fits the step but not this counts as the next one that fits:
    /// `followed_by` does not look beyond it, `followed_by_any` does.
    ///
    /// ```
    /// use millstream_operators::pattern::Pattern;
    ///
    /// let visit = Pattern::begin("log in", |page: &&str| *page == "/in")
    ///     .followed_by("pages", |page| page.starts_with('/'))
    ///     .one_or_more()
    ///     .greedy()
    ///     .until(|page| *page == "/out")
    ///     .next("log out", |page| *page == "/out");
    /// # let _ = visit;
    /// ```
    pub fn until(mut self, condition: impl Fn(&T) -> bool + 'static) -> Self {
        if self.steps.last().is_some_and(|step| step.until.is_some()) {
            self.mistakes.push(Mistake::of_step(&self.steps, "has two .until(..)", "say both conditions in one"));
        }
        self.last("until", |step| step.until = Some(Box::new(move |event, _| condition(event))))
    }

    /// All events of a match come within so much time: the last less than `time` after the first.
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// What becomes of matches under way when one is found: they go on, unless told otherwise.
    pub fn after_match(mut self, after: AfterMatch) -> Self {
        self.after_match = after;
        self
    }

    /// So many matches of one key may be under way, 10,000 unless told otherwise. With more the job stops: each event is
    /// held against all of them.
    pub fn at_most_under_way(mut self, matches: usize) -> Self {
        self.under_way = matches;
        self
    }

    fn step(mut self, name: &str, contiguity: Contiguity, condition: impl Fn(&T) -> bool + 'static) -> Self {
        self.steps.push(Step {
            name: name.into(),
            condition: Box::new(move |event, _| condition(event)),
            contiguity,
            inner: Contiguity::Relaxed,
            least: 1,
            most: 1,
            optional: false,
            greedy: false,
            until: None,
            nots: std::mem::take(&mut self.trailing),
        });
        self
    }

    /// Changes the last step; not where a `not_` is behind it, of which nobody can say how often it is to happen.
    fn last(mut self, verb: &str, change: impl FnOnce(&mut Step<T>)) -> Self {
        match self.steps.last_mut() {
            Some(step) if self.trailing.is_empty() => change(step),
            _ => self.mistakes.push(Mistake {
                what: format!(".{verb}(..) stands behind a .not_.., and says nothing of it"),
                help: "put it directly behind the step that it is about".into(),
            }),
        }
        self
    }
}
