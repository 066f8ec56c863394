//! What user code sees of one key: the programs of the public face, and time to live.
use millstream_runtime::codec::KeyHasher;
use millstream_runtime::state::{
    Backend, Column, Cursor, Domain, Due, EntrySink, KeyedState, List, Map, Memory, StateSpace, Timers, Value,
};
use millstream_runtime::time::{Timestamp, hours};
use millstream_runtime::{KeyedState, State};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
enum Wake {
    ForgetSmall,
    ForgetCard,
}

#[derive(KeyedState)]
struct Card {
    small: Value<Timestamp>,
    paid: Value<i64>,
    #[state(ttl = "1h")]
    recent: List<String>,
    by_country: Map<String, u64>,
}

struct Cards {
    rows: Memory<u64>,
    cursor: Rc<Cursor>,
    state: Card,
    timers: Timers<Wake>,
    hasher: KeyHasher,
}

impl Cards {
    fn new() -> Self {
        let cursor = Cursor::new();
        cursor.set_now(Timestamp(0));
        let state = Card::open(&mut StateSpace::new(&cursor));
        let timers = Timers::new(&cursor);
        Self { rows: Memory::new(&cursor), cursor, state, timers, hasher: KeyHasher::default() }
    }

    fn enter(&mut self, key: u64) -> &mut Card {
        let slot = self.rows.resolve(self.hasher.hash(&key), &key);
        self.cursor.enter(slot);
        &mut self.state
    }

    fn with<R>(&mut self, call: impl FnOnce(&mut Memory<u64>, &mut [&mut dyn Column]) -> R) -> R {
        let mut columns = self.state.columns();
        columns.push(self.timers.column());
        call(&mut self.rows, &mut columns)
    }
}

/// Counts entries.
#[derive(Default)]
struct Count(usize);

impl EntrySink for Count {
    fn put(&mut self, _: u16, _: u16, _: &[u8], _: &[u8], _: &[u8]) {
        self.0 += 1;
    }
    fn delete(&mut self, _: u16, _: u16, _: &[u8], _: &[u8]) {
        self.0 += 1;
    }
    fn delete_row(&mut self, _: u16, _: &[u8]) {
        self.0 += 1;
    }
}

#[test]
fn handles_show_the_key_that_is_entered() {
    let mut cards = Cards::new();
    let card = cards.enter(1);
    *card.paid.get_mut() += 5;
    card.by_country.insert("AT".into(), 1);
    card.recent.push("a".into());
    let card = cards.enter(2);
    assert_eq!((card.paid.get(), card.by_country.get(&"AT".into()), card.recent.len()), (None, None, 0));
    card.small.set(Timestamp(3));
    let card = cards.enter(1);
    let seen = card.by_country.get(&"AT".into()).unwrap_or(0);
    card.by_country.insert("AT".into(), seen + 1);
    *card.by_country.get_mut(&"AT".into()).unwrap() += 10;
    assert_eq!(card.by_country.range("A".to_string()..).collect::<Vec<_>>(), [("AT".to_string(), 12)]);
    assert_eq!((card.paid.get().copied().unwrap_or(0), card.small.get()), (5, None));
    assert_eq!(card.recent.iter().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_guard_that_is_only_read_is_no_write() {
    let mut cards = Cards::new();
    *cards.enter(1).paid.get_mut() += 5;
    cards.enter(1).by_country.insert("AT".into(), 1);
    let snapshot = |cards: &mut Cards| {
        let mut count = Count::default();
        cards.with(|rows, columns| rows.freeze(columns)).unwrap();
        while !cards.with(|rows, columns| rows.encode(columns, 1, &mut count)).unwrap() {}
        cards.with(|rows, columns| rows.durable(columns));
        count.0
    };
    assert_eq!(snapshot(&mut cards), 2);
    assert_eq!(*cards.enter(1).paid.get_mut(), 5);
    assert_eq!(cards.enter(1).by_country.get_mut(&"AT".into()).as_deref(), Some(&1));
    assert_eq!(snapshot(&mut cards), 0);
    *cards.enter(1).paid.get_mut() = 6;
    assert_eq!(snapshot(&mut cards), 1);
}

#[test]
fn what_was_not_written_for_its_ttl_is_not_seen() {
    let mut cards = Cards::new();
    cards.enter(1).recent.push("early".into());
    cards.cursor.set_now(Timestamp(0) + hours(1) - std::time::Duration::from_millis(1));
    cards.enter(1).recent.push("late".into());
    assert_eq!(cards.enter(1).recent.iter().collect::<Vec<_>>(), ["early", "late"]);
    cards.cursor.set_now(Timestamp(0) + hours(1));
    assert_eq!(cards.enter(1).recent.iter().collect::<Vec<_>>(), ["late"]);
    assert_eq!(cards.state.recent.len(), 1);
    cards.cursor.set_now(Timestamp(0) + hours(2));
    assert!(cards.enter(1).recent.is_empty());
    cards.with(|rows, columns| rows.expire(columns, 100)).unwrap();
    assert!(cards.rows.is_empty(), "and its key is forgotten");
}

#[test]
fn timers_fire_once_in_order_of_time() {
    let mut cards = Cards::new();
    cards.enter(1);
    for (at, timer) in [(30, Wake::ForgetCard), (10, Wake::ForgetSmall), (10, Wake::ForgetSmall)] {
        cards.timers.set(Domain::Event, Timestamp(at), &timer);
    }
    cards.timers.set(Domain::Processing, Timestamp(5), &Wake::ForgetCard);
    cards.enter(2);
    cards.timers.set(Domain::Event, Timestamp(20), &Wake::ForgetCard);
    cards.timers.set(Domain::Event, Timestamp(21), &Wake::ForgetCard);
    cards.timers.cancel(Domain::Event, Timestamp(21), &Wake::ForgetCard);
    assert_eq!((cards.timers.len(), cards.timers.next_at(Domain::Event)), (4, Some(Timestamp(10))));
    let fired = |due: Due<Wake>| (due.at.0, due.timer);
    assert_eq!(cards.timers.pop_due(Domain::Event, Timestamp(9)), None);
    assert_eq!(cards.timers.pop_due(Domain::Event, Timestamp(25)).map(fired), Some((10, Wake::ForgetSmall)));
    assert_eq!(cards.timers.pop_due(Domain::Event, Timestamp(25)).map(fired), Some((20, Wake::ForgetCard)));
    assert_eq!(cards.timers.pop_due(Domain::Event, Timestamp(25)), None);
    cards.with(|rows, columns| rows.settle(columns)).unwrap();
    assert_eq!(cards.rows.len(), 1, "a key lives as long as its timers");
}

#[test]
fn state_is_not_written_outside_of_a_record() {
    let mut cards = Cards::new();
    cards.enter(1);
    cards.cursor.leave();
    let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cards.state.paid.set(1)));
    let said = *written.unwrap_err().downcast::<&str>().unwrap();
    assert!(said.contains("while no record or timer was being processed"), "{said}");
}
