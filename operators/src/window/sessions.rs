//! Sessions: an accumulator for each key and session. Arrivals lengthen and merge them.
use super::agenda::{Agenda, Look};
use super::folding::{Merging, Reach};
use super::logic::{Visit, Windowing};
use super::shape::Gap;
use crate::store::Columned;
use millstream_runtime::data::{Key, State};
use millstream_runtime::state::{Column, Cursor, KeyedState, Map, Slot, StateSpace};
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// One session.
#[derive(Clone, Serialize, Deserialize, millstream_runtime::State)]
struct Kept<A> {
    last: Timestamp,
    /// The number of its next result.
    revision: u32,
    /// Whether something came since its last result.
    is_open: bool,
    acc: A,
}

#[derive(millstream_runtime::KeyedState)]
struct SessionState<A: State> {
    /// By the time of the first record. No two of a key touch.
    sessions: Map<Timestamp, Kept<A>>,
}

/// Sessions. One that is open is planned for an instant at which it could be over: its gap behind a record that was its
/// last one then. Where it has been lengthened since, the look plans another one. So the instant of a look tells which
/// session is meant, and a key that keeps very many costs no more.
pub(super) struct Sessions<K, F: Merging<K>> {
    shape: Gap,
    folding: F,
    state: SessionState<F::Acc>,
}

impl<K: Key, F: Merging<K>> Sessions<K, F> {
    pub fn new(shape: Gap, folding: F, cursor: &Rc<Cursor>) -> Self {
        Self { shape, folding, state: SessionState::open(&mut StateSpace::new(cursor)) }
    }

    /// The starts of the sessions that the arrival touches, the latest first.
    fn touched(&self, reach: Reach) -> impl Iterator<Item = Timestamp> {
        let before = self.state.sessions.range_ref(..=self.shape.end(reach.last)).rev();
        before.take_while(move |(_, kept)| self.shape.end(kept.last) >= reach.first).map(|(start, _)| *start)
    }

    /// The one that the arrival touches, where it lies within or behind it: the usual case. It touches no other then, since
    /// those before end before this one starts.
    fn lengthened(&self, reach: Reach) -> Option<Timestamp> {
        self.touched(reach).next().filter(|start| *start <= reach.first)
    }

    /// Lengthens a session; says whether it had given a result.
    fn lengthen(&mut self, start: Timestamp, arrived: F::In, reach: Reach) -> bool {
        let Some(mut kept) = self.state.sessions.get_mut(&start) else { return false };
        kept.last = kept.last.max(reach.last);
        kept.is_open = true;
        self.folding.add(&mut kept.acc, arrived);
        kept.revision > 0
    }

    /// Replaces the sessions that the arrival touches by one; gives its start.
    fn merge(&mut self, touched: &[Timestamp], arrived: F::In, reach: Reach) -> Timestamp {
        let acc = self.folding.start(arrived);
        let (mut start, mut all) = (reach.first, Kept { last: reach.last, revision: 0, is_open: true, acc });
        for other in touched {
            let Some(kept) = self.state.sessions.remove(other) else { continue };
            start = start.min(*other);
            all.last = all.last.max(kept.last);
            all.revision = all.revision.max(kept.revision);
            self.folding.merge(&mut all.acc, kept.acc);
        }
        self.state.sessions.insert(start, all);
        start
    }

    /// A session that is new, or begins earlier, or has given a result before: over already, or to be looked at.
    fn fire_or_plan(&mut self, start: Timestamp, visit: &mut Visit<'_, K, F>) {
        let Some(fires) = self.state.sessions.get_ref(&start).map(|kept| self.shape.fires(kept.last)) else { return };
        if fires <= visit.watermark {
            self.fire(start, visit);
        } else {
            visit.plan(fires);
        }
    }

    /// Gives the session's result; it stays as long as it takes late records.
    fn fire(&mut self, start: Timestamp, visit: &mut Visit<'_, K, F>) {
        if !self.shape.is_patient() {
            if let Some(kept) = self.state.sessions.remove(&start) {
                emit(&self.folding, start, self.shape.end(kept.last), &kept, visit);
            }
            return;
        }
        let Some(mut kept) = self.state.sessions.get_mut(&start) else { return };
        emit(&self.folding, start, self.shape.end(kept.last), &kept, visit);
        kept.revision = kept.revision.saturating_add(1);
        kept.is_open = false;
        visit.plan(self.shape.closes(kept.last));
    }

    /// The start of the session that an instant is in, and what is kept of it.
    fn holding(&self, at: Timestamp) -> Option<(Timestamp, &Kept<F::Acc>)> {
        let (start, kept) = self.state.sessions.range_ref(..=at).next_back()?;
        (kept.last >= at).then_some((*start, kept))
    }

    /// At the end of time everything that is left is over: there, one instant is that of many sessions.
    fn end(&mut self, visit: &mut Visit<'_, K, F>) {
        while let Some((start, is_open)) = self.state.sessions.first().map(|(start, kept)| (*start, kept.is_open)) {
            if is_open {
                self.fire(start, visit);
            }
            self.state.sessions.remove(&start);
        }
    }
}

fn emit<K: Key, F: Merging<K>>(
    folding: &F,
    start: Timestamp,
    end: Timestamp,
    kept: &Kept<F::Acc>,
    visit: &mut Visit<'_, K, F>,
) {
    if let Some(value) = folding.result(std::iter::once(&kept.acc)) {
        visit.emit(folding, (start, end), kept.revision, value, end.0);
    }
}

impl<K: Key, F: Merging<K>> Columned for Sessions<K, F> {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        self.state.columns()
    }
}

impl<K: Key, F: Merging<K>> Windowing<K> for Sessions<K, F> {
    type Folding = F;

    fn folding(&self) -> &F {
        &self.folding
    }

    fn arrive(&mut self, arrived: F::In, reach: Reach, visit: &mut Visit<'_, K, F>) {
        if let Some(start) = self.lengthened(reach) {
            if self.lengthen(start, arrived, reach) {
                self.fire_or_plan(start, visit);
            }
            return; // one that has given no result is planned already
        }
        let touched: Vec<Timestamp> = self.touched(reach).collect();
        if touched.is_empty() && self.shape.closes(reach.last) <= visit.watermark {
            return visit.too_late(&self.folding, arrived, reach);
        }
        let start = self.merge(&touched, arrived, reach);
        self.fire_or_plan(start, visit);
    }

    fn look(&mut self, at: Timestamp, visit: &mut Visit<'_, K, F>) {
        if at == Timestamp::MAX {
            return self.end(visit);
        }
        if let Some((start, kept)) = self.holding(self.shape.fired_by(at)).filter(|(_, kept)| kept.is_open) {
            match self.shape.fires(kept.last) {
                fires if fires > at => visit.plan(fires),
                _ => self.fire(start, visit),
            }
        }
        if self.shape.is_patient()
            && let Some((start, kept)) = self.holding(self.shape.closed_by(at))
            && !kept.is_open
            && self.shape.closes(kept.last) <= at
        {
            self.state.sessions.remove(&start);
        }
    }

    fn plan(&self, slot: Slot, _watermark: Timestamp, agenda: &mut Agenda) {
        for (_, kept) in self.state.sessions.range_ref(..) {
            let at = if kept.is_open { self.shape.fires(kept.last) } else { self.shape.closes(kept.last) };
            agenda.add(Look { at, slot });
        }
    }
}
