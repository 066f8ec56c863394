//! What the state of windows means beside its schemas. A checkpoint notes it, so that a job whose windows or aggregate
//! have changed under the same uid is refused: the schemas alone would fit.
use super::clock::Clock;
use super::shape::Shape;
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::{Logic, More, Turn};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::{BoxError, Result};
use std::collections::BTreeMap;
use std::task::{Context, Poll};

/// On disk, in the manifest: never rename.
const WINDOWS: &str = "windows";
const LATENESS: &str = "lateness_ms";
const AGGREGATE: &str = "aggregate";

/// See the module.
pub(super) struct Meaning {
    windows: String,
    lateness: i64,
    /// Empty where nobody says: of own aggregates and of closures.
    aggregate: String,
}

impl Meaning {
    /// `aggregate` is its name.
    pub fn new(shape: &Shape, clock: Clock, aggregate: String) -> Self {
        let of = if clock == Clock::Processing { " of processing time" } else { "" };
        Self { windows: format!("{shape}{of}"), lateness: shape.lateness(), aggregate }
    }

    /// For the manifest.
    pub fn noted(&self, info: OperatorInfo) -> OperatorInfo {
        let lateness = self.lateness.to_string();
        let all = [(WINDOWS, &self.windows), (LATENESS, &lateness), (AGGREGATE, &self.aggregate)];
        let settings = all.map(|(name, value)| (name.to_string(), value.clone()));
        OperatorInfo { settings: BTreeMap::from(settings), ..info }
    }

    /// Whether the state of the checkpoint, if there is any, means the same.
    ///
    /// # Errors
    /// Says what it was, what it is now, and what to do.
    pub fn judge(&self, init: &OperatorInit<'_>) -> Result<()> {
        let Some(info) = init.info() else { return Ok(()) };
        self.differs(&info.settings).map_or(Ok(()), |what| Err(refusal(init.uid, &what)))
    }

    /// What is other in the checkpoint. What it has not noted is not judged.
    fn differs(&self, stored: &BTreeMap<String, String>) -> Option<String> {
        let other = |name: &str, now: &String| stored.get(name).filter(|was| *was != now && !was.is_empty());
        let lateness = stored.get(LATENESS).and_then(|was| was.parse::<i64>().ok());
        if let Some(was) = other(WINDOWS, &self.windows) {
            return Some(format!("its state is of {was}, and now it has {}", self.windows));
        }
        if let Some(was) = other(AGGREGATE, &self.aggregate).filter(|_| !self.aggregate.is_empty()) {
            return Some(format!("its state is that of {was}, and now it is {}", self.aggregate));
        }
        // Less is fine: windows close sooner. With more, those that are gone would come again with late records only.
        let was = lateness.filter(|was| *was < self.lateness)?;
        let now = self.lateness;
        Some(format!("its allowed lateness was {was} ms and is {now} ms now, but windows that were closed are gone"))
    }
}

/// A logic whose state means something beside its schemas.
pub(super) struct Noted<L> {
    pub logic: L,
    pub meaning: Meaning,
}

impl<L: Logic> Logic for Noted<L> {
    fn on_batch(&mut self, port: usize, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        self.logic.on_batch(port, batch, turn)
    }

    fn on_time(&mut self, turn: &mut Turn<'_>) -> Result<More> {
        self.logic.on_time(turn)
    }

    fn freeze(&mut self, n: u64) -> Result<()> {
        self.logic.freeze(n)
    }

    fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.logic.poll_snapshot(task, hurry)
    }

    fn info(&mut self) -> OperatorInfo {
        self.meaning.noted(self.logic.info())
    }
}

fn refusal(uid: &str, what: &str) -> BoxError {
    format!(
        "windows {uid:?}: {what}; take that back, or give them a new uid and drop the old state with --drop-state {uid}"
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::super::shape::{Gap, Panes};
    use super::*;
    use millstream_runtime::time::{hours, millis, mins, secs};

    fn tumbling(length: std::time::Duration, lateness: std::time::Duration) -> Meaning {
        Meaning::new(&Shape::Panes(Panes::new(length, length, lateness)), Clock::Event, "count".into())
    }

    #[test]
    fn other_windows_or_another_aggregate_are_told_from_the_same() {
        let was = tumbling(mins(1), secs(5)).noted(OperatorInfo::new("w", "aggregate")).settings;
        let tumbling_minute = Shape::Panes(Panes::new(mins(1), mins(1), secs(5)));
        let sliding = Shape::Panes(Panes::new(hours(1), mins(5), millis(0)));
        let sessions = Shape::Sessions(Gap::new(mins(30), millis(0)));
        let cases = [
            (tumbling(mins(2), secs(5)), Some("its state is of windows of 60s, and now it has windows of 2m")),
            (Meaning::new(&sliding, Clock::Event, "count".into()), Some("now it has windows of 60m every 5m")),
            (
                Meaning::new(&tumbling_minute, Clock::Processing, "count".into()),
                Some("now it has windows of 60s of processing"),
            ),
            (Meaning::new(&sessions, Clock::Event, "count".into()), Some("now it has sessions with gaps of 30m")),
            (tumbling(mins(1), secs(6)), Some("was 5000 ms and is 6000 ms now")),
            (
                Meaning { aggregate: "sum".into(), ..tumbling(mins(1), secs(5)) },
                Some("is that of count, and now it is sum"),
            ),
            (tumbling(mins(1), secs(5)), None),
            (tumbling(mins(1), millis(0)), None),
            (Meaning { aggregate: String::new(), ..tumbling(mins(1), secs(5)) }, None),
        ];
        for (now, words) in cases {
            let what = now.differs(&was);
            assert_eq!(what.is_some(), words.is_some(), "{what:?}");
            assert!(what.unwrap_or_default().contains(words.unwrap_or_default()), "{words:?}");
        }
        assert_eq!(tumbling(mins(2), secs(9)).differs(&BTreeMap::new()), None, "an older checkpoint has not noted it");
    }
}
