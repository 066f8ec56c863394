//! `broadcast`: a small state that every worker has whole; `with` reads it beside each record.
//!
//! The worker that owns a key writes its entry, so changes of one key have one order, and it alone has the entry in the
//! checkpoint. Every change goes to all workers, where each reader has a copy: at a checkpoint all copies are what the
//! owners have written, which is compared by a hash, and a restore loads the copies from the owners' entries.
mod copy;
mod keyed;
mod stateless;
mod writer;

pub use copy::View;
pub use keyed::{CtxWith, ProcessWith, Visit};
pub use stateless::With;

use crate::Stream;
use crate::keyed::Keyed;
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::{At, OperatorBuild, Rule};
use std::marker::PhantomData;
use std::rc::Rc;
use writer::WriterLogic;

/// A stream's last record for each key, on every worker.
#[must_use = "a broadcast that no stream is `.with(..)` does nothing"]
pub struct Broadcast<K, V> {
    at: At,
    uid: Rc<str>,
    of: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for Broadcast<K, V> {
    fn clone(&self) -> Self {
        Self { at: self.at.clone(), uid: Rc::clone(&self.uid), of: PhantomData }
    }
}

impl<T: 'static> Stream<T> {
    /// The stream's last record for each key, whole on every worker: rules, limits, currencies. At most a million
    /// entries; what is larger is joined by key.
    ///
    /// ```
    /// use millstream_operators::Stream;
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)]
    /// # struct Limit { country: String, cents: i64 }
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Payment { country: String, cents: i64 }
    /// fn large(payments: Stream<Payment>, limits: Stream<Limit>) -> Stream<Payment> {
    ///     let limits = limits.broadcast("limits", |limit| limit.country.clone());
    ///     payments.with(&limits).filter(|payment, limits| {
    ///         payment.cents > limits.get(&payment.country).map_or(50_000, |limit| limit.cents)
    ///     })
    /// }
    /// ```
    #[track_caller]
    pub fn broadcast<K: Key>(self, uid: &str, key: impl Fn(&T) -> K + 'static) -> Broadcast<K, T>
    where
        T: State,
    {
        self.broadcast_map(uid, key, Some)
    }

    /// The same with a value made of each record; none takes the key's entry away.
    ///
    /// ```
    /// use millstream_operators::{Stream, broadcast::Broadcast};
    /// fn rates(changes: Stream<(String, f64)>) -> Broadcast<String, f64> {
    ///     changes.broadcast_map("rates", |(currency, _)| currency.clone(), |(_, rate)| Some(rate).filter(|r| *r > 0.0))
    /// }
    /// ```
    #[track_caller]
    pub fn broadcast_map<K: Key, V: State>(
        self,
        uid: &str,
        key: impl Fn(&T) -> K + 'static,
        value: impl FnMut(T) -> Option<V> + 'static,
    ) -> Broadcast<K, V>
    where
        T: Data,
    {
        let make = Box::new(move |init: &millstream_runtime::graph::OperatorInit<'_>| {
            let logic = WriterLogic::<K, T, V, _>::open(init, value)?;
            Ok(Box::new(logic) as Box<dyn millstream_runtime::logic::Logic>)
        });
        let build = OperatorBuild { exchange: true, event_time: false, processing_time: false, end: false, make };
        let dealt = Keyed::new(self, Rc::new(key)).shuffled(uid);
        Broadcast { at: dealt.operator("broadcast", uid, Rule::Mixes, build), uid: uid.into(), of: PhantomData }
    }

    /// The stream with a broadcast beside it, as it is when a record comes. A record may come before what is about it: a
    /// broadcast has no order with the stream. What must wait for it keeps records in state: [`Keyed::process_with`].
    pub fn with<K: Key, V: State>(self, side: &Broadcast<K, V>) -> With<T, K, V> {
        With::new(self, side.clone())
    }
}
