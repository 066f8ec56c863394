//! A job of everything.
use millstream_operators::aggregate::{count, sum};
use millstream_operators::process::{Ctx, Process};
use millstream_operators::window::{Session, Tumbling};
use millstream_operators::{Job, Stream};
use millstream_runtime::data::Bytes;
use millstream_runtime::source::Received;
use millstream_runtime::state::{List, Value};
use millstream_runtime::time::{Timestamp, Watermark, millis};
use millstream_runtime::{KeyedState, Result, State};
use millstream_testkit::outside;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
pub struct Event {
    pub key: u64,
    pub at: i64,
    pub number: u64,
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
