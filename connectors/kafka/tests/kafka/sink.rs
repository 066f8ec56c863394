//! What the sink promises.
use crate::common::Cluster;
use millstream_formats::Text;
use millstream_kafka::{Kafka, KafkaSink, Oversized};
use millstream_runtime::batch::Batch;
use millstream_runtime::codec;
use millstream_runtime::sink::{Sink, SinkName, StagedBy, Writer};
use millstream_testkit::sink_conforms;
use std::time::{Duration, Instant};

type Out = KafkaSink<String>;
type Committable = StagedBy<Out, String>;

fn strings(cluster: &Cluster, topic: &str) -> Out {
    Kafka::write_with(&cluster.brokers, topic, Text, |text: &String, record| {
        record.key = Some(text.clone().into_bytes())
    })
}

/// As a job would make it: the topic's name keeps tests apart.
fn named(mut sink: Out, topic: &str, incarnation: &str) -> Out {
    let name = SinkName { job: topic.into(), incarnation: incarnation.into(), uid: "out".into(), workers: 1 };
    sink.named(&name);
    sink
}

fn visible(cluster: &Cluster, topic: &str) -> Vec<String> {
    let text = |r: crate::common::Seen| String::from_utf8(r.value.unwrap()).unwrap();
    let mut all: Vec<String> = cluster.read(topic).into_iter().map(text).collect();
    all.sort();
    all
}

fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// What an interval stages.
fn stage(sink: &Out, n: u64, values: &[&str]) -> Vec<Committable> {
    let mut writer = sink.open(0, &[]).unwrap();
    writer.write(&mut Batch::from(values.iter().map(|v| v.to_string()).collect::<Vec<_>>())).unwrap();
    tokio().block_on(writer.prepare(n)).unwrap()
}

fn commit(sink: &Out, staged: &[Committable]) -> Result<(), String> {
    let tokio = tokio();
    let _entered = tokio.enter();
    staged.iter().try_for_each(|s| tokio.block_on(sink.commit(s.clone())).map_err(|e| e.to_string()))
}

#[test]
fn the_sink_conforms() {
    let Some(cluster) = Cluster::up() else { return };
    let topic = cluster.topic("sink", 3);
    let committed = || {
        let text = |r: crate::common::Seen| Ok(String::from_utf8(r.value.unwrap_or_default())?);
        cluster.read(&topic).into_iter().map(text).collect()
    };
    sink_conforms::<String, Out>(|| strings(&cluster, &topic), committed);
}

#[test]
fn a_checkpoint_is_sent_once_whoever_commits_it_and_a_rewind_repeats_nothing() {
    let Some(cluster) = Cluster::up() else { return };
    let (tokio, topic) = (tokio(), cluster.topic("once", 2));
    let _entered = tokio.enter();
    let sink = named(strings(&cluster, &topic), &topic, "a");
    let first = stage(&sink, 1, &["one", "two", "three", "four", "five"]);
    let second = stage(&sink, 2, &["six", "seven"]);
    commit(&sink, &first).unwrap();
    commit(&sink, &first).unwrap();
    let other = named(strings(&cluster, &topic), &topic, "a");
    commit(&other, &first).unwrap();
    commit(&other, &second).unwrap();
    commit(&other, &first).unwrap(); // a restore of an older checkpoint
    assert_eq!(visible(&cluster, &topic), ["five", "four", "one", "seven", "six", "three", "two"]);
    let fork = named(strings(&cluster, &topic), &topic, "b");
    commit(&fork, &second).unwrap(); // another state folder: its number 2 is another one
    assert_eq!(visible(&cluster, &topic).iter().filter(|v| *v == "six").count(), 2);
}

#[test]
fn a_zombie_commits_nothing_twice() {
    let Some(cluster) = Cluster::up() else { return };
    let (tokio, topic) = (tokio(), cluster.topic("zombie", 2));
    let _entered = tokio.enter();
    let zombie = named(strings(&cluster, &topic), &topic, "a");
    let staged = stage(&zombie, 1, &["a", "b", "c", "d", "e", "f"]); // its producers are ready, their markers read
    std::thread::sleep(Duration::from_millis(500));
    let successor = named(strings(&cluster, &topic), &topic, "a");
    successor.open(0, &staged).unwrap();
    commit(&successor, &staged).unwrap();
    commit(&zombie, &staged).unwrap();
    assert_eq!(visible(&cluster, &topic), ["a", "b", "c", "d", "e", "f"]);
    let (stable, high) = cluster.ends(&topic);
    assert_eq!(stable, high, "no transaction is left open");
}

