//! `key_by`: records of one key meet on one worker.
use crate::Stream;
use crate::keyed::Keyed;
use millstream_runtime::data::Key;
use millstream_runtime::graph::Rule;
use std::rc::Rc;

impl<T: 'static> Stream<T> {
    /// Groups the records: those of one key meet on one worker, in the order of their sender.
    #[track_caller]
    pub fn key_by<K: Key>(self, f: impl Fn(&T) -> K + 'static) -> Keyed<K, T> {
        let at = self.at.pass("key_by", Rule::Mixes);
        Keyed::new(self.behind(at), Rc::new(f))
    }

    /// Not there: windows are per key.
    #[doc(hidden)]
    pub fn window<W>(self, _w: W) -> Self
    where
        Self: KeyedFirst,
    {
        self
    }

    /// Not there: state is per key.
    #[doc(hidden)]
    pub fn process<P>(self, _uid: &str, _p: P) -> Self
    where
        Self: KeyedFirst,
    {
        self
    }
}

#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "windows and state are per key",
    label = "call `.key_by(|record| ..)` first; `.key_by(|_| ())` is one key for all"
)]
pub trait KeyedFirst {}
