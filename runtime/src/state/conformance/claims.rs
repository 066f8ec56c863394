//! What a backend must do or refuse, one claim a function.
use super::super::column::Kind;
use super::super::error::StateError;
use super::super::plan::Unknown;
use super::super::timers::Domain;
use super::super::{Map, Value};
use super::Make;
use super::subject::{Entry, Snapshot, Subject};
use crate::codec::{encode, key_group};
use crate::data::State as _;
use crate::time::Timestamp;
use millstream_derive::{KeyedState, State};
use serde::{Deserialize, Serialize};

/// One key with one value.
fn snapshot_of_one(make: Make<'_>) -> Snapshot {
    let mut subject: Subject = Subject::new(make, 0);
    subject.enter("key");
    subject.state.count.set(7);
    subject.snapshot()
}

/// A stored key that is not in its group means that keys would be on the wrong worker.
pub(super) fn keys_have_their_group(make: Make<'_>) {
    let mut snapshot = snapshot_of_one(make);
    let key = encode(&"key").expect("text can be encoded");
    let group = key_group(crate::codec::hash_bytes(&key));
    let value = encode(&7u64).expect("a number can be encoded");
    assert_eq!(snapshot.entries, [(group, Entry::Put(0, key, Vec::new(), value))], "one value is one entry");
    snapshot.entries[0].0 = group ^ 1;
    let refused = Subject::<super::subject::Probe>::new(make, 0).restore(&snapshot, |_| true);
    assert_eq!(refused, Err(StateError::WrongGroup { found: group ^ 1, computed: group }));
}

/// The lists that an abandoned snapshot is redone from are kept once.
pub(super) fn one_snapshot_is_outstanding(make: Make<'_>) {
    let mut subject: Subject = Subject::new(make, 0);
    assert_eq!(subject.freeze(), Ok(()));
    assert_eq!(subject.freeze(), Err(StateError::Outstanding));
    subject.with(|rows, columns| rows.redo(columns));
    assert_eq!(subject.freeze(), Ok(()));
    subject.with(|rows, columns| rows.durable(columns));
    assert_eq!(subject.freeze(), Ok(()));
}

/// Another type without a migration is refused before anything is loaded.
pub(super) fn other_schemas_are_refused(make: Make<'_>) {
    let snapshot = snapshot_of_one(make);
    let mut subject: Subject = Subject::new(make, 0);
    let mut refused = |change: &dyn Fn(&mut Snapshot)| {
        let mut other = snapshot.clone();
        change(&mut other);
        subject.plan(&other.stored, Unknown::Drop).expect_err("it has another schema").to_string()
    };
    let says = refused(&|other| other.stored.key.fingerprint ^= 1);
    assert!(says.contains("the key was stored as `String` version 1"), "{says}");
    let says = refused(&|other| other.stored.columns[0].schemas[0].fingerprint ^= 1);
    assert!(says.contains("state `count` was stored as `u64`"), "{says}");
    let says = refused(&|other| other.stored.columns[0].kind = Kind::List);
    assert!(says.contains("was stored as List and is Value now"), "{says}");
    assert!(subject.plan(&snapshot.stored, Unknown::Refuse).is_ok_and(|plan| plan.is_exact()));
    timers_get_a_payload(snapshot, subject);
}

