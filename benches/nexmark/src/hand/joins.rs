//! q3 and q8: persons and auctions meet by the person.
use super::{Build, Events, Rows, Table};
use crate::events::{Auction, Event, Person};
use crate::row::{fnv, row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Operator;
use timely::dataflow::operators::vec::Map;

/// What crosses to the worker of a person.
#[derive(Clone, Serialize, Deserialize)]
enum Side {
    Person(Person),
    Seller { person: u64, auction: u64 },
}

impl Side {
    fn person(&self) -> u64 {
        match self {
            Side::Person(person) => person.id,
            Side::Seller { person, .. } => *person,
        }
    }
}

fn sides<'s>(
    events: Events<'s>,
    person: fn(&Person) -> bool,
    auction: fn(&Auction) -> bool,
) -> StreamVec<'s, u64, Side> {
    events.flat_map(move |event| match event {
        Event::Person(one) if person(&one) => Some(Side::Person(*one)),
        Event::Auction(one) if auction(&one) => Some(Side::Seller { person: one.seller, auction: one.id }),
        _ => None,
    })
}

pub fn q3(events: Events<'_>) -> Rows<'_> {
    let sides = sides(events, |p| ["OR", "ID", "CA"].contains(&&*p.state), |a| a.category == 10);
    sides.unary::<Build<_>, _, _, _>(Exchange::new(Side::person), "join", |_, _| {
        let mut persons: Table<u64, Person> = Table::default();
        let mut auctions: Table<u64, Vec<u64>> = Table::default();
        let pair = |p: &Person, auction: u64| row(auction, fnv(&p.name), fnv(&p.city), fnv(&p.state));
        move |input, out| {
            input.for_each_time(|cap, batches| {
                let mut session = out.session(&cap);
                for side in batches.flat_map(|batch| batch.drain(..)) {
                    match side {
                        Side::Person(person) => {
                            let early = auctions.get(&person.id).into_iter().flatten();
                            session.give_iterator(early.map(|auction| pair(&person, *auction)));
                            persons.insert(person.id, person);
                        }
                        Side::Seller { person, auction } => {
                            session.give_iterator(persons.get(&person).map(|p| pair(p, auction)).into_iter());
                            auctions.entry(person).or_default().push(auction);
                        }
                    }
                }
            });
        }
    })
}

/// Of one window: the name of who is new and has not sold, or that somebody has sold who is not new yet.
enum Seen {
    New(String),
    Seller,
    Told,
}

/// The timestamp is the number of the window.
pub fn q8(events: Events<'_>) -> Rows<'_> {
    let told = |id, name: &str, window: u64| row(id, fnv(name), window * super::top::LENGTH, 0);
    sides(events, |_| true, |_| true).unary_frontier::<Build<_>, _, _, _>(
        Exchange::new(Side::person),
        "join",
        |_, _| {
            let mut windows: BTreeMap<u64, Table<u64, Seen>> = BTreeMap::new();
            move |(input, frontier), out| {
                input.for_each_time(|cap, batches| {
                    let window = *cap.time();
                    let seen = windows.entry(window).or_default();
                    let mut session = out.session(&cap);
                    for side in batches.flat_map(|batch| batch.drain(..)) {
                        let id = side.person();
                        let (before, name) =
                            (seen.remove(&id), if let Side::Person(p) = side { Some(p.name) } else { None });
                        let now = match (before, name) {
                            (Some(Seen::Seller), Some(name)) | (Some(Seen::New(name)), None) => {
                                session.give(told(id, &name, window));
                                Seen::Told
                            }
                            (_, Some(name)) => Seen::New(name),
                            (before, None) => before.unwrap_or(Seen::Seller),
                        };
                        seen.insert(id, now);
                    }
                });
                windows.retain(|window, _| frontier.less_equal(window));
            }
        },
    )
}
