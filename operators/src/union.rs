//! `union` and `connect`: two streams as one.
use crate::Stream;
use crate::stream::Either;
use millstream_runtime::data::Data;

impl<T: 'static> Stream<T> {
    /// The records of both, in no order between them. From here on splits are mixed.
    #[track_caller]
    pub fn union(self, other: Stream<T>) -> Stream<T> {
        let at = self.at.union(&other.at);
        self.behind(at)
    }

    /// The records of two streams of different types, in no order between them: each says from which it is. Where they
    /// share state by key, closures do for what [`Keyed::process2`](crate::Keyed::process2) has a struct for.
    ///
    /// ```
    /// use millstream_operators::{Either, Stream, process_fn::Event};
    /// /// Orders (id, cents) with what has been paid for them (id, cents).
    /// fn paid(orders: Stream<(u64, i64)>, payments: Stream<(u64, i64)>) -> Stream<u64> {
    ///     let both = orders.connect(payments).key_by(|e| match e { Either::Left((id, _)) | Either::Right((id, _)) => *id });
    ///     both.process_fn("paid", |id, open: &mut i64, event, out| {
    ///         match event {
    ///             Event::Record(Either::Left((_, cents))) => *open += cents,
    ///             Event::Record(Either::Right((_, cents))) => *open -= cents,
    ///             Event::Timer(_) => return,
    ///         }
    ///         if *open == 0 {
    ///             out.emit(*id);
    ///         }
    ///     })
    /// }
    /// ```
    #[track_caller]
    pub fn connect<R: Data>(self, right: Stream<R>) -> Stream<Either<T, R>>
    where
        T: Data,
    {
        self.map(Either::Left).union(right.map(Either::Right))
    }
}
