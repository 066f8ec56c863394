//! What is sent comes back; what is not ours is refused before anything is allocated for it.
use super::*;
use crate::checkpoint::DataName;
use crate::engine::logic::CopyHash;
use proptest::prelude::*;

fn file() -> impl Strategy<Value = FileRef> {
    (any::<u64>(), any::<u64>(), any::<u32>()).prop_map(|(n, len, crc)| FileRef {
        name: DataName::new(n, 1, 2).to_string(),
        len,
        crc,
        first: n,
        last: n,
    })
}

fn session() -> impl Strategy<Value = Session> {
    (any::<u64>(), "[0-9a-f]{32}").prop_map(|(generation, nonce)| Session { generation, nonce })
}

fn hello() -> impl Strategy<Value = Hello> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>());
    (".{0,40}", numbers, any::<u32>(), proptest::option::of(session())).prop_map(|(job, n, index, session)| {
        let (processes, workers, build, graph, arguments) = n;
        Hello { sameness: Sameness { job, processes, workers, build, graph, arguments }, index, session }
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    let plan = (session(), "[0-9a-f]{32}", any::<u64>(), any::<Option<u64>>(), any::<i64>(), any::<bool>());
    let plan = plan.prop_map(|(session, incarnation, first, restore, start_now, over)| Plan {
        session,
        incarnation,
        first,
        restore,
        start_now,
        over,
    });
    prop_oneof![
        proptest::option::of(plan).prop_map(Answer::Welcome),
        (".{0,80}", any::<bool>()).prop_map(|(why, for_good)| Answer::Refused { why, for_good })
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    let kinds = [FailureKind::Broken, FailureKind::Refused, FailureKind::Killed, FailureKind::Lost];
    let marks = proptest::collection::vec(any::<(u32, i64)>(), 0..5);
    prop_oneof![
        (any::<u64>(), file(), marks, any::<(u64, bool, bool)>()).prop_map(
            |(n, file, marks, (hash, is_copy, last))| {
                let mut copies = Copies::default();
                copies.add(CopyHash { uid: "rules".into(), hash, is_copy });
                Message::Report(Report::Gathered { n, file, marks, copies, last })
            }
        ),
        (any::<u64>(), ".{0,80}", any::<bool>()).prop_map(|(n, why, last)| Message::Report(Report::NotWritten {
            n,
            why,
            last
        })),
        any::<u64>().prop_map(|n| Message::Report(Report::Committed { n })),
        any::<(u64, bool)>().prop_map(|(n, durable)| Message::Order(Order::Settled { n, durable })),
        any::<u64>().prop_map(|n| Message::Order(Order::Commit { n })),
        any::<bool>().prop_map(|finished| Message::Order(Order::Finish { finished })),
        Just(Message::WokeUp),
        Just(Message::Stop),
        (any::<i64>(), ".{0,80}").prop_map(|(rank, who)| {
            let holder = Some(crate::sight::look::Holder { rank, who });
            Message::Look(Look { watermark: holder.clone(), commit: holder, ..Look::default() })
        }),
        Just(Message::ShortOfRoom),
        (".{0,80}", proptest::sample::select(kinds.to_vec())).prop_map(|(what, kind)| Message::Failed { what, kind }),
    ]
}

/// Reads a greeting from the wire.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let (prefix, rest) = bytes.split_at_checked(PREFIX_LEN).ok_or("too short")?;
    let len = greeting_len(prefix.try_into().map_err(|_| "too short")?)?;
    body(rest.get(..len).ok_or("cut off")?)
}

proptest! {
    #[test]
    fn what_is_sent_comes_back(hello in hello(), answer in answer(), said in any_message()) {
        prop_assert_eq!(read::<Hello>(&greeting(&hello).unwrap()).unwrap(), hello);
        prop_assert_eq!(read::<Answer>(&greeting(&answer).unwrap()).unwrap(), answer);
        prop_assert_eq!(body::<Message>(&message(&said).unwrap()).unwrap(), said);
    }

    #[test]
    fn random_bytes_are_no_greeting(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read::<Hello>(&bytes).is_err());
        let _ = body::<Message>(&bytes); // an error or a message, never more
    }

    #[test]
    fn a_greeting_with_a_wrong_byte_is_refused_or_another(hello in hello(), at in any::<usize>(), flip in 1..=255u8) {
        let mut bytes = greeting(&hello).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        prop_assert_ne!(read::<Hello>(&bytes), Ok(hello));
    }

    #[test]
    fn headers_keep_kind_and_length(len in 0..=DATA_MAX) {
        for kind in [Kind::Data, Kind::Message] {
            prop_assert_eq!(read_header(header(kind, len)), Ok((kind, len)));
        }
    }
}

#[test]
fn lengths_are_capped() {
    let len = |n: usize| (n as u32).to_le_bytes();
    for (kind, n) in [(1, DATA_MAX + 1), (2, MESSAGE_MAX + 1), (3, 1), (4, 1), (0, 0), (5, 0), (1, u32::MAX as usize)] {
        let [a, b, c, d] = len(n);
        assert!(read_header([kind, a, b, c, d]).is_err(), "kind {kind} with {n} bytes");
    }
    let mut prefix = [0; PREFIX_LEN];
    prefix[..10].copy_from_slice(&greeting(&Answer::Welcome(None)).unwrap()[..10]);
    prefix[10..].copy_from_slice(&len(GREETING_MAX + 1));
    assert!(greeting_len(prefix).unwrap_err().contains("at most"));
    prefix[8] = 9;
    assert!(greeting_len(prefix).unwrap_err().contains("version 9"));
}

#[test]
fn the_bytes_are_frozen() {
    let committed = message(&Message::Report(Report::Committed { n: 7 })).unwrap();
    assert_eq!(committed, [0, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(message(&Message::Stop).unwrap(), [3, 0, 0, 0]);
    assert_eq!(header(Kind::Data, 258), [1, 2, 1, 0, 0]);
    let refused = greeting(&Answer::Refused { why: "x".into(), for_good: true }).unwrap();
    assert_eq!(refused, *b"MLSTmesh\x01\x00\x0e\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00x\x01");
}
