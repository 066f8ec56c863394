//! The main job: web logs to rows per minute and path, sessions per client, dead letters and late records, exactly once.
use millstream::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(clap::Args, Serialize, Deserialize)]
struct Options {
    #[command(flatten)]
    files: FileSource,
    #[command(flatten)]
    traffic: Traffic, // what is read without --input
    /// Where the rows go: a folder.
    #[arg(long, default_value = "./access_log_out")]
    out: PathBuf,
    /// A record further behind the newest of its file goes to `late`.
    #[arg(long, default_value = "1h")]
    lateness: Span,
}

#[derive(Clone, Serialize, Deserialize)]
#[rustfmt::skip]
struct PathRow { minute: Timestamp, path: String, hits: u64, bytes: u64, errors: u64, clients: u64 }
#[derive(Clone, Serialize, Deserialize)]
#[rustfmt::skip]
struct SessionRow { client: String, start: Timestamp, end: Timestamp, hits: u64 }

fn build(job: &Job, o: &Options) -> Result<()> {
    let to = |folder: &str| Files::write(o.out.join(folder), Json);
    let made_up = o.files.paths.is_empty();
    let lines = if made_up { job.source("log", o.traffic.clone()) } else { job.source("log", o.files.clone()) };
    let hits = lines.decode(CombinedLog).or_dead_letter("dead_letters", to("dead_letters")).values();
    let hits = hits.event_time(|h| h.at, Watermark::bounded(o.lateness)).late("late", to("late"));

    let errors = count_if(|h: &Hit| h.status >= 400);
    let per_path = (count(), sum(|h: &Hit| h.bytes), errors, distinct(|h: &Hit| h.client.clone()));
    let minutes = hits.clone().key_by(|h| h.path.clone()).window(Tumbling::of(mins(1))).aggregate("per-path", per_path);
    let rows = minutes.map(|w| {
        let (hits, bytes, errors, clients) = w.value;
        PathRow { minute: w.start, path: w.key, hits, bytes, errors, clients }
    });
    rows.sink("paths", to("paths"));

    let sessions = hits.key_by(|h| h.client.clone()).window(Session::gap(mins(30))).aggregate("per-client", count());
    let rows = sessions.map(|w| SessionRow { client: w.key, start: w.start, end: w.end - mins(30), hits: w.value });
    rows.sink("sessions", to("sessions"));
    Ok(())
}

fn main() -> ExitCode {
    Job::main_with("access_log", build)
}
