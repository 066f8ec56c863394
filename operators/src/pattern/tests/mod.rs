//! The automaton against a search through all subsets, and what the documentation of Flink says of strategies.
mod brute;

use super::matched::Events;
use super::nfa::{Coming, Nfa};
use super::round::Round;
use super::run::{Path, Run};
use super::step::Contiguity;
use super::{AfterMatch, Pattern};
use brute::{Nots, Said, StepSaid};
use millstream_runtime::time::{Timestamp, millis};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A letter and its time.
pub(super) type Event = (u8, i64);

impl Events<Event> for Vec<Event> {
    fn event(&self, index: u64) -> Option<&Event> {
        self.get(index as usize)
    }
}

/// Keeps runs as `detect` does, without a store.
#[derive(Default)]
struct Plain {
    runs: BTreeMap<u64, Run>,
    next: u64,
    deadlines: BTreeSet<Timestamp>,
    found: Vec<Path>,
}

impl Plain {
    fn all(nfa: &Nfa<Event>, events: &Vec<Event>) -> Self {
        let mut plain = Self::default();
        for (index, event) in events.iter().enumerate() {
            plain.expire(nfa, Timestamp(event.1));
            let coming = Coming { event, index: index as u64, at: Timestamp(event.1), events };
            let round = nfa.round(plain.runs.iter().map(|(number, run)| (*number, run)), &coming);
            plain.apply(nfa, round);
        }
        plain.expire(nfa, Timestamp::MAX);
        plain
    }

    fn expire(&mut self, nfa: &Nfa<Event>, now: Timestamp) {
        while let Some(deadline) = self.deadlines.first().copied().filter(|deadline| *deadline <= now) {
            self.deadlines.remove(&deadline);
            let round = nfa.expire(self.runs.iter().map(|(number, run)| (*number, run)), deadline);
            self.apply(nfa, round);
        }
    }

    fn apply(&mut self, nfa: &Nfa<Event>, round: Round) {
        round.dead.iter().for_each(|number| drop(self.runs.remove(number)));
        for (number, open) in &round.left {
            self.runs.get_mut(number).expect("it is under way").open = *open;
        }
        self.runs.retain(|_, run| !round.discards(run.path.first()));
        for run in round.born {
            self.deadlines.extend(nfa.deadline(run.start));
            self.runs.insert(self.next, run);
            self.next += 1;
        }
        self.found.extend(round.found);
    }
}

fn nots() -> impl Strategy<Value = Nots> {
    let mask = || prop_oneof![3 => Just(None), 1 => (1u8..7).prop_map(Some)];
    (mask(), mask()).prop_map(|(next, between)| Nots { next, between })
}

fn step() -> impl Strategy<Value = StepSaid> {
    let contiguity = || prop::sample::select(vec![Contiguity::Strict, Contiguity::Relaxed, Contiguity::Any]);
    let count = prop_oneof![3 => Just((1, 1)), 1 => Just((2, 2)), 1 => Just((1, 3)), 1 => Just((1, u32::MAX))];
    let order = (contiguity(), contiguity(), nots());
    let often = (count, prop::bool::weighted(0.3), prop::bool::weighted(0.3), prop::option::weighted(0.2, 1u8..7));
    (1u8..8, order, often, prop::bool::weighted(0.2)).prop_map(
        |(mask, (contiguity, inner, nots), ((least, most), optional, greedy, until), rises)| {
            let inner = if most == 1 { Contiguity::Relaxed } else { inner };
            let greedy = greedy && inner != Contiguity::Any && (least != most || optional);
            let until = until.filter(|_| most > 1);
            StepSaid { mask, contiguity, inner, least, most, optional, rises, greedy, until, nots }
        },
    )
}

