//! Which windows there are, and when: plain arithmetic in milliseconds.
use millstream_runtime::time::{Span, Timestamp};
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// What a kind of windows comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Windows that are aligned to the Unix epoch.
    Panes(Panes),
    /// Windows that the records make.
    Sessions(Gap),
}

/// Windows of one length, one every slide. A pane is the longest stretch that no window cuts: what is kept of the
/// records of a pane serves every window that it is in. Windows and panes are named by their start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Panes {
    length: i64,
    slide: i64,
    pane: i64,
    lateness: i64,
}

/// Sessions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    gap: i64,
    lateness: i64,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = |ms: i64| Span(Duration::from_millis(ms.unsigned_abs()));
        match self {
            Shape::Panes(p) if p.length == p.slide => write!(f, "windows of {}", span(p.length)),
            Shape::Panes(p) => write!(f, "windows of {} every {}", span(p.length), span(p.slide)),
            Shape::Sessions(s) => write!(f, "sessions with gaps of {}", span(s.gap)),
        }
    }
}

impl Shape {
    /// How long late records are still taken, ms.
    pub fn lateness(&self) -> i64 {
        match self {
            Shape::Panes(panes) => panes.lateness,
            Shape::Sessions(gap) => gap.lateness,
        }
    }

    /// The stretch of time whose records an instant is combined with.
    pub fn cell(&self, at: Timestamp) -> Range<Timestamp> {
        match self {
            Shape::Panes(panes) => {
                let pane = panes.pane(at);
                pane..Timestamp(pane.0.saturating_add(panes.pane))
            }
            Shape::Sessions(_) => Timestamp::MIN..Timestamp::MAX,
        }
    }

    /// Whether an instant belongs to the others of its cell, that reach from `first` to `last`.
    #[inline]
    pub fn joins(&self, first: Timestamp, last: Timestamp, at: Timestamp) -> bool {
        match self {
            Shape::Panes(_) => true,
            Shape::Sessions(gap) => at <= gap.end(last) && gap.end(at) >= first,
        }
    }
}

impl Panes {
    /// `length` and `slide` are at least 1 ms.
    pub fn new(length: Duration, slide: Duration, lateness: Duration) -> Self {
        let (length, slide) = (millis(length).max(1), millis(slide).max(1));
        Self { length, slide, pane: divisor(length, slide), lateness: millis(lateness) }
    }

    /// The pane that holds an instant.
    pub fn pane(&self, at: Timestamp) -> Timestamp {
        floor(at.0, self.pane)
    }

    /// The window after this one.
    pub fn next(&self, window: Timestamp) -> Timestamp {
        let next = window.0.saturating_add(self.slide);
        // The first window of all begins with time, whether or not it is aligned.
        if window == Timestamp::MIN { floor(next, self.slide) } else { Timestamp(next) }
    }

    /// The first instant that is not in the window any more.
    pub fn end(&self, window: Timestamp) -> Timestamp {
        Timestamp(window.0.saturating_add(self.length))
    }

    /// The window that has this end.
    pub fn start(&self, end: Timestamp) -> Timestamp {
        Timestamp(end.0.saturating_sub(self.length))
    }

    /// The window that ends at this instant, which is not the end of time; none where none does.
    pub fn ending(&self, at: Timestamp) -> Option<Timestamp> {
        let window = self.start(at);
        (floor(window.0, self.slide) == window).then_some(window)
    }

    /// The window that takes no late records any more from this instant on; as [`Panes::ending`].
    pub fn closing(&self, at: Timestamp) -> Option<Timestamp> {
        self.ending(Timestamp(at.0.saturating_sub(self.lateness)))
    }

    /// The windows that a pane of these is in and that end at the end of time only: there, many do.
    pub fn endless(&self, first: Timestamp, last: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        let (shape, first) = (*self, self.first(first).max(self.first_ending_after(i64::MAX - 1)));
        let following = move |window: &Timestamp| Some(shape.next(*window)).filter(|next| next > window);
        std::iter::successors(Some(first), following).take_while(move |window| *window <= last)
    }

    /// When the window takes no late records any more.
    pub fn closes(&self, window: Timestamp) -> Timestamp {
        Timestamp(self.end(window).0.saturating_add(self.lateness))
    }

    /// Whether windows take late records.
    pub fn is_patient(&self) -> bool {
        self.lateness > 0
    }

    /// The last window that a pane is in. None where the pane is in a gap.
    pub fn last(&self, pane: Timestamp) -> Option<Timestamp> {
        Some(floor(pane.0, self.slide)).filter(|window| pane < self.end(*window))
    }

