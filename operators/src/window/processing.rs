//! Windows over processing time.
use super::clock::Clock;
use super::folding::Records;
use super::meaning::Meaning;
use super::{Kind, Made, Windowed, divided, open};
use crate::Stream;
use crate::aggregate::Aggregate;
use crate::keyed::Keyed;
use millstream_runtime::data::{Data, Key};
use millstream_runtime::graph::{OperatorBuild, OperatorInit, Rule};
use std::marker::PhantomData;
use std::rc::Rc;

/// A keyed stream in windows over processing time; an aggregate ends it.
#[must_use = "a window without an aggregate does nothing"]
pub struct ProcessingWindows<K, T, W> {
    keyed: Keyed<K, T>,
    window: W,
}

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// The records of each key in windows over processing time, by when they are here: for monitoring and rate limits.
    /// The same input in another run gives other windows; what has been committed stays as it is after a crash. No record
    /// is ever late. The end of the input ends all windows.
    #[track_caller]
    pub fn processing_time_window<W: Kind>(self, window: W) -> ProcessingWindows<K, T, W> {
        ProcessingWindows { keyed: self, window }
    }
}

impl<K: Key, T: Data, W: Kind> ProcessingWindows<K, T, W> {
    /// One aggregate or a tuple of up to six. State fits one aggregate, and one length, slide and gap only.
    #[track_caller]
    pub fn aggregate<A: Aggregate<T>>(self, uid: &str, aggregate: A) -> Stream<Windowed<K, A::Out>> {
        let shape = self.window.shape();
        let meaning = Meaning::new(&shape, Clock::Processing, aggregate.name());
        let folding = Records { aggregate: Rc::new(aggregate), of: PhantomData };
        let make =
            move |init: &OperatorInit<'_>| -> Made { open::<K>(meaning, shape, Clock::Processing, folding, init) };
        let build =
            OperatorBuild { exchange: true, event_time: false, processing_time: true, end: true, make: Box::new(make) };
        let at = self.keyed.shuffled(uid).operator("aggregate", uid, Rule::Mixes, build);
        divided::<K, T, A::Out>(&self.keyed.inner, at, None)
    }
}
