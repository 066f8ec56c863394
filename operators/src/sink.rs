//! `sink`: takes records out of the job.
use crate::Stream;
use millstream_runtime::data::Data;
use millstream_runtime::sink::Sink;

impl<T: 'static> Stream<T> {
    /// Ends the stream in a sink. `uid` names what it has staged in checkpoints.
    #[track_caller]
    pub fn sink<S: Sink<T>>(self, uid: &str, sink: S)
    where
        T: Data,
    {
        match self.scope.substitute_sink::<T>(uid) {
            Some(collected) => self.at.sink(uid, collected),
            None => self.at.sink(uid, sink),
        }
    }
}
