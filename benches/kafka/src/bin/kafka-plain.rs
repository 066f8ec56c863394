//! A yardstick of `cargo bench --bench kafka` as a program of its own: a plain loop over librdkafka with the system's allocator,
//! as who writes such a loop has it.
use clap::Parser;
use kafka_bench::plain;

/// Copies a topic.
#[derive(Parser)]
struct Args {
    brokers: String,
    input: String,
    output: String,
    records: u64,
    /// In transactions, one each second.
    #[arg(long)]
    transactions: bool,
}

fn main() {
    let Args { brokers, input, output, records, transactions } = Args::parse();
    let copy = if transactions { plain::transactions } else { plain::at_least_once };
    copy(&brokers, &input, &output, records);
}