/// An operator that had no timers may have some; timers without a payload are no timers with one.
fn timers_get_a_payload(mut before: Snapshot, mut subject: Subject) {
    let timers = before.stored.columns.len() - 1;
    before.stored.columns[timers].schemas = vec![<()>::SCHEMA.stored()];
    assert_eq!(subject.restore(&before, |_| true), Ok(()));
    let (group, key) = match &before.entries[0] {
        (group, Entry::Put(_, key, ..)) => (*group, key.clone()),
        (_, entry) => panic!("{entry:?} is no put"),
    };
    before.entries.push((group, Entry::Put(timers as u16, key, vec![0; 9], Vec::new())));
    let refused = subject.restore(&before, |_| true).expect_err("a timer without a payload").to_string();
    assert!(refused.contains("stored state `(timers)` cannot be read"), "{refused}");
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
struct PriceV1(u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
#[state(version = 2, from = PriceV1)]
struct PriceV2 {
    cents: u64,
}

impl From<PriceV1> for PriceV2 {
    fn from(old: PriceV1) -> Self {
        Self { cents: u64::from(old.0) * 100 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
#[state(version = 3, from = PriceV2)]
struct Price {
    cents: u64,
    currency: String,
}

impl From<PriceV2> for Price {
    fn from(old: PriceV2) -> Self {
        Self { cents: old.cents, currency: "EUR".into() }
    }
}

#[derive(KeyedState)]
struct Before {
    left: Value<u8>,
    price: Value<PriceV1>,
    by_shop: Map<u8, PriceV1>,
}

/// Two versions later, with its fields in another order and one more.
#[derive(KeyedState)]
struct After {
    by_shop: Map<u8, Price>,
    new: Value<u64>,
    price: Value<Price>,
}

fn before(make: Make<'_>) -> Snapshot {
    let mut subject: Subject<Before> = Subject::new(make, 0);
    subject.enter("key");
    subject.state.left.set(1);
    subject.state.price.set(PriceV1(3));
    subject.state.by_shop.insert(5, PriceV1(4));
    subject.snapshot()
}

/// Columns are found by name, and values of an older version become new ones, over two versions at once.
pub(super) fn old_values_are_migrated(make: Make<'_>) {
    let snapshot = before(make);
    let mut subject: Subject<After> = Subject::new(make, 0);
    let plan = subject.plan(&snapshot.stored, Unknown::Drop).expect("there is a migration");
    assert!(!plan.is_exact());
    for (group, entry) in &snapshot.entries {
        let restored = subject.with(|rows, columns| rows.restore(columns, &plan, *group, entry.change()));
        assert_eq!(restored, Ok(()));
    }
    subject.enter("key");
    let price = |cents| Price { cents, currency: "EUR".into() };
    assert_eq!(subject.state.price.get(), Some(&price(300)));
    assert_eq!(subject.state.by_shop.get(&5), Some(price(400)));
    assert!(!subject.state.new.is_set());
}

/// State is left behind only where the user says so.
pub(super) fn unknown_columns_are_named(make: Make<'_>) {
    let snapshot = before(make);
    let mut subject: Subject<After> = Subject::new(make, 0);
    let refused = subject.plan(&snapshot.stored, Unknown::Refuse).expect_err("`left` is unknown");
    assert_eq!(refused, StateError::UnknownColumns(vec!["left".into()]));
    let plan = subject.plan(&snapshot.stored, Unknown::Drop).expect("it may be dropped");
    assert_eq!(plan.dropped().collect::<Vec<_>>(), ["left"]);
    for (group, entry) in &snapshot.entries {
        let restored = subject.with(|rows, columns| rows.restore(columns, &plan, *group, entry.change()));
        assert_eq!(restored, Ok(()));
    }
    let beyond = snapshot.stored.columns.len() as u16;
    let (group, Entry::Put(_, key, sub, value)) = &snapshot.entries[0] else { panic!("the first entry is a put") };
    let entry = Entry::Put(beyond, key.clone(), sub.clone(), value.clone());
    let restored = subject.with(|rows, columns| rows.restore(columns, &plan, *group, entry.change()));
    assert_eq!(restored, Err(StateError::NoSuchColumn(beyond)));
}

/// bincode cannot read this back.
#[derive(Clone, Serialize, Deserialize, State)]
struct Loose {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    note: Option<u64>,
}

#[derive(KeyedState)]
struct Notes {
    note: Value<Loose>,
}

/// What the first restore would find is found with the first value.
pub(super) fn first_values_are_checked(make: Make<'_>) {
    let mut subject: Subject<Notes> = Subject::new(make, 0);
    subject.enter("key");
    subject.state.note.set(Loose { note: None });
    let says = subject.settle().expect_err("it does not survive its encoding").to_string();
    assert!(says.contains("state `note`") && says.contains("Loose"), "{says}");
}

/// State that comes and goes many times between two snapshots, as timers do, fills no memory, and each cell is written
/// once.
pub(super) fn what_comes_and_goes_fills_no_memory(make: Make<'_>) {
    let mut subject: Subject = Subject::new(make, 0);
    subject.enter("stays");
    subject.state.map.insert(1, "there".into());
    for round in 0..100_000u32 {
        let number = round as u16 % 3 + 2;
        subject.state.map.insert(number, "short".into());
        subject.timers.set(Domain::Event, Timestamp(i64::from(round)), &0);
        subject.state.map.remove(&number);
        subject.timers.cancel(Domain::Event, Timestamp(i64::from(round)), &0);
    }
    subject.state.map.insert(2, "came back".into());
    subject.timers.set(Domain::Event, Timestamp(7), &0);
    let used: usize = subject.with(|_, columns| columns.iter().map(|column| column.used(1)).sum());
    assert!(used < 8 << 20, "{used} bytes are used for three cells");
    let entries = subject.snapshot().entries;
    let written = entries.iter().filter(|(_, entry)| matches!(entry, Entry::Put(..))).count();
    assert_eq!((written, entries.len()), (3, 3), "{entries:?}");
}

/// What no snapshot has seen is in none, and a key that was only looked at is not kept.
pub(super) fn short_lived_rows_leave_nothing(make: Make<'_>) {
    let mut subject: Subject = Subject::new(make, 0);
    subject.enter("seen");
    subject.enter("short");
    subject.state.count.set(1);
    subject.state.map.insert(1, "a".into());
    subject.state.map.clear();
    subject.state.count.clear();
    assert_eq!(subject.settle(), Ok(()));
    assert_eq!(subject.rows.len(), 0, "a key without state is not kept");
    assert_eq!(subject.snapshot().entries, []);
    subject.enter("long");
    subject.state.count.set(1);
    assert_eq!(subject.snapshot().entries.len(), 1);
    assert_eq!(subject.snapshot().entries, [], "what did not change is not written again");
    subject.enter("long");
    subject.state.count.clear();
    let entries = subject.snapshot().entries;
    assert!(matches!(entries[..], [(_, Entry::DeleteRow(_))]), "a key that went is one entry: {entries:?}");
}
