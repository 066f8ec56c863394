//! What the derives make of a type: its fingerprint, its migration, its columns.
use millstream_runtime::data::{Schema, State};
use millstream_runtime::state::{Cursor, KeyedState, Kind, List, Map, StateSpace, StoredState, Value, read_as};
use millstream_runtime::time::Timestamp;
use millstream_runtime::{KeyedState, State, codec};
use serde::{Deserialize, Serialize};

fn fingerprint<T: State>() -> u64 {
    T::SCHEMA.fingerprint
}

mod first {
    use super::*;
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
    pub(super) struct Order {
        pub id: u64,
        pub at: Timestamp,
    }
}

mod second {
    use super::*;
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
    pub(super) struct OrderV1 {
        /// A comment is no change.
        pub(crate) id: u64,
        at: millstream_runtime::time::Timestamp,
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
    #[state(version = 2, from = OrderV1)]
    pub(super) struct Order {
        pub id: u64,
        pub at: Timestamp,
        pub cents: i64,
    }
    impl From<OrderV1> for Order {
        fn from(old: OrderV1) -> Self {
            Self { id: old.id, at: old.at, cents: 0 }
        }
    }
}

#[test]
fn a_type_may_be_renamed_and_is_migrated() {
    assert_eq!(first::Order::SCHEMA.definition, "{id:u64,at:Timestamp}");
    assert_eq!(fingerprint::<first::Order>(), fingerprint::<second::OrderV1>());
    assert_ne!(fingerprint::<first::Order>(), fingerprint::<second::Order>());
    assert_eq!((second::Order::SCHEMA.name, second::Order::SCHEMA.version), ("Order", 2));
    let old = first::Order { id: 7, at: Timestamp(9) };
    let (stored, bytes) = (first::Order::SCHEMA.stored(), codec::encode(&old).unwrap());
    assert!(stored.is_readable_as::<second::Order>());
    let new = read_as::<second::Order>(&stored, &bytes);
    assert_eq!(new, Some(Ok(second::Order { id: 7, at: Timestamp(9), cents: 0 })));
    assert_eq!(read_as::<second::Order>(&u64::SCHEMA.stored(), &bytes), None);
    assert!(read_as::<second::Order>(&stored, &bytes[1..]).is_some_and(|read| read.is_err()));
}

#[derive(Clone, Serialize, Deserialize, State)]
struct Pair<A, B: Ord>(A, B);

#[derive(Clone, Serialize, Deserialize, State)]
enum Event<T> {
    Opened,
    Paid(T),
    Sent { to: String, weight: Option<f64> },
}

/// A type that contains itself has no fingerprint of its parts.
#[derive(Clone, Serialize, Deserialize, State)]
struct Tree {
    value: u64,
    #[state(opaque)]
    children: Vec<Tree>,
}

#[test]
fn parts_count() {
    assert_ne!(fingerprint::<Pair<u8, u16>>(), fingerprint::<Pair<u16, u8>>());
    assert_ne!(fingerprint::<Event<u8>>(), fingerprint::<Event<u16>>());
    assert_eq!(Event::<u8>::SCHEMA.definition, "{Opened,Paid(T),Sent{to:String,weight:Option<f64>}}");
    assert_eq!(
        Tree::SCHEMA.fingerprint,
        Schema::new("", 1, "{value:u64,children:Vec<Tree>}").with(u64::SCHEMA).fingerprint
    );
    let built = (Event::Opened::<u8>, Event::Paid(1u8), Event::Sent::<u8> { to: String::new(), weight: None });
    let tree = Tree { value: 1, children: vec![Tree { value: 2, children: Vec::new() }] };
    codec::check_round_trip(&(built.0, built.1, built.2)).unwrap();
    codec::check_round_trip(&tree).unwrap();
}

#[derive(KeyedState)]
struct Card {
    small: Value<Timestamp>,
    #[state(ttl = "7d")]
    recent: List<first::Order>,
    by_country: Map<String, u64>,
}

#[derive(KeyedState)]
struct Wrapped<T: State> {
    value: Value<T>,
}

#[test]
fn columns_have_the_names_and_schemas_of_fields() {
    let mut card = Card::open(&mut StateSpace::new(&Cursor::new()));
    let stored = StoredState::of::<u64>(&card.columns());
    let columns: Vec<_> = stored.columns.iter().map(|c| (c.name.as_str(), c.kind, c.timed, c.schemas.len())).collect();
    assert_eq!(
        columns,
        [("small", Kind::Value, false, 1), ("recent", Kind::List, true, 1), ("by_country", Kind::Map, false, 2)]
    );
    assert_eq!(stored.columns[1].schemas[0], first::Order::SCHEMA.stored());
    let mut wrapped = Wrapped::<u8>::open(&mut StateSpace::new(&Cursor::new()));
    assert_eq!(wrapped.columns().len(), 1);
    assert!(!wrapped.value.is_set() && card.small.get().is_none());
    assert!(card.recent.is_empty() && card.by_country.is_empty());
}