#[test]
fn two_that_commit_the_same_at_once_send_it_once() {
    let Some(cluster) = Cluster::up() else { return };
    let (tokio, topic) = (tokio(), cluster.topic("race", 2));
    let _entered = tokio.enter();
    let staged = stage(&named(strings(&cluster, &topic), &topic, "a"), 1, &["a", "b", "c", "d", "e", "f"]);
    std::thread::scope(|scope| {
        let contend = || {
            let tokio = self::tokio();
            let _entered = tokio.enter();
            commit(&named(strings(&cluster, &topic), &topic, "a"), &staged).unwrap();
        };
        scope.spawn(contend);
        scope.spawn(contend);
    });
    assert_eq!(visible(&cluster, &topic), ["a", "b", "c", "d", "e", "f"]);
}

#[test]
fn a_record_above_the_limit_fails_before_it_is_staged_or_goes_where_the_user_said() {
    let Some(cluster) = Cluster::up() else { return };
    let (tokio, topic) = (tokio(), cluster.topic_with("limit", 1, &[("max.message.bytes", "2000")]));
    let _entered = tokio.enter();
    let large = "x".repeat(3000);
    let sink = named(strings(&cluster, &topic), &topic, "a");
    let mut writer = sink.open(0, &[]).unwrap();
    let says = writer.write(&mut Batch::from(vec![large.clone()])).unwrap_err().to_string();
    assert!(says.contains("2000") && says.contains(&topic), "{says}");
    let letters = cluster.topic("letters", 1);
    let sink = named(strings(&cluster, &topic).oversized(Oversized::DeadLetter(letters.clone())), &topic, "a");
    let staged = stage(&sink, 1, &["small", &large]);
    commit(&sink, &staged).unwrap();
    assert_eq!(visible(&cluster, &topic), ["small"]);
    let letter = visible(&cluster, &letters).remove(0);
    assert!(letter.contains("\"raw\":\"xxx") && letter.contains("reason"), "{letter}");
}

#[test]
fn what_is_staged_is_small_without_its_bulk_and_whole_with_it() {
    let Some(cluster) = Cluster::up() else { return };
    let (tokio, topic) = (tokio(), cluster.topic("bulk", 1));
    let _entered = tokio.enter();
    let sink = named(strings(&cluster, &topic), &topic, "a");
    let values: Vec<String> = (0..5000).map(|n| format!("{n} {}", "y".repeat(200))).collect();
    let mut staged = stage(&sink, 1, &values.iter().map(String::as_str).collect::<Vec<_>>());
    for staged in &mut staged {
        type W = <Out as Sink<String>>::Writer;
        let bulk = <W as Writer<String>>::detach(staged).unwrap().concat();
        assert!(codec::encode(staged).unwrap().len() < 100);
        let cut = bulk.chunks(1000).map(|c| c.to_vec().into()).collect(); // records cross the cuts
        <W as Writer<String>>::attach(staged, cut);
    }
    commit(&sink, &staged).unwrap();
    assert_eq!(visible(&cluster, &topic).len(), 5000);
}

#[test]
fn an_idle_lane_costs_nothing_and_a_commit_is_quick() {
    let Some(cluster) = Cluster::up() else { return };
    let (tokio, topic) = (tokio(), cluster.topic("quick", 1));
    let _entered = tokio.enter();
    let sink = named(strings(&cluster, &topic), &topic, "a");
    commit(&sink, &stage(&sink, 1, &["first"])).unwrap();
    let staged = stage(&sink, 2, &["second"]);
    assert_eq!(staged.len(), 1, "one lane has records");
    std::thread::sleep(Duration::from_millis(1500));
    let began = Instant::now();
    commit(&sink, &staged).unwrap();
    // Without the flush before the commit librdkafka takes half a second; a loaded machine may need some of it.
    assert!(began.elapsed() < Duration::from_millis(400), "{:?}", began.elapsed());
}

#[test]
fn at_least_once_has_sent_everything_when_it_is_prepared() {
    let Some(cluster) = Cluster::up() else { return };
    let (tokio, topic) = (tokio(), cluster.topic("direct", 2));
    let _entered = tokio.enter();
    let sink = named(strings(&cluster, &topic).at_least_once(), &topic, "a");
    assert!(stage(&sink, 1, &["a", "b", "c"]).is_empty());
    assert_eq!(visible(&cluster, &topic), ["a", "b", "c"]);
}