fn said() -> impl Strategy<Value = Said> {
    let after = prop_oneof![
        4 => Just(AfterMatch::NoSkip),
        1 => Just(AfterMatch::SkipToNext),
        1 => Just(AfterMatch::SkipPastLastEvent),
        1 => Just(AfterMatch::SkipToFirst("1".into())),
        1 => Just(AfterMatch::SkipToLast("1".into())),
    ];
    let within = prop::option::weighted(0.6, 1i64..12);
    (prop::collection::vec(step(), 2..5), nots(), within, after).prop_map(|(mut steps, trailing, within, after)| {
        steps[0].nots = Nots::default();
        steps[1].optional = false; // else nothing may be left of the pattern
        steps[1].greedy &= steps[1].least != steps[1].most;
        let trailing: Nots = if within.is_some() { trailing } else { Nots { between: None, ..trailing } };
        let last = steps.last_mut().expect("there are two");
        last.greedy &= trailing.next.is_some() || trailing.between.is_some();
        Said { steps, trailing, within, after }
    })
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((0u8..3, 0i64..4), 0..8).prop_map(|gaps| {
        let mut at = 0;
        let timed = gaps.into_iter().map(|(letter, gap)| {
            at += gap;
            (letter, at)
        });
        timed.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_automaton_finds_what_a_search_through_all_subsets_finds(said in said(), events in events()) {
        let nfa = Nfa::compile(said.pattern()).expect("it makes sense");
        let plain = Plain::all(&nfa, &events);
        let found: Vec<Vec<(usize, usize)>> =
            plain.found.iter().map(|p| p.0.iter().map(|t| (t.index as usize, usize::from(t.step))).collect()).collect();
        prop_assert_eq!(found, said.matches(&events));
        if said.within.is_some() {
            prop_assert!(plain.runs.is_empty(), "what is too old goes");
        }
    }
}

/// The letters of each match.
fn letters(pattern: Pattern<Event>, text: &str) -> Vec<String> {
    let nfa = Nfa::compile(pattern).expect("it makes sense");
    let events: Vec<Event> = text.bytes().zip(0..).collect();
    let found = Plain::all(&nfa, &events).found;
    let places =
        |path: &Path| path.0.iter().map(|t| format!("{}{}", events[t.index as usize].0 as char, t.index)).collect();
    found.iter().map(places).collect()
}

fn is(letter: char) -> impl Fn(&Event) -> bool + 'static {
    move |event| event.0 == letter as u8
}

#[test]
fn strategies_after_a_match_are_those_of_flinks_documentation() {
    let cases = [
        (AfterMatch::NoSkip, vec!["b0b1b2c3", "b1b2c3", "b2c3"]),
        (AfterMatch::SkipToNext, vec!["b0b1b2c3", "b1b2c3", "b2c3"]),
        (AfterMatch::SkipPastLastEvent, vec!["b0b1b2c3"]),
        (AfterMatch::SkipToFirst("b".into()), vec!["b0b1b2c3", "b1b2c3", "b2c3"]),
        (AfterMatch::SkipToLast("b".into()), vec!["b0b1b2c3", "b2c3"]),
    ];
    for (after, expected) in cases {
        let pattern = Pattern::begin("b", is('b')).one_or_more().consecutive().next("c", is('c'));
        assert_eq!(letters(pattern.after_match(after.clone()), "bbbc"), expected, "{after:?}");
    }
}

#[test]
fn contiguity_is_that_of_flinks_documentation() {
    let begin = || Pattern::begin("a", is('a'));
    assert_eq!(letters(begin().next("b", is('b')), "acbb"), Vec::<String>::new());
    assert_eq!(letters(begin().followed_by("b", is('b')), "acbb"), ["a0b2"]);
    assert_eq!(letters(begin().followed_by_any("b", is('b')), "acbb"), ["a0b2", "a0b3"]);
    assert_eq!(letters(begin().not_followed_by(is('c')).followed_by("b", is('b')), "acbab"), ["a3b4"]);
    let looping = || begin().followed_by("b", is('b')).one_or_more();
    let last = |pattern: Pattern<Event>| letters(pattern.followed_by("c", is('c')), "abdbbdc");
    assert_eq!(last(looping().consecutive()), ["a0b1c6"]);
    assert_eq!(last(looping()), ["a0b1b3b4c6", "a0b1b3c6", "a0b1c6"]);
    assert_eq!(last(looping().any_combination()), ["a0b1b3b4c6", "a0b1b3c6", "a0b1b4c6", "a0b1c6"]);
}

/// "c", then as many of "a" as there are, or by letters larger than "w" none, then "d": what Flink's own tests expect.
#[test]
fn greedy_and_until_are_those_of_flinks_tests() {
    let end = |pattern: Pattern<Event>| pattern.followed_by("d", is('d'));
    let many = || Pattern::begin("c", is('c')).followed_by("a", is('a')).one_or_more();
    let greedy = || many().greedy();
    assert_eq!(letters(end(greedy().optional()), "caaad"), ["c0a1a2a3d4"]);
    assert_eq!(letters(end(greedy().optional()), "cxaxaxad"), ["c0a2a4a6d7"]);
    assert_eq!(letters(end(greedy().optional()), "caaxd"), ["c0a1a2d4"]);
    assert_eq!(letters(end(greedy().optional()), "cxd"), ["c0d2"]);
    assert_eq!(letters(end(greedy().optional().consecutive()).optional(), "caaad").last(), Some(&"c0a1a2a3d4".into()));
    assert_eq!(letters(end(greedy()), "caaad"), ["c0a1a2a3d4"]);
    assert_eq!(letters(end(greedy()), "cxd"), Vec::<String>::new());
    let before_optional = || end(greedy().optional()).optional().followed_by("e", is('e'));
    assert_eq!(letters(before_optional(), "caaxe"), ["c0a1a2e4"]);
    assert_eq!(letters(before_optional(), "caade"), ["c0a1a2d3e4", "c0a1a2e4"]);

    let fits = |e: &Event| b"aw".contains(&e.0);
    let many = || Pattern::begin("c", is('c')).followed_by("a", fits).one_or_more().until(is('w'));
    assert_eq!(letters(end(many().greedy().optional()), "caaawd"), ["c0a1a2a3d5"]);
    assert_eq!(letters(end(many().greedy()), "caaawd"), ["c0a1a2a3d5"]);
    assert_eq!(letters(end(many().greedy().optional()), "cwaaad"), ["c0d5"]);
    assert_eq!(letters(end(many().greedy()), "cwaaad"), Vec::<String>::new());
    let end = |pattern: Pattern<Event>| pattern.followed_by("w", is('w'));
    assert_eq!(letters(end(many()), "caawa"), ["c0a1a2w3", "c0a1w3"]);
    assert_eq!(letters(end(many().consecutive()), "caawa"), ["c0a1a2w3", "c0a1w3"]);
    assert_eq!(letters(end(many().any_combination()), "caawa"), ["c0a1a2w3", "c0a1w3"]);
    assert_eq!(letters(end(many().optional()), "caawa"), ["c0a1a2w3", "c0a1w3", "c0w3"]);
    let any = Pattern::begin("c", is('c')).followed_by_any("a", fits).one_or_more().until(is('w'));
    assert_eq!(letters(any, "caawa"), ["c0a1", "c0a1a2", "c0a2", "c0a4"]);
}

#[test]
fn a_greedy_step_that_may_take_no_more_holds_nobody_back() {
    let end = |pattern: Pattern<Event>| letters(pattern.followed_by("d", is('d')), "aaaxad");
    assert_eq!(end(Pattern::begin("a", is('a')).times_between(1, 2).greedy()), ["a0a1d5", "a1a2d5", "a2a4d5", "a4d5"]);
    let directly = Pattern::begin("a", is('a')).one_or_more().consecutive().greedy();
    assert_eq!(end(directly), ["a0a1a2d5", "a1a2d5", "a2d5", "a4d5"]);
}

#[test]
fn what_makes_no_sense_is_refused_with_the_cure() {
    let begin = || Pattern::begin("a", is('a'));
    let cases = [
        (begin().times(0), "step \"a\" is to come 0 to 0 times, which is no count"),
        (begin().times_between(3, 2), "step \"a\" is to come 3 to 2 times, which is no count"),
        (begin().next("a", is('b')), "two steps are called \"a\""),
        (begin().optional(), "every step is optional"),
        (begin().not_followed_by(is('b')), "has no .within(..)"),
        (begin().not_next(is('b')).optional(), ".optional(..) stands behind a .not_"),
        (begin().after_match(AfterMatch::SkipToLast("b".into())), "it skips to step \"b\", and there is none"),
        ((0..63).fold(begin(), |p, n| p.next(&n.to_string(), is('b'))), "it has 64 steps, and there may be 63"),
        (begin().within(millis(0)), "less than a millisecond"),
        (begin().at_most_under_way(0), "no match may be under way"),
        (begin().consecutive(), "step \"a\" takes one event, and .consecutive() is about several"),
        (begin().any_combination(), "step \"a\" takes one event, and .any_combination() is about several"),
        (begin().until(is('b')), "step \"a\" takes one event, and .until(..) is about several"),
        (begin().one_or_more().until(is('b')).until(is('c')), "step \"a\" has two .until(..)"),
        (begin().times(3).greedy().next("b", is('b')), "step \"a\" takes 3 events whether it is .greedy() or not"),
        (begin().one_or_more().greedy(), "step \"a\" is .greedy() and the last"),
        (begin().one_or_more().any_combination().greedy().next("b", is('b')), "and .any_combination(), which leaves"),
    ];
    for (pattern, words) in cases {
        let said = Nfa::compile(pattern).err().expect(words);
        assert!(said.len() == 1 && said[0].what.contains(words) && !said[0].help.is_empty(), "{said:?}");
    }
    let said = Nfa::compile(begin().times(0).within(millis(0))).err().expect("it has two");
    assert_eq!(said.len(), 2, "each is said: {said:?}");
    assert!(Nfa::compile(begin().not_followed_by(is('b')).within(millis(1))).is_ok());
}
