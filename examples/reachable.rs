//! A loop with state: as links between pages come, which pages can be reached from page 0, each told once.
use millstream::prelude::*;
use std::collections::BTreeSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a page must not wait for: at most so many pages are told one after the other within one epoch.
const ROUNDS: u32 = 10_000;

#[derive(clap::Args, Serialize, Deserialize)]
struct Options {
    /// So many links.
    #[arg(long, default_value_t = 200_000)]
    records: u64,
    /// So many of them a second; as fast as possible without it.
    #[arg(long)]
    rate: Option<u64>,
    /// Where the pages go: a folder.
    #[arg(long, default_value = "./reachable_out")]
    out: PathBuf,
}

#[derive(Clone, Serialize, Deserialize)]
struct Reached {
    page: u64,
}

/// What a page hears.
#[derive(Clone, Serialize, Deserialize)]
enum News {
    LinksTo { page: u64, to: u64 },
    IsReached { page: u64 },
}

impl News {
    fn page(&self) -> u64 {
        match self {
            News::LinksTo { page, .. } | News::IsReached { page } => *page,
        }
    }
}

/// What a page knows.
#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Page {
    is_reached: bool,
    links_to: BTreeSet<u64>,
}

impl Page {
    /// The pages that can be reached now, since this one has heard something.
    fn hear(&mut self, number: u64, news: &News) -> Vec<u64> {
        let was_reached = self.is_reached;
        self.is_reached |= number == 0 || matches!(news, News::IsReached { .. });
        match *news {
            News::LinksTo { to, .. } if self.links_to.insert(to) && was_reached => vec![to],
            _ if self.is_reached && !was_reached => self.links_to.iter().copied().collect(),
            _ => vec![],
        }
    }
}

/// Each page has one link to it, mostly from an older page; from a newer one now and then, so that much is reached at once.
fn link(number: u64) -> News {
    let (to, random) = (number + 1, (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29));
    let page = if random % 50 == 0 { to + random % 5_000 } else { random / 50 % to };
    News::LinksTo { page, to }
}

fn build(job: &Job, o: &Options) -> Result<()> {
    let links = generate(o.records, link).splits(4);
    let links = job.source("links", if let Some(rate) = o.rate { links.rate(rate) } else { links });
    let reached = links.iterate("reach", ROUNDS, |round| {
        round.stateful("pages", News::page, |number, page: &mut Page, news| {
            let was_reached = page.is_reached;
            let next = page.hear(*number, &news).into_iter().map(|page| Step::Again(News::IsReached { page }));
            let is_new = page.is_reached && !was_reached;
            next.chain(is_new.then_some(Step::Done(Reached { page: *number }))).collect::<Vec<_>>()
        })
    });
    reached.or_fail().sink("reached", Files::write(o.out.join("reached"), Json));
    Ok(())
}

fn main() -> ExitCode {
    Job::main_with("reachable", build)
}
