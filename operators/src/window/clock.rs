//! Which time windows go by.
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::Turn;
use millstream_runtime::time::Timestamp;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// The times of the records, and the watermark.
    Event,
    /// The time of the tick: when the records are here.
    Processing,
}

impl Clock {
    /// Every window that ends by then is due. At the end of the input all are.
    pub fn reached(self, turn: &Turn<'_>) -> Timestamp {
        match self {
            Clock::Event => turn.watermark,
            Clock::Processing if turn.is_over => Timestamp::MAX,
            Clock::Processing => turn.now,
        }
    }

    /// How far it had come at the checkpoint.
    pub fn restored(self, init: &OperatorInit<'_>) -> Timestamp {
        match self {
            Clock::Event => init.watermark,
            Clock::Processing => init.now,
        }
    }

    /// The time of a record that came with this event time.
    pub fn time(self, at: Option<Timestamp>, turn: &Turn<'_>) -> Option<Timestamp> {
        match self {
            Clock::Event => at,
            Clock::Processing => Some(turn.now),
        }
    }
}
