//! How a user tests a job: its graph, its logic record by record, exactly-once of the whole; and the suites for what it
//! reads and writes.
use millstream::connectors::{Files, Json, Text, generate};
use millstream::prelude::*;
use millstream::testkit::{Harness, crash_test, graph, sink_conforms, source_conforms};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
struct Payment {
    card: u64,
    country: String,
    cents: i64,
    at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Alert {
    card: u64,
    payments: Vec<Payment>,
}

/// What one card has.
#[derive(KeyedState)]
struct Card {
    small: Value<Timestamp>,
    recent: List<Payment>,
    by_country: Map<String, u64>,
}

#[derive(Clone, Serialize, Deserialize, State)]
enum Wake {
    ForgetSmall,
    ForgetCard,
}

/// A small payment, then a large one within some time, on one card.
struct SmallThenLarge {
    within: Duration,
}

impl Process for SmallThenLarge {
    type Key = u64;
    type In = Payment;
    type Out = Alert;
    type State = Card;
    type Timer = Wake;

    fn on_record(&mut self, payment: Payment, ctx: &mut Ctx<Self>) {
        let seen = ctx.state.by_country.get(&payment.country).unwrap_or(0);
        ctx.state.by_country.insert(payment.country.clone(), seen + 1);
        ctx.state.recent.push(payment.clone());
        if payment.cents > 50_000 && ctx.state.small.get().is_some() {
            let alert = Alert { card: ctx.key, payments: ctx.state.recent.iter().collect() };
            ctx.emit(alert);
        } else if payment.cents < 100 {
            ctx.state.small.set(payment.at);
            ctx.timer_at(payment.at + self.within, Wake::ForgetSmall);
        }
        ctx.timer_after(days(7), Wake::ForgetCard);
    }

    fn on_timer(&mut self, timer: Wake, ctx: &mut Ctx<Self>) {
        match timer {
            Wake::ForgetSmall => ctx.state.small.clear(),
            Wake::ForgetCard => ctx.state.recent.clear(),
        }
    }
}

/// The pattern alone: what the harness drives.
fn alerts(payments: Stream<Payment>) -> Stream<Alert> {
    payments.key_by(|p| p.card).process("small-then-large", SmallThenLarge { within: mins(1) })
}

fn decoded(job: &Job) -> Stream<Payment> {
    let lines = job.source("payments", Files::lines(["payments.jsonl"]).follow(true));
    let payments = lines.decode::<Payment>(Json).or_dead_letter("bad", Files::write("bad", Json)).values();
    payments.event_time(|p| p.at, Watermark::bounded(secs(5)))
}

/// Which alert comes depends on the order of a card's payments, also of those that are at the same time.
fn build(job: &Job) -> Result<()> {
    alerts(decoded(job)).sink("alerts", Files::write("alerts", Json));
    Ok(())
}

/// What does not depend on it.
fn build_totals(job: &Job) -> Result<()> {
    let payments = decoded(job).late("late", Files::write("late", Json));
    let windows = payments.key_by(|p| p.card).window(Tumbling::of(mins(1)));
    let totals = windows.aggregate("per-minute", (count(), sum(|p: &Payment| p.cents)));
    totals.filter(|w| w.value.1 > 100_000).sink("totals", Files::write("totals", Json));
    Ok(())
}

fn payment(cents: i64, second: i64) -> Payment {
    Payment { card: 7, country: "CH".into(), cents, at: Timestamp(second * 1000) }
}

/// A line of JSON, as it may come.
#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Right(Payment),
    Wrong { card: i64 },
}

/// Of five cards, small and large, with a broken one now and then.
fn lines() -> impl Iterator<Item = Line> {
    (0..600).map(|n| match n % 50 {
        49 => Line::Wrong { card: n },
        _ => {
            let cents = if n % 3 == 0 { 50 } else { n * 150 };
            Line::Right(Payment { card: (n * 7 % 5) as u64, ..payment(cents, n * 2) })
        }
    })
}

#[test]
fn the_graphs_are_sound() {
    graph(build).unwrap();
    graph(build_totals).unwrap();
}

#[test]
fn a_sink_that_demands_exactly_once_is_refused_behind_what_cannot_be_read_again() {
    let lines = |job: &Job| job.source("lines", Files::stdin()).decode(Text).or_skip().values();
    let demands = graph(move |job| {
        lines(job).sink("out", Files::write("out", Text).exactly_once());
        Ok(())
    });
    let refusal = demands.unwrap_err().to_string();
    let what = "sink \"out\" is exactly once, and source \"lines\" cannot be read again after a crash\n  --> tests/own_job.rs:";
    assert!(refusal.starts_with(what) && refusal.contains("leave out .exactly_once()"), "{refusal}");
    graph(move |job| {
        lines(job).sink("out", Files::write("out", Text));
        Ok(())
    })
    .unwrap();
    graph(|job| {
        let lines = job.source("lines", Files::lines(["in"])).decode(Text).or_skip().values();
        lines.sink("out", Files::write("out", Text).exactly_once());
        Ok(())
    })
    .unwrap();
}

#[test]
fn small_then_large_within_a_minute() {
    let mut piece = Harness::new(alerts);
    piece.push(0, payment(50, 0)).crash(3).push(30_000, payment(90_000, 30));
    assert_eq!(piece.out(), [Alert { card: 7, payments: vec![payment(50, 0), payment(90_000, 30)] }]);
    piece.push(31_000, payment(50, 31)).watermark(92_000).push(93_000, payment(90_000, 93)).pass(days(8));
    assert_eq!(piece.out(), [], "the small one was forgotten after a minute");
    piece.crash(2).push(700_000, payment(50, 700)).push(701_000, payment(90_000, 701));
    let recent = vec![payment(50, 700), payment(90_000, 701)];
    assert_eq!(piece.out(), [Alert { card: 7, payments: recent }], "the card was forgotten after a week");
}

#[test]
fn totals_are_exactly_once() {
    crash_test(build_totals).feed_json("payments", lines()).run();
}

/// A test of the harness above says what comes when; here the watermark may fall between any two payments, so small
/// payments are not forgotten before the end.
#[test]
fn alerts_are_exactly_once() {
    let within_a_minute =
        |n: i64| Payment { card: n as u64 % 5, ..payment(if n % 3 == 0 { 50 } else { n * 400 }, n / 8) };
    crash_test(build).feed_json("payments", (0..300).map(within_a_minute)).splits(1).run();
}

#[test]
fn files_and_generated_records_are_sources() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["a", "b"] {
        let lines: String = (0..3000).map(|n| format!("{file} {n}\n")).collect();
        std::fs::write(folder.path().join(file), lines + "no end").unwrap();
    }
    let path = folder.path().to_str().unwrap();
    source_conforms(|| Files::lines([path]));
    source_conforms(|| Files::lines([path]).follow(true));
    source_conforms(|| generate(5000, |n| (n, n * n)).splits(3));
    source_conforms(|| Traffic::new(2000, 1));
}

#[test]
fn files_are_a_sink() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let committed = || {
        let mut lines = vec![];
        for file in std::fs::read_dir(&out).into_iter().flatten() {
            let path = file?.path();
            if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                lines.extend(std::fs::read_to_string(path)?.lines().map(String::from));
            }
        }
        Ok(lines)
    };
    sink_conforms(|| Files::write(&out, Text), committed);
}
