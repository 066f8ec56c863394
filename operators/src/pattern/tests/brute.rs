//! What a pattern means, said of whole matches: each subset of the events, with each way to give them steps, is judged.
use super::super::builder::Pattern;
use super::super::skip::AfterMatch;
use super::super::step::Contiguity;
use super::Event;
use millstream_runtime::time::millis;

/// The letters that a `not_` speaks of, a bit for each.
#[derive(Clone, Debug, Default)]
pub(super) struct Nots {
    pub next: Option<u8>,
    pub between: Option<u8>,
}

#[derive(Clone, Debug)]
pub(super) struct StepSaid {
    pub mask: u8,
    pub contiguity: Contiguity,
    pub inner: Contiguity,
    pub least: u32,
    pub most: u32,
    pub optional: bool,
    /// Its letters are not before the one that was taken last.
    pub rises: bool,
    pub greedy: bool,
    pub until: Option<u8>,
    pub nots: Nots,
}

/// A pattern of steps called "0", "1" ..
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub steps: Vec<StepSaid>,
    pub trailing: Nots,
    pub within: Option<i64>,
    pub after: AfterMatch,
}

/// Events with their steps.
type Way = Vec<(usize, usize)>;

/// When a match is found: time, whether by an event, which.
type Moment = (i64, bool, usize);

fn fits(mask: u8, event: Event) -> bool {
    mask >> event.0 & 1 == 1
}

impl Said {
    /// The same in the language of the builder.
    pub fn pattern(&self) -> Pattern<Event> {
        let mut pattern: Option<Pattern<Event>> = None;
        for (n, said) in self.steps.iter().enumerate() {
            let (name, mask) = (n.to_string(), said.mask);
            let condition = move |event: &Event| fits(mask, *event);
            let mut next = match pattern.map(|pattern| with_nots(pattern, &said.nots)) {
                None => Pattern::begin(&name, condition),
                Some(pattern) => match said.contiguity {
                    Contiguity::Strict => pattern.next(&name, condition),
                    Contiguity::Relaxed => pattern.followed_by(&name, condition),
                    Contiguity::Any => pattern.followed_by_any(&name, condition),
                },
            };
            next = next.times_between(said.least, said.most);
            next = if said.greedy { next.greedy() } else { next };
            if let Some(mask) = said.until {
                next = next.until(move |event| fits(mask, *event));
            }
            next = if said.optional { next.optional() } else { next };
            if said.rises {
                next = next.and(|event, matched| matched.iter().last().is_none_or(|(_, last)| event.0 >= last.0));
            }
            pattern = Some(match said.inner {
                Contiguity::Strict => next.consecutive(),
                Contiguity::Relaxed => next,
                Contiguity::Any => next.any_combination(),
            });
        }
        let pattern = with_nots(pattern.expect("there are steps"), &self.trailing).after_match(self.after.clone());
        match self.within {
            Some(within) => pattern.within(millis(within.unsigned_abs())),
            None => pattern,
        }
    }

    /// All matches, in the order in which they are found.
    pub fn matches(&self, events: &[Event]) -> Vec<Way> {
        let mut all = vec![];
        self.search(events, &mut vec![], &mut all);
        all.sort();
        let mut found: Vec<Way> = vec![];
        for (_, way) in all {
            if !found.iter().any(|before| self.discards(before, &way)) {
                found.push(way);
            }
        }
        found
    }

    fn search(&self, events: &[Event], way: &mut Way, all: &mut Vec<(Moment, Way)>) {
        all.extend(self.moment(events, way).map(|moment| (moment, way.clone())));
        let (index, step) = way.last().map_or((0, 0), |(index, step)| (index + 1, *step));
        for index in index..events.len() {
            for step in step..self.steps.len() {
                way.push((index, step));
                self.search(events, way, all);
                way.pop();
            }
        }
    }

