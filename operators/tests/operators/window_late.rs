//! Late records: each is in a result or in the sink for late records, whatever the interleaving.
use crate::window_world::{Event, How, Outside, Visible, visible};
use millstream_operators::Job;
use millstream_operators::aggregate::count;
use millstream_operators::window::{Session, Sliding, Tumbling, Windowed};
use millstream_runtime::run::Jitter;
use millstream_runtime::time::{Watermark, millis};
use std::collections::BTreeMap;

/// Every fifth record is up to a second behind, in splits that promise order.
fn disorderly(seed: u64) -> Vec<Event> {
    let mut random = Jitter::new(seed);
    let mut event = |number: u64| {
        let behind = if random.below(5) == 0 { random.below(1000) as i64 } else { 0 };
        Event { key: format!("k{}", random.below(5)), at: number as i64 - behind, number }
    };
    (0..3000).map(&mut event).collect()
}

fn build(job: &Job) {
    let events = job.source("events", Outside).event_time(|e| e.at, Watermark::ascending());
    let keyed = || events.clone().key_by(|e| e.key.clone());
    let strict = keyed().window(Tumbling::of(millis(50))).late("strict-late", Outside);
    strict.aggregate("strict", count()).sink("strict-out", Outside);
    let patient = keyed().window(Tumbling::of(millis(50)).allowed_lateness(millis(300))).late("patient-late", Outside);
    patient.fold("patient", || 0u64, |n, _| *n += 1).sink("patient-out", Outside);
    let sliding = Sliding::of(millis(60), millis(20)).allowed_lateness(millis(200));
    keyed().window(sliding).late("sliding-late", Outside).aggregate("sliding", count()).sink("sliding-out", Outside);
    let combined = keyed().window(Tumbling::of(millis(50)).allowed_lateness(millis(5000)));
    combined.aggregate("combined", count()).sink("combined-out", Outside);
    let sessions = keyed().window(Session::gap(millis(15))).late("session-late", Outside);
    sessions.aggregate("sessions", count()).sink("session-out", Outside);
}

/// The last revision of each window; they count up without a gap, and values grow.
fn newest(visible: &Visible, uid: &str) -> BTreeMap<(String, i64), u64> {
    let mut all: Vec<Windowed<String, u64>> = visible.all(uid);
    all.sort_by_key(|w| (w.key.clone(), w.start, w.revision));
    for window in all.chunk_by(|a, b| a.key == b.key && a.start == b.start) {
        let revisions: Vec<u32> = window.iter().map(|w| w.revision).collect();
        assert!(revisions.iter().copied().eq(0..window.len() as u32), "{uid}: {revisions:?}");
        assert!(window.is_sorted_by_key(|w| w.value), "{uid}: {window:?}");
    }
    all.into_iter().map(|w| ((w.key, w.start.0), w.value)).collect()
}

fn check(seed: u64, how: How) -> (bool, usize, usize) {
    let input = disorderly(seed);
    let (visible, killed) = visible(build, input.clone(), how);
    let all = input.len() as u64;
    let total = |uid: &str| newest(&visible, uid).values().sum::<u64>();
    let late = |uid: &str| visible.all::<Event>(uid).len() as u64;
    let says = format!("seed {seed}, {} workers, {:?}", how.workers, how.dies);
    assert_eq!(total("strict-out") + late("strict-late"), all, "{says}");
    assert!(visible.all::<Windowed<String, u64>>("strict-out").iter().all(|w| w.revision == 0), "{says}");
    assert_eq!(total("patient-out") + late("patient-late"), all, "{says}");
    assert_eq!(total("session-out") + late("session-late"), all, "{says}");
    let mut plain: BTreeMap<(String, i64), u64> = BTreeMap::new();
    input.iter().for_each(|e| *plain.entry((e.key.clone(), e.at.div_euclid(50) * 50)).or_default() += 1);
    assert_eq!(newest(&visible, "combined-out"), plain, "{says}");
    let slid = newest(&visible, "sliding-out").values().sum::<u64>();
    assert!(slid <= 3 * (all - late("sliding-late")), "{says}");
    let revised = visible.all::<Windowed<String, u64>>("patient-out").iter().filter(|w| w.revision > 0).count();
    (killed, late("strict-late") as usize, revised)
}

#[test]
fn every_record_is_in_a_result_or_late() {
    let (mut late, mut revised) = (0, 0);
    for seed in 0..6 {
        let (_, l, r) = check(seed, How { workers: [1, 2, 4][seed as usize % 3], seed, dies: None });
        (late, revised) = (late + l, revised + r);
    }
    assert!(late > 100 && revised > 100, "{late} late, {revised} revised");
}

#[test]
fn also_after_a_kill() {
    let mut killed = 0;
    for seed in 10..16 {
        let dies = Some((["manifest.after", "commit.before"][seed as usize % 2], 2));
        killed += u32::from(check(seed, How { workers: [2, 1, 4][seed as usize % 3], seed, dies }).0);
    }
    assert!(killed >= 4, "only {killed} of 6 runs were killed");
}