    /// The first window that a pane is in and that ends after the watermark.
    pub fn first_open(&self, pane: Timestamp, watermark: Timestamp) -> Option<Timestamp> {
        let first = self.first(pane).max(self.first_ending_after(watermark.0));
        Some(first).filter(|window| *window <= pane)
    }

    /// The windows that a pane is in, that have ended by the watermark, and that still take late records.
    pub fn revisable(&self, pane: Timestamp, watermark: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        let shape = *self;
        let first = self.first(pane).max(self.first_ending_after(watermark.0.saturating_sub(self.lateness)));
        let holds = move |window: &Timestamp| *window <= pane && shape.end(*window) <= watermark;
        let following = move |window: &Timestamp| Some(shape.next(*window)).filter(|next| next > window && holds(next));
        std::iter::successors(Some(first).filter(holds), following)
    }

    /// The first window that a pane is in, or would be in if there were no gap.
    fn first(&self, pane: Timestamp) -> Timestamp {
        self.first_ending_after(pane.0)
    }

    fn first_ending_after(&self, at: i64) -> Timestamp {
        at.checked_sub(self.length).map_or(Timestamp::MIN, |ended| self.next(floor(ended, self.slide)))
    }
}

impl Gap {
    /// Sessions whose neighbours are at most `gap` apart.
    pub fn new(gap: Duration, lateness: Duration) -> Self {
        Self { gap: millis(gap), lateness: millis(lateness) }
    }

    /// Until when records join a session whose last record is at `last`: up to this instant, and still at it.
    pub fn end(&self, last: Timestamp) -> Timestamp {
        Timestamp(last.0.saturating_add(self.gap))
    }

    /// The watermark at which no record can join any more.
    pub fn fires(&self, last: Timestamp) -> Timestamp {
        Timestamp(self.end(last).0.saturating_add(1))
    }

    /// The time of the last record of a session that fires at this instant, which is not the end of time.
    pub fn fired_by(&self, at: Timestamp) -> Timestamp {
        Timestamp(at.0.saturating_sub(self.gap).saturating_sub(1))
    }

    /// The same of a session that takes no late records any more from this instant on.
    pub fn closed_by(&self, at: Timestamp) -> Timestamp {
        Timestamp(self.fired_by(at).0.saturating_sub(self.lateness))
    }

    /// When the session takes no late records any more.
    pub fn closes(&self, last: Timestamp) -> Timestamp {
        Timestamp(self.fires(last).0.saturating_add(self.lateness))
    }

    /// Whether sessions take late records.
    pub fn is_patient(&self) -> bool {
        self.lateness > 0
    }
}

fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

fn floor(at: i64, length: i64) -> Timestamp {
    Timestamp(at.saturating_sub(at.rem_euclid(length)))
}

/// The greatest common divisor.
fn divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_runtime::time::millis;

    /// Against every window there is, one by one.
    #[test]
    fn the_arithmetic_agrees_with_counting() {
        for (length, slide, lateness) in
            [(10, 10, 0), (10, 10, 7), (12, 4, 0), (12, 4, 9), (10, 4, 3), (7, 5, 5), (3, 8, 4)]
        {
            let shape = Panes::new(millis(length), millis(slide), millis(lateness));
            let (length, slide, lateness) = (length as i64, slide as i64, lateness as i64);
            for at in -40..40 {
                let pane = shape.pane(Timestamp(at));
                let holding: Vec<i64> =
                    (-20..20).map(|n| n * slide).filter(|s| (*s..*s + length).contains(&at)).collect();
                let same = (-20..20).map(|n| n * slide).filter(|s| (*s..*s + length).contains(&pane.0));
                assert!(pane.0 <= at && same.eq(holding.iter().copied()), "no window cuts a pane");
                assert_eq!(shape.last(pane).map(|w| w.0), holding.last().copied());
                for watermark in -50..50 {
                    let open = holding.iter().copied().find(|s| s + length > watermark);
                    assert_eq!(shape.first_open(pane, Timestamp(watermark)).map(|w| w.0), open);
                    let late = |s: &i64| s + length <= watermark && s + length + lateness > watermark;
                    let revisable: Vec<i64> = shape.revisable(pane, Timestamp(watermark)).map(|w| w.0).collect();
                    assert_eq!(revisable, holding.iter().copied().filter(late).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn the_ends_of_time_are_no_trap() {
        let shape = Panes::new(millis(10), millis(1), millis(5));
        for at in [Timestamp::MIN, Timestamp(i64::MIN + 3), Timestamp(i64::MAX - 3), Timestamp::MAX] {
            for watermark in [Timestamp::MIN, Timestamp::MAX, at] {
                assert!(shape.revisable(shape.pane(at), watermark).count() <= 16);
                let _ = (shape.last(at), shape.first_open(at, watermark));
            }
        }
    }
}
