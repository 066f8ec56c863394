//! `sink`: takes records out of the job.
use crate::Stream;
use millstream_runtime::data::Data;
use millstream_runtime::sink::Sink;
use std::panic::Location;

impl<T: 'static> Stream<T> {
    /// Ends the stream in a sink. `uid` names what it has staged in checkpoints.
    #[track_caller]
    pub fn sink<S: Sink<T>>(self, uid: &str, sink: S)
    where
        T: Data,
    {
        self.sink_of(Location::caller(), uid, sink);
    }

    /// The same for a sink that the user named at another place than this call's.
    pub(crate) fn sink_of<S: Sink<T>>(self, at: &'static Location<'static>, uid: &str, sink: S)
    where
        T: Data,
    {
        match self.scope.substitute_sink::<T>(uid) {
            Some(collected) => self.at.sink_of(at, uid, collected),
            None => self.at.sink_of(at, uid, sink),
        }
    }
}