    /// When this way is found to be a match; none if it is not.
    fn moment(&self, events: &[Event], way: &Way) -> Option<Moment> {
        let (first, last) = (way.first()?, way.last()?);
        let deadline = self.within.map_or(i64::MAX, |within| events[first.0].1 + within);
        let counts = self.steps.iter().enumerate().all(|(n, step)| {
            let count = way.iter().filter(|(_, its)| *its == n).count() as u32;
            (count == 0 && step.optional) || (step.least..=step.most).contains(&count)
        });
        let conditions = || (0..way.len()).all(|n| self.takes(events, &way[..n], way[n]));
        let gaps = || (1..way.len()).all(|n| self.gap(events, &way[..n], way[n]));
        let wanted = || (0..first.1).any(|to| self.steps[to].greedy && self.takes(events, &[], (first.0, to)));
        if !counts || events[last.0].1 >= deadline || !conditions() || !gaps() || wanted() {
            return None;
        }
        let nots: Vec<&Nots> = (last.1 + 1..=self.steps.len()).map(|to| self.nots_before(to)).collect();
        if nots.iter().all(|nots| nots.next.is_none() && nots.between.is_none()) {
            return Some((events[last.0].1, true, last.0));
        }
        let mut after = (last.0 + 1..events.len()).filter(|index| events[*index].1 < deadline);
        let next = after.clone().next();
        let waits = nots.iter().any(|nots| nots.between.is_some());
        let seen = after.clone().take(if waits { usize::MAX } else { 1 });
        if seen.into_iter().any(|index| self.is_wanted(events, way, (index, self.steps.len()))) {
            return None;
        }
        let forbidden =
            |masks: Vec<Option<u8>>, index: usize| masks.iter().flatten().any(|mask| fits(*mask, events[index]));
        if next.is_some_and(|next| forbidden(nots.iter().map(|nots| nots.next).collect(), next)) {
            return None;
        }
        match next {
            Some(next) if !waits => Some((events[next].1, true, next)),
            _ if deadline == i64::MAX => None,
            _ => {
                let free = after.all(|index| !forbidden(nots.iter().map(|nots| nots.between).collect(), index));
                free.then_some((deadline, false, 0))
            }
        }
    }

    fn nots_before(&self, to: usize) -> &Nots {
        self.steps.get(to).map_or(&self.trailing, |step| &step.nots)
    }

    /// Whether a step takes an event for what it is and what is taken.
    fn takes(&self, events: &[Event], taken: &[(usize, usize)], (index, step): (usize, usize)) -> bool {
        self.holds(events, taken, (index, step)) && !self.ends(events, (index, step))
    }

    /// Whether an event ends a step that has begun.
    fn ends(&self, events: &[Event], (index, step): (usize, usize)) -> bool {
        self.steps[step].until.is_some_and(|mask| fits(mask, events[index]))
    }

    /// Whether a greedy step before `step` could take this event as the next one.
    fn is_wanted(&self, events: &[Event], taken: &[(usize, usize)], (index, step): (usize, usize)) -> bool {
        let of = taken[taken.len() - 1].1;
        let count = taken.iter().filter(|(_, its)| *its == of).count() as u32;
        (of..step).any(|to| {
            self.steps[to].greedy
                && (of != to || count < self.steps[to].most)
                && self.takes(events, taken, (index, to))
                && self.gap(events, taken, (index, to))
        })
    }

    /// Whether an event is one of a step, behind what is taken.
    fn holds(&self, events: &[Event], taken: &[(usize, usize)], (index, step): (usize, usize)) -> bool {
        let step = &self.steps[step];
        let rises = || taken.last().is_none_or(|(last, _)| events[index].0 >= events[*last].0);
        fits(step.mask, events[index]) && (!step.rises || rises())
    }

    /// What lies between an event and the one that is taken after it.
    fn gap(&self, events: &[Event], taken: &[(usize, usize)], (index, step): (usize, usize)) -> bool {
        let (from, of) = taken[taken.len() - 1];
        let contiguity = if of == step { self.steps[step].inner } else { self.steps[step].contiguity };
        let between = || from + 1..index;
        let contiguous = match contiguity {
            Contiguity::Strict => between().is_empty(),
            Contiguity::Relaxed => !between().any(|index| self.holds(events, taken, (index, step))),
            Contiguity::Any => true,
        };
        let kept = (of + 1..=step).all(|to| {
            let Nots { next, between: nots } = self.nots_before(to);
            !next.is_some_and(|mask| fits(mask, events[from + 1]))
                && !nots.is_some_and(|mask| between().any(|index| fits(mask, events[index])))
        });
        let ended = of == step && between().any(|index| self.ends(events, (index, step)));
        let is_wanted = |index| self.is_wanted(events, taken, (index, step));
        contiguous && kept && !ended && !(from + 1..=index).any(is_wanted)
    }

    /// Whether a match discards a later one.
    fn discards(&self, found: &Way, other: &Way) -> bool {
        let (first, last, start) = (found[0].0, found[found.len() - 1].0, other[0].0);
        let mut named = found.iter().filter(|(_, step)| *step == 1).map(|(index, _)| *index);
        match self.after {
            AfterMatch::NoSkip => false,
            AfterMatch::SkipToNext => start == first,
            AfterMatch::SkipPastLastEvent => start <= last,
            AfterMatch::SkipToFirst(_) => named.next().is_some_and(|named| start < named),
            AfterMatch::SkipToLast(_) => named.next_back().is_some_and(|named| start < named),
        }
    }
}

fn with_nots(pattern: Pattern<Event>, nots: &Nots) -> Pattern<Event> {
    let pattern = match nots.next {
        Some(mask) => pattern.not_next(move |event| fits(mask, *event)),
        None => pattern,
    };
    match nots.between {
        Some(mask) => pattern.not_followed_by(move |event| fits(mask, *event)),
        None => pattern,
    }
}
