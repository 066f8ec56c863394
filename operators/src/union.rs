//! `union`: two streams as one.
use crate::Stream;

impl<T: 'static> Stream<T> {
    /// The records of both, in no order between them. From here on splits are mixed.
    #[track_caller]
    pub fn union(self, other: Stream<T>) -> Stream<T> {
        let at = self.at.union(&other.at);
        self.behind(at)
    }
}
