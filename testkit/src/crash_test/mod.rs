//! Exactly-once of a user's whole job, by killing it.
mod compare;
mod plan;
mod trial;

use compare::{Visible, differences};
use millstream_operators::substitute::Substitutes;
use millstream_operators::{Job, Result};
use millstream_runtime::data::{Bytes, Data};
use millstream_runtime::run::Plant;
use millstream_runtime::source::{Meta, Received};
use plan::{Case, RUNS};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use trial::{Build, Ran, Trial};

/// Proves exactly-once of a user's whole job: runs it undisturbed, then kills it at each failpoint, during recovery, and
/// with a rewind, with 1, 2 and 3 workers, with keyed state in memory or mostly on disk; compares the committed output as
/// multisets. Sources and sinks are replaced by uid, their contracts are not. Processing time stands still. A failure
/// prints the line of code that repeats it.
///
/// The output must be a function of the input: a job whose output depends on the order of records of different splits
/// is fed with [`CrashTest::splits`] of 1.
pub fn crash_test(build: impl Fn(&Job) -> Result<()> + Send + Sync + 'static) -> CrashTest {
    let world = Substitutes::default();
    CrashTest { build: Arc::new(build), world, seed: 1, runs: RUNS, only: None, plant: Plant::None }
}

/// What a crash test reads, and how long it goes on.
#[must_use = "nothing happens before .run()"]
pub struct CrashTest {
    build: Build,
    world: Substitutes,
    seed: u64,
    runs: u64,
    only: Option<(String, u64)>,
    plant: Plant,
}

impl CrashTest {
    /// What the source `uid` yields: its items, dealt over two splits. A few hundred are enough.
    pub fn feed<T: Data + Sync>(mut self, uid: &str, items: impl IntoIterator<Item = T>) -> Self {
        self.world.feed(uid, items.into_iter().collect());
        self
    }

    /// The same for a source of bytes: each record as JSON.
    ///
    /// # Panics
    /// Where a record cannot be written as JSON.
    pub fn feed_json<T: Serialize>(self, uid: &str, records: impl IntoIterator<Item = T>) -> Self {
        let records = records.into_iter().zip(0..).map(|(record, offset)| {
            let value: Bytes = serde_json::to_vec(&record)
                .unwrap_or_else(|e| panic!("crash_test: record {offset} for {uid:?} is no JSON: {e}"));
            Received { value, meta: Meta::at(uid, offset) }
        });
        self.feed(uid, records.collect::<Vec<_>>())
    }

    /// How many splits each source has: two unless told otherwise. With one, all its records are in order.
    pub fn splits(mut self, splits: u32) -> Self {
        self.world.set_splits(splits);
        self
    }

    /// Other interleavings: 1 unless told otherwise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many disturbed runs: unless told otherwise so many that each place is tried with three counts.
    pub fn runs(mut self, runs: u64) -> Self {
        self.runs = runs;
        self
    }

    /// Repeats the one run that a report names, with its seed.
    pub fn only(mut self, place: &str, count: u64) -> Self {
        self.only = Some((place.into(), count));
        self
    }

    /// A planted bug of the runtime, which must be found.
    #[doc(hidden)]
    pub fn plant(mut self, plant: Plant) -> Self {
        self.plant = plant;
        self
    }

    /// Runs it.
    ///
    /// # Panics
    /// With a report where a record is lost or doubled, where the job fails or hangs, and where the test proves nothing:
    /// a source without records, or a job that is over before it can be killed.
    #[track_caller]
    pub fn run(self) {
        let kills = self.run_and_count();
        let total: u64 = kills.values().sum();
        let places: Vec<String> = kills.iter().map(|(place, count)| format!("{place} {count}")).collect();
        println!("crash_test: nothing lost and nothing doubled by {total} kills: {}", places.join(", "));
    }

    /// The same; gives how often the job was killed at each place.
    #[doc(hidden)]
    #[track_caller]
    pub fn run_and_count(self) -> BTreeMap<String, u64> {
        self.judge().unwrap_or_else(|report| panic!("crash_test: {report}"))
    }

    fn judge(self) -> Result<BTreeMap<String, u64>, String> {
        let world = Arc::new(self.world);
        check(&self.build, &world)?;
        let cases: Vec<Case> = match self.only {
            Some((place, count)) => vec![Case { seed: self.seed, place, count }],
            None => (0..self.runs).map(|i| Case::nth(self.seed, i)).collect(),
        };
        let expected = baseline(&Trial { build: Arc::clone(&self.build), world: world.clone(), plant: Plant::None })?;
        let trial = Trial { build: self.build, world, plant: self.plant };
        let mut kills: BTreeMap<String, u64> = BTreeMap::new();
        for case in &cases {
            let mut ran = Ran::default();
            let failed = trial.disturbed(case, &mut ran).err();
            let wrong = failed.or_else(|| differences(&expected, &trial.world.visible(), &trial.world));
            if let Some(wrong) = wrong {
                return Err(report(&wrong, case, &ran));
            }
            ran.kills.into_iter().for_each(|(place, count)| *kills.entry(place).or_default() += count);
        }
        if kills.is_empty() && !cases.is_empty() {
            return Err("no run was killed: the job was over too soon; feed it more records".into());
        }
        Ok(kills)
    }
}

/// Draws the job once: are its mistakes none, and its sources fed?
fn check(build: &Build, world: &Arc<Substitutes>) -> Result<(), String> {
    let job = Job::substituted(Arc::clone(world));
    build(&job).map_err(|e| e.to_string())?;
    let mistakes: Vec<String> = world.mistakes().into_iter().chain(job.mistakes()).collect();
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes.join("\n")) }
}

/// What the job gives when nobody disturbs it: always the same, or the test could prove nothing.
fn baseline(trial: &Trial) -> Result<Visible, String> {
    let expected = trial.undisturbed(1, 0)?;
    if expected.values().all(Vec::is_empty) {
        return Err("the job writes nothing: feed it records that come out at a sink".into());
    }
    let cures = [
        (
            1,
            0,
            "two runs that nobody disturbed differ: the output depends on something outside, such as the clock, \
                chance, or a global variable",
        ),
        (
            3,
            7,
            "runs with 1 and 3 workers that nobody disturbed differ: the output depends on the order of records of \
                different splits or keys; make it independent of that, or feed one split with .splits(1)",
        ),
    ];
    for (workers, jitter, cure) in cures {
        let found = trial.undisturbed(workers, jitter)?;
        if let Some(wrong) = differences(&expected, &found, &trial.world) {
            return Err(format!("{cure}\n{wrong}"));
        }
    }
    Ok(expected)
}

fn report(wrong: &str, case: &Case, ran: &Ran) -> String {
    let Case { seed, place, count } = case;
    let story = ran.story.iter().map(|line| format!("  {line}\n")).collect::<String>();
    format!(
        "{}\nseed {seed}, place {place:?}, count {count}; the attempts:\n{story}this run alone: \
         crash_test(build)...seed({seed}).only({place:?}, {count}).run()",
        wrong.trim_end()
    )
}
