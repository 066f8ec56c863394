//! The kinds of windows.
use super::shape::{Gap, Panes, Shape};
use std::time::Duration;

/// Tumbling, sliding or session. Sealed.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a window", label = "use `Tumbling`, `Sliding` or `Session`")]
pub trait Kind: sealed::Sealed + 'static {}

/// Windows that never merge, and that share no part with another.
#[diagnostic::on_unimplemented(
    message = "these windows merge, and two closures cannot say how",
    label = "use `.aggregate(uid, ..)` with a ready aggregate or your own `Aggregate`"
)]
pub trait NeverMerges: Aligned {}

/// Windows that are the same for every key, whatever its records: tumbling and sliding ones.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are not the same windows for both streams",
    label = "use `Tumbling` or `Sliding`"
)]
pub trait Aligned: Kind + sealed::Aligned {}

pub(super) mod sealed {
    use super::{Panes, Shape};

    /// Only this module makes kinds of windows.
    pub trait Sealed {
        /// What the operator works by.
        fn shape(&self) -> Shape;
    }

    /// Windows at fixed times.
    pub trait Aligned {
        /// What the operator works by.
        fn panes(&self) -> Panes;
    }
}

/// Windows of one length (at least 1 ms), side by side, aligned to the Unix epoch. A window has its `start` and not its
/// `end`, and gives its result when the watermark has reached the end.
#[derive(Clone, Copy, Debug)]
pub struct Tumbling {
    /// How long a window is.
    pub length: Duration,
    /// How long after its end a window still takes late records.
    pub lateness: Duration,
}

/// Windows of one length, one every `slide` (both at least 1 ms), aligned to the Unix epoch. Otherwise as [`Tumbling`].
/// A record is kept once, not once for each window that it is in: best where `slide` divides `length`. Where `slide` is
/// longer than `length` there are gaps, and records in them are in no window.
#[derive(Clone, Copy, Debug)]
pub struct Sliding {
    /// How long a window is.
    pub length: Duration,
    /// From the start of a window to that of the next.
    pub slide: Duration,
    /// How long after its end a window still takes late records.
    pub lateness: Duration,
}

/// Records at most `gap` apart belong together. `start` is the time of the first record, `end` that of the last one plus
/// the gap; a record at `end` would still belong, so the result comes when the watermark has passed it.
///
/// Allowed lateness: a late record may join a session that has given its result, also two of them, which then are one.
/// The merged session starts where the first did; its revision is one above the highest of those that it consists of, and
/// what those that it swallowed gave stays as it was. If the late record makes the session last beyond the watermark, the
/// revision comes when that is over.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// How far apart two neighbours of one session may be.
    pub gap: Duration,
    /// How long after its end a session still takes late records.
    pub lateness: Duration,
}

impl Tumbling {
    /// Windows of this length.
    pub const fn of(length: Duration) -> Self {
        Self { length, lateness: Duration::ZERO }
    }
}

impl Sliding {
    /// Windows of this length, one every `slide`.
    pub const fn of(length: Duration, slide: Duration) -> Self {
        Self { length, slide, lateness: Duration::ZERO }
    }
}

impl Session {
    /// Sessions that end where no record follows for longer than `gap`.
    pub const fn gap(gap: Duration) -> Self {
        Self { gap, lateness: Duration::ZERO }
    }
}

macro_rules! windows {
    ($($t:ident => $shape:expr;)*) => { $(
        impl $t {
            /// How long after its end a window still takes late records: each gives a revision of the result at once.
            pub fn allowed_lateness(mut self, lateness: impl Into<Duration>) -> Self {
                self.lateness = lateness.into();
                self
            }
        }
        impl sealed::Sealed for $t {
            fn shape(&self) -> Shape {
                let shape: fn(&$t) -> Shape = $shape;
                shape(self)
            }
        }
        impl Kind for $t {}
    )* };
}
windows! {
    Tumbling => |w| Shape::Panes(sealed::Aligned::panes(w));
    Sliding => |w| Shape::Panes(sealed::Aligned::panes(w));
    Session => |w| Shape::Sessions(Gap::new(w.gap, w.lateness));
}
impl NeverMerges for Tumbling {}
impl Aligned for Tumbling {}
impl Aligned for Sliding {}
impl sealed::Aligned for Tumbling {
    fn panes(&self) -> Panes {
        Panes::new(self.length, self.length, self.lateness)
    }
}
impl sealed::Aligned for Sliding {
    fn panes(&self) -> Panes {
        Panes::new(self.length, self.slide, self.lateness)
    }
}
