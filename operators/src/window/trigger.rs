//! Triggers: when a global window gives its result.
use millstream_runtime::State;
use millstream_runtime::data::State;
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a trigger says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fire {
    /// Nothing yet.
    No,
    /// The window gives its result, and keeps what it has.
    Emit,
    /// The window gives its result, and begins anew.
    EmitAndPurge,
}

/// Says when a global window gives its result.
///
/// ```
/// use millstream_operators::window::{Fire, Moment, Trigger};
/// /// Gives a result with each record that is an alarm.
/// struct OnAlarm;
/// impl Trigger<String> for OnAlarm {
///     type State = ();
///     fn on_record(&self, line: &String, _state: &mut (), _moment: &mut Moment<'_>) -> Fire {
///         if line.contains("ALARM") { Fire::EmitAndPurge } else { Fire::No }
///     }
/// }
/// ```
pub trait Trigger<T>: 'static {
    /// What it keeps for a window; the default is that of a new one.
    type State: State + Default;
    /// A record came in; it is in the window already.
    fn on_record(&self, record: &T, state: &mut Self::State, moment: &mut Moment<'_>) -> Fire;
    /// A time came that this trigger, or another one of the same window, asked to be woken at; also of a window that is
    /// gone: look at what is due.
    fn on_wake(&self, _state: &mut Self::State, _moment: &mut Moment<'_>) -> Fire {
        Fire::No
    }
    /// Whether it goes by event time: then a graph without it is refused.
    fn needs_event_time(&self) -> bool {
        false
    }
}

/// What a trigger sees, and asks to be woken by.
pub struct Moment<'a> {
    /// Event time of the record, where there is one.
    pub time: Option<Timestamp>,
    /// No record with an event time before this one follows.
    pub watermark: Timestamp,
    /// Processing time.
    pub now: Timestamp,
    /// How many records are in the window.
    pub records: u64,
    pub(super) alarms: &'a mut Alarms,
}

/// When to wake the trigger.
#[derive(Debug, Default)]
pub struct Alarms {
    pub(super) event: Vec<Timestamp>,
    pub(super) processing: Vec<Timestamp>,
}

impl Moment<'_> {
    /// Wakes the trigger when the watermark has reached this time.
    pub fn wake_at(&mut self, time: Timestamp) {
        self.alarms.event.push(time);
    }

    /// Wakes the trigger when processing time has reached this time.
    pub fn wake_when(&mut self, now: Timestamp) {
        self.alarms.processing.push(now);
    }
}

/// A result every so often.
#[derive(Clone, Copy, Debug)]
pub struct Every(Often);

#[derive(Clone, Copy, Debug)]
enum Often {
    Records(u64),
    Event(Duration),
    Processing(Duration),
}

/// What [`Every`] keeps.
#[derive(Clone, Default, Serialize, Deserialize, State)]
pub struct SoFar {
    records: u64,
    due: Option<Timestamp>,
}

impl Every {
    /// With each `n`th record; at least 1.
    pub fn records(n: u64) -> Self {
        Self(Often::Records(n.max(1)))
    }

    /// When the watermark passes a multiple of `span` since the Unix epoch, if records have come; at least 1 ms.
    pub fn event_time(span: Duration) -> Self {
        Self(Often::Event(span.max(Duration::from_millis(1))))
    }

    /// When processing time passes a multiple of `span` since the Unix epoch, if records have come; at least 1 ms.
    pub fn processing_time(span: Duration) -> Self {
        Self(Often::Processing(span.max(Duration::from_millis(1))))
    }

    /// Either of two.
    pub fn or<B>(self, other: B) -> Or<Every, B> {
        Or(self, other)
    }
}

impl<T: 'static> Trigger<T> for Every {
    type State = SoFar;

    fn on_record(&self, _record: &T, so_far: &mut SoFar, moment: &mut Moment<'_>) -> Fire {
        let (at, span) = match self.0 {
            Often::Records(n) => {
                so_far.records += 1;
                let is_due = so_far.records >= n;
                so_far.records %= n;
                return if is_due { Fire::Emit } else { Fire::No };
            }
            // A record that is late asks for no time that has passed.
            Often::Event(span) => (moment.time.unwrap_or(moment.watermark).max(moment.watermark), span),
            Often::Processing(span) => (moment.now, span),
        };
        let due = at.floor(span) + span;
        if so_far.due.is_none_or(|before| due < before) {
            so_far.due = Some(due);
            match self.0 {
                Often::Processing(_) => moment.wake_when(due),
                _ => moment.wake_at(due),
            }
        }
        Fire::No
    }

    fn on_wake(&self, so_far: &mut SoFar, moment: &mut Moment<'_>) -> Fire {
        let reached = match self.0 {
            Often::Records(_) => return Fire::No,
            Often::Event(_) => moment.watermark,
            Often::Processing(_) => moment.now,
        };
        match so_far.due.take_if(|due| *due <= reached) {
            Some(_) => Fire::Emit,
            None => Fire::No,
        }
    }

    fn needs_event_time(&self) -> bool {
        matches!(self.0, Often::Event(_))
    }
}

/// Either of two triggers: see [`Every::or`].
pub struct Or<A, B>(A, B);

impl<T, A: Trigger<T>, B: Trigger<T>> Trigger<T> for Or<A, B> {
    type State = (A::State, B::State);

    fn on_record(&self, record: &T, state: &mut Self::State, moment: &mut Moment<'_>) -> Fire {
        self.0.on_record(record, &mut state.0, moment).max(self.1.on_record(record, &mut state.1, moment))
    }

    fn on_wake(&self, state: &mut Self::State, moment: &mut Moment<'_>) -> Fire {
        self.0.on_wake(&mut state.0, moment).max(self.1.on_wake(&mut state.1, moment))
    }

    fn needs_event_time(&self) -> bool {
        self.0.needs_event_time() || self.1.needs_event_time()
    }
}

/// With each record for which a closure holds; it is called with the record and how many are in the window.
pub struct When<F>(pub F);

impl<T: 'static, F: Fn(&T, u64) -> bool + 'static> Trigger<T> for When<F> {
    type State = ();

    fn on_record(&self, record: &T, (): &mut (), moment: &mut Moment<'_>) -> Fire {
        if (self.0)(record, moment.records) { Fire::Emit } else { Fire::No }
    }
}
