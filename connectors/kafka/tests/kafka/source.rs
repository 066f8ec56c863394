//! What the source promises.
use crate::bridge::Bridge;
use crate::common::{Cluster, PATIENCE, Seen, records, send_all, unique, wait};
use millstream_kafka::{End, Kafka, KafkaSource, Start, TopicPartition};
use millstream_runtime::batch::Batch;
use millstream_runtime::source::{Progress, Reader, Received, Source, Splits};
use millstream_runtime::time::Timestamp;
use millstream_testkit::source_conforms;
use rdkafka::admin::AdminOptions;
use rdkafka::producer::{BaseProducer, Producer};
use std::time::{Duration, Instant};

#[test]
fn the_source_conforms() {
    let Some(cluster) = Cluster::up() else { return };
    let topic = cluster.topic("conforms", 2);
    cluster.fill(&topic, &records(300, 2));
    source_conforms(|| Kafka::read(&cluster.brokers, &topic).end(End::Latest));
}

/// Reads a split to its end, or until nothing comes any more.
fn read(
    source: &KafkaSource,
    partition: i32,
    topic: &str,
    from: Option<u64>,
) -> Result<Vec<Received<Vec<u8>>>, String> {
    let split = TopicPartition { topic: topic.into(), partition };
    let mut reader = source.open(&split, from).map_err(|e| e.to_string())?;
    let (mut all, began) = (vec![], Instant::now());
    loop {
        assert!(began.elapsed() < PATIENCE, "{split} has no end");
        let mut batch = Batch::default();
        let progress = reader.read(&mut batch).map_err(|e| e.to_string())?;
        all.extend(batch.drain());
        match progress {
            Progress::Ended | Progress::Idle => return Ok(all),
            Progress::Waiting => std::thread::sleep(Duration::from_millis(1)),
            Progress::More => {}
        }
    }
}

fn split(topic: &str) -> TopicPartition {
    TopicPartition { topic: topic.into(), partition: 0 }
}

#[test]
fn keys_headers_tombstones_and_timestamps_come_through() {
    let Some(cluster) = Cluster::up() else { return };
    let topic = cluster.topic("through", 1);
    let sent = records(200, 1);
    cluster.fill(&topic, &sent);
    let got = read(&Kafka::read(&cluster.brokers, &topic), 0, &topic, None).unwrap();
    assert_eq!(got.len(), sent.len());
    for (i, (got, sent)) in got.into_iter().zip(sent).enumerate() {
        assert_eq!((&*got.meta.source, &*got.meta.split, got.meta.offset), (&*topic, "0", i as u64));
        assert_eq!(got.meta.tombstone, sent.value.is_none());
        assert_eq!(got.value, sent.value.unwrap_or_default());
        assert_eq!(got.meta.key, sent.key);
        assert_eq!(got.meta.headers, sent.headers);
        assert_eq!(got.meta.timestamp, Timestamp(sent.timestamp));
    }
}

/// What becomes of a transaction.
#[derive(Clone, Copy)]
enum Fate {
    Committed,
    Aborted,
    Open,
}

/// Three records in each transaction, with its number as their value. What is open is so while the producer lives.
fn transact(cluster: &Cluster, topic: &str, fates: &[Fate]) -> BaseProducer {
    let producer: BaseProducer = cluster.config().set("transactional.id", unique("id")).create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    for (n, fate) in (1..).zip(fates) {
        producer.begin_transaction().unwrap();
        send_all(&producer, topic, &vec![Seen { value: Some(vec![n]), ..Seen::default() }; 3]);
        producer.flush(PATIENCE).unwrap();
        match fate {
            Fate::Committed => producer.commit_transaction(PATIENCE).unwrap(),
            Fate::Aborted => producer.abort_transaction(PATIENCE).unwrap(),
            Fate::Open => {}
        }
    }
    producer
}

#[test]
fn aborted_transactions_stay_invisible_and_their_end_is_an_end() {
    let Some(cluster) = Cluster::up() else { return };
    let topic = cluster.topic("aborted", 1);
    transact(&cluster, &topic, &[Fate::Committed, Fate::Aborted, Fate::Committed, Fate::Aborted]);
    for end in [End::Latest, End::Never] {
        let got = read(&Kafka::read(&cluster.brokers, &topic).end(end), 0, &topic, None).unwrap();
        let values: Vec<u8> = got.iter().map(|r| r.value[0]).collect();
        assert_eq!(values, [1, 1, 1, 3, 3, 3], "{end:?}");
    }
}

