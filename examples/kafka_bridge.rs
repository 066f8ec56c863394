//! From topic to topic, exactly once: orders are filtered and enriched, and what each region pays in a minute is summed up.
//!
//! `cargo xtask services up kafka` starts a broker; the topics must exist. A job of your own takes `millstream` with its feature
//! `kafka`, and has all names from the prelude.
use millstream::prelude::*;
use millstream_kafka::{Kafka, KafkaRecord};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(clap::Args, Serialize, Deserialize)]
struct Options {
    /// Where to find the cluster.
    #[arg(long, default_value = "localhost:9092")]
    brokers: String,
    /// JSON orders.
    #[arg(long, default_value = "orders")]
    input: String,
    /// Orders that are paid, with their region.
    #[arg(long, default_value = "orders-paid")]
    output: String,
    /// Sums for each region and minute.
    #[arg(long, default_value = "revenue")]
    revenue: String,
    /// What is no order.
    #[arg(long, default_value = "orders-dead")]
    dead: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[rustfmt::skip]
struct Order { id: String, country: String, status: String, cents: u64 }
#[derive(Clone, Serialize, Deserialize)]
#[rustfmt::skip]
struct Paid { id: String, region: String, cents: u64, at: Timestamp }
#[derive(Clone, Serialize, Deserialize)]
#[rustfmt::skip]
struct Revenue { region: String, minute: Timestamp, orders: u64, cents: u64 }

fn region_of(country: &str) -> &'static str {
    match country {
        "DE" | "FR" | "NL" | "PL" => "Europe",
        "US" | "CA" | "MX" => "America",
        _ => "elsewhere",
    }
}

fn build(job: &Job, o: &Options) -> Result<()> {
    let received = job.source("orders", Kafka::read(&o.brokers, &o.input));
    let dead = Kafka::write(&o.brokers, &o.dead, Json).exactly_once();
    let orders = received.decode::<Order>(Json).or_dead_letter("dead", dead);
    let paid = orders.filter(|order| order.value.status == "paid").map(|order| {
        let Order { id, country, cents, .. } = order.value;
        Paid { id, region: region_of(&country).into(), cents, at: order.meta.timestamp }
    });
    let paid = paid.event_time(|order| order.at, Watermark::bounded(secs(5)));
    let by_id = |order: &Paid, record: &mut KafkaRecord| {
        record.key = Some(order.id.clone().into_bytes());
        record.timestamp = Some(order.at);
    };
    paid.clone().sink("paid", Kafka::write_with(&o.brokers, &o.output, Json, by_id).exactly_once());

    let sums = (count(), sum(|order: &Paid| order.cents));
    let minutes = paid.key_by(|order| order.region.clone()).window(Tumbling::of(mins(1))).aggregate("minutes", sums);
    let rows = minutes.map(|w| Revenue { region: w.key, minute: w.start, orders: w.value.0, cents: w.value.1 });
    let by_region = |row: &Revenue, record: &mut KafkaRecord| record.key = Some(row.region.clone().into_bytes());
    rows.sink("revenue", Kafka::write_with(&o.brokers, &o.revenue, Json, by_region).exactly_once());
    Ok(())
}

fn main() -> ExitCode {
    Job::main_with("kafka_bridge", build)
}
