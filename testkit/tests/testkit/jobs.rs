//! A job of everything, and the outside that a test replaces.
use millstream_operators::aggregate::{count, sum};
use millstream_operators::process::{Ctx, Process};
use millstream_operators::window::{Session, Tumbling};
use millstream_operators::{Job, Stream};
use millstream_runtime::batch::Batch;
use millstream_runtime::data::{Bytes, Data};
use millstream_runtime::sink::{Sink, Staging, Writer};
use millstream_runtime::source::{Progress, Reader, Received, Source, Splits};
use millstream_runtime::state::{List, Value};
use millstream_runtime::time::{Timestamp, Watermark, millis};
use millstream_runtime::{KeyedState, Result, State};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
pub struct Event {
    pub key: u64,
    pub at: i64,
    pub number: u64,
}

/// In the place of what a test replaces.
pub struct Outside<T>(PhantomData<fn() -> T>);

pub fn outside<T>() -> Outside<T> {
    Outside(PhantomData)
}

impl<T: Data> Source for Outside<T> {
    type Split = u32;
    type Reader = Outside<T>;
    fn splits(&mut self) -> Result<Splits<u32>> {
        Err("not replaced".into())
    }
    fn open(&self, _: &u32, _: Option<u64>) -> Result<Outside<T>> {
        Err("not replaced".into())
    }
}

impl<T: Data> Reader for Outside<T> {
    type Item = T;
    type Offset = u64;
    fn read(&mut self, _: &mut Batch<T>) -> Result<Progress> {
        Err("not replaced".into())
    }
    fn offset(&self) -> u64 {
        0
    }
}

impl<T: Data> Sink<T> for Outside<T> {
    type Writer = Outside<T>;
    fn open(&self, _: usize, _: &[u64]) -> Result<Outside<T>> {
        Err("not replaced".into())
    }
    fn commit(&self, _: u64) -> Staging<()> {
        Box::pin(std::future::ready(Err("not replaced".into())))
    }
}

impl<T: Data> Writer<T> for Outside<T> {
    type Committable = u64;
    fn write(&mut self, _: &mut Batch<T>) -> Result<()> {
        Err("not replaced".into())
    }
    fn prepare(&mut self, _: u64) -> Staging<Vec<u64>> {
        Box::pin(std::future::ready(Err("not replaced".into())))
    }
}

/// Gathers a key's numbers until the key has been quiet for 34 ms. Records that are ahead of the timer are not yet told:
/// the result is a function of the records, whatever their order.
pub struct Quiet;

#[derive(KeyedState)]
pub struct Gathered {
    numbers: List<(Timestamp, u64)>,
    told: Value<u64>,
}

impl Process for Quiet {
    type Key = u64;
    type In = Event;
    type Out = (u64, u64, Vec<u64>);
    type State = Gathered;
    type Timer = u8;

    fn on_record(&mut self, event: Event, ctx: &mut Ctx<Self>) {
        ctx.state.numbers.push((Timestamp(event.at), event.number));
        ctx.timer_at(Timestamp(event.at) + millis(34), 3);
    }

    fn on_timer(&mut self, _: u8, ctx: &mut Ctx<Self>) {
        let now = ctx.time();
        let (past, ahead): (Vec<_>, Vec<_>) = ctx.state.numbers.iter().partition(|(at, _)| *at < now);
        if past.is_empty() || past.iter().any(|(at, _)| *at + millis(34) > now) {
            return;
        }
        ctx.state.numbers.clear();
        ahead.into_iter().for_each(|one| ctx.state.numbers.push(one));
        let told = ctx.state.told.get().copied().unwrap_or(0) + 1;
        ctx.state.told.set(told);
        let mut numbers: Vec<u64> = past.into_iter().map(|(_, n)| n).collect();
        numbers.sort_unstable();
        ctx.emit((ctx.key, told, numbers));
    }
}

pub fn parse(text: &str) -> Result<Event, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

fn timed(events: Stream<Event>) -> Stream<Event> {
    events.event_time(|e| e.at, Watermark::bounded(millis(10)))
}

/// Windows, sessions, a process with timers; two sources, of records and of bytes; dead letters.
pub fn everything(job: &Job) -> Result<()> {
    let lines = job.source("lines", outside::<Received<Bytes>>());
    let decoded = timed(lines.decode(parse).or_dead_letter("bad", outside()).values());
    let all = timed(job.source("events", outside::<Event>())).union(decoded);
    let keyed = || all.clone().key_by(|e| e.key);
    let tumbled = keyed().window(Tumbling::of(millis(50)));
    tumbled.aggregate("tumbling", (count(), sum(|e: &Event| e.number))).sink("tumbled", outside());
    keyed().window(Session::gap(millis(15))).aggregate("sessions", count()).sink("sat", outside());
    all.clone().key_by(|e| e.key).process("quiet", Quiet).sink("quieted", outside());
    all.filter(|e| e.number % 3 == 0).sink("thirds", outside());
    Ok(())
}

/// In order but for a little disorder.
pub fn events(count: u64) -> Vec<Event> {
    (0..count).map(|n| Event { key: n * 7 % 11, at: (n * 3 - n * 5 % 4) as i64, number: n }).collect()
}

/// Every tenth is no event.
pub fn values(count: u64) -> Vec<serde_json::Value> {
    let value = |e: Event| match e.number % 10 {
        9 => serde_json::json!({"wrong": e.number}),
        _ => serde_json::json!(e),
    };
    events(count).into_iter().map(value).collect()
}