#[test]
fn a_job_copies_what_is_committed_and_ends_before_what_is_open() {
    let Some(cluster) = Cluster::up() else { return };
    let (from, to) = (cluster.topic("open-in", 1), cluster.topic("open-out", 1));
    let open = transact(&cluster, &from, &[Fate::Committed, Fate::Aborted, Fate::Committed, Fate::Open]);
    let state = tempfile::tempdir().unwrap();
    Bridge::new(&cluster, &from, &to, state.path()).finish(1);
    open.commit_transaction(PATIENCE).unwrap();
    let values: Vec<u8> = cluster.read(&to).into_iter().map(|r| r.value.unwrap()[0]).collect();
    assert_eq!(values, [1, 1, 1, 3, 3, 3]);
}

#[test]
fn starts_are_numbers_and_a_later_partition_starts_at_its_first_record() {
    let Some(cluster) = Cluster::up() else { return };
    let topic = cluster.topic("starts", 1);
    cluster.fill(&topic, &records(10, 1));
    let at = |start: Start, first: bool| {
        let mut source = Kafka::read(&cluster.brokers, &topic).start(start);
        Source::start(&mut source, &split(&topic), first).unwrap()
    };
    assert_eq!(at(Start::Earliest, true), Some(0));
    assert_eq!(at(Start::Latest, true), Some(10));
    assert_eq!(at(Start::Latest, false), Some(0));
    assert_eq!(at(Start::At(Timestamp(1_760_000_000_004)), true), Some(4));
    assert_eq!(at(Start::At(Timestamp(1_770_000_000_000)), true), Some(10));
    assert_eq!(at(Start::Offsets([(split(&topic), 7)].into()), true), Some(7));
}

#[test]
fn what_is_lost_is_an_error_that_says_which_records() {
    let Some(cluster) = Cluster::up() else { return };
    let topic = cluster.topic("lost", 1);
    cluster.fill(&topic, &records(10, 1));
    let mut gone = rdkafka::TopicPartitionList::new();
    gone.add_partition_offset(&topic, 0, rdkafka::Offset::Offset(6)).unwrap();
    wait(cluster.admin().delete_records(&gone, &AdminOptions::new())).unwrap();
    let source = Kafka::read(&cluster.brokers, &topic);
    let says = read(&source, 0, &topic, Some(3)).unwrap_err();
    assert!(says.contains("offset 3 to 6 are gone") && says.contains(&topic), "{says}");
    let says = read(&source, 0, &topic, Some(99)).unwrap_err();
    assert!(says.contains("ends at 10"), "{says}");
    assert_eq!(read(&source, 0, &topic, Some(6)).unwrap().len(), 4);
}

#[test]
fn an_unknown_topic_and_an_unreachable_broker_are_named() {
    let Some(cluster) = Cluster::up() else { return };
    let says = Kafka::read(&cluster.brokers, "no-such-topic").splits().unwrap_err().to_string();
    assert!(says.contains("no-such-topic") && says.contains("does not exist"), "{says}");
    let says = Kafka::read("127.0.0.1:1", "t").splits().unwrap_err().to_string();
    assert!(says.contains("127.0.0.1:1"), "{says}");
}

#[test]
fn a_deleted_topic_is_a_clear_error() {
    let Some(cluster) = Cluster::up() else { return };
    let topic = cluster.topic("deleted", 1);
    let mut source = Kafka::read(&cluster.brokers, &topic);
    source.splits().unwrap();
    cluster.delete(&topic);
    let began = Instant::now();
    let says = loop {
        assert!(began.elapsed() < PATIENCE, "never noticed");
        std::thread::sleep(Duration::from_millis(100));
        if let Err(e) = source.splits() {
            break e.to_string();
        }
    };
    assert!(says.contains("has been deleted") && says.contains(&topic), "{says}");
}

#[test]
fn partitions_that_are_added_are_found() {
    let Some(cluster) = Cluster::up() else { return };
    let topic = cluster.topic("grows", 1);
    let mut source = Kafka::read(&cluster.brokers, &topic);
    let mut count = || match source.splits().unwrap() {
        Splits::Growing(all) => all.len(),
        Splits::Fixed(_) => panic!("it has no end"),
    };
    assert_eq!(count(), 1);
    let more = rdkafka::admin::NewPartitions::new(&topic, 3);
    wait(cluster.admin().create_partitions([&more], &AdminOptions::new())).unwrap();
    let began = Instant::now();
    while count() < 3 {
        assert!(began.elapsed() < PATIENCE, "never found");
        std::thread::sleep(Duration::from_millis(100));
    }
}
