//! A source waits for the schemas of its records, and no worker does.
use crate::server::Server;
use millstream_formats::{Ahead, Avro, Decode, LookAhead, SchemaRegistry};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{Meta, Progress, Reader, Received, Source, Splits};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records that are there.
struct Ready(Vec<Bytes>);

impl Source for Ready {
    type Split = u8;
    type Reader = ReadyReader;

    fn splits(&mut self) -> Result<Splits<u8>> {
        Ok(Splits::Fixed(vec![0.into()]))
    }

    fn open(&self, _split: &u8, from: Option<u64>) -> Result<ReadyReader> {
        Ok(ReadyReader { records: self.0.clone(), next: from.unwrap_or(0) })
    }
}

struct ReadyReader {
    records: Vec<Bytes>,
    next: u64,
}

impl Reader for ReadyReader {
    type Item = Received<Bytes>;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<Received<Bytes>>) -> Result<Progress> {
        let Some(value) = self.records.get(self.next as usize) else { return Ok(Progress::Ended) };
        batch.push(Received { value: value.clone(), meta: Meta::at("test", self.next) });
        self.next += 1;
        Ok(Progress::More)
    }

    fn offset(&self) -> u64 {
        self.next
    }
}

fn record(id: u8, datum: u8) -> Bytes {
    vec![0, 0, 0, 0, id, datum]
}

/// Reads all; says what each read came to, and the offset behind it.
async fn all(
    source: &impl Source<Split = u8, Reader = impl Reader<Item = Received<Bytes>, Offset = u64>>,
) -> (Vec<Bytes>, Vec<(Progress, u64)>) {
    let mut reader = source.open(&0, None).unwrap();
    let (mut records, mut steps, began) = (vec![], vec![], Instant::now());
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(&mut batch).unwrap();
        records.extend(batch.drain().map(|record| record.value));
        steps.push((progress, reader.offset()));
        if progress == Progress::Ended {
            return (records, steps);
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it waits for ever");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_record_leaves_when_its_schema_is_there_and_until_then_its_offset_stays() {
    let long = r#"{"schema":"\"long\""}"#;
    let (server, url) = Server::start(&[(503, ""), (200, long), (404, r#"{"error_code":40403,"message":"no such"}"#)]);
    let registry = SchemaRegistry::at(&url).open().unwrap();
    let sent = vec![record(7, 2), record(7, 4), b"no head".to_vec(), record(9, 6)];
    let (records, steps) = all(&registry.ahead(Ready(sent.clone()))).await;
    assert_eq!(records, sent);
    assert_eq!(steps[0], (Progress::Waiting, 0), "nothing has left, so a checkpoint begins before it");
    let first = steps.iter().position(|(progress, _)| *progress == Progress::More).unwrap();
    assert_eq!(steps[first].1, 1);
    assert_eq!(server.lines(), ["GET /schemas/ids/7", "GET /schemas/ids/7", "GET /schemas/ids/9"]);
    let mut avro = Avro::registry(&registry);
    let values: Vec<Result<i64, String>> = records.iter().map(|record| avro.decode(record)).collect();
    assert_eq!(values[..2], [Ok(1), Ok(2)]);
    assert!(values[2].as_ref().unwrap_err().contains("not written by a serializer"));
    assert!(
        values[3].as_ref().unwrap_err().contains("schema 9: ") && values[3].as_ref().unwrap_err().contains("no such")
    );
    let said = Decode::<i64>::decode(&mut avro, &record(8, 0)).unwrap_err();
    assert!(said.contains("SchemaRegistry::ahead"), "who reads without it is told: {said}");
}

#[tokio::test]
async fn a_registry_that_cannot_be_asked_stops_the_attempt_and_the_next_one_asks_again() {
    let long = r#"{"schema":"\"long\""}"#;
    let (_server, url) = Server::start(&[(500, "down"), (200, long)]);
    let registry = SchemaRegistry::at(&url).retries(0).open().unwrap();
    let source = registry.ahead(Ready(vec![record(7, 2)]));
    let mut reader = source.open(&0, None).unwrap();
    let said = loop {
        match reader.read(&mut Batch::default()) {
            Err(e) => break e.to_string(),
            Ok(progress) => assert_eq!(progress, Progress::Waiting),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert!(said.contains("schema 7: ") && said.contains("500") && said.contains("down"), "{said}");
    assert_eq!(all(&source).await.0, [record(7, 2)], "the record is not lost");
}

#[tokio::test]
async fn without_something_to_wait_for_it_is_the_source_itself() {
    let none: Option<Arc<dyn LookAhead>> = None;
    let (records, steps) = all(&Ahead::new(Ready(vec![record(7, 2)]), none)).await;
    assert_eq!((records.len(), steps), (1, vec![(Progress::More, 1), (Progress::Ended, 1)]));
}
