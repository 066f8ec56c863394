//! Tumbling and sliding windows: an accumulator for each key and pane, and of windows that still take late records how
//! often they have given a result.
use super::agenda::{Agenda, Look};
use super::folding::{Folding, Reach};
use super::logic::{Visit, Windowing};
use super::shape::Panes;
use crate::store::Columned;
use millstream_runtime::data::{Key, State};
use millstream_runtime::state::{Column, Cursor, KeyedState, Map, Slot, StateSpace};
use millstream_runtime::time::Timestamp;
use std::rc::Rc;

#[derive(millstream_runtime::KeyedState)]
struct PaneState<A: State> {
    /// By the start of the pane.
    panes: Map<Timestamp, A>,
    /// By the start of the window: the number of its next result. Only where windows take late records.
    fired: Map<Timestamp, u32>,
}

/// Windows that are aligned to the Unix epoch. Each pane is planned for the first window that ends after its first
/// arrival; each window that fires plans the next one, if it shares a pane with it.
pub(super) struct PaneWindows<K, F: Folding<K>> {
    shape: Panes,
    folding: F,
    state: PaneState<F::Acc>,
}

impl<K: Key, F: Folding<K>> PaneWindows<K, F> {
    pub fn new(shape: Panes, folding: F, cursor: &Rc<Cursor>) -> Self {
        Self { shape, folding, state: PaneState::open(&mut StateSpace::new(cursor)) }
    }

    /// Emits a window's result, if there is one, and notes how often it did. The first and the last pane of the window.
    fn emit(&mut self, window: Timestamp, visit: &mut Visit<'_, K, F>) -> Option<(Timestamp, Timestamp)> {
        let (end, mut reach) = (self.shape.end(window), None);
        let panes = self.state.panes.range_ref(window..end).map(|(pane, acc)| {
            reach = Some((reach.map_or(*pane, |(first, _)| first), *pane));
            acc
        });
        let value = self.folding.result(panes)?;
        let revision = if self.shape.is_patient() { self.state.fired.get(&window).unwrap_or(0) } else { 0 };
        visit.emit(&self.folding, (window, end), revision, value, end.0.saturating_sub(1));
        if self.shape.is_patient() {
            self.state.fired.insert(window, revision.saturating_add(1));
            visit.plan(self.shape.closes(window));
        }
        reach
    }

    /// A late arrival came into this pane: windows that are over give results at once. Those that have given none, and only
    /// wait for their turn, do not.
    fn revise(&mut self, pane: Timestamp, visit: &mut Visit<'_, K, F>) {
        for window in self.shape.revisable(pane, visit.watermark) {
            let turn = Look { at: self.shape.end(window), slot: visit.slot };
            if self.has_fired(window) || !visit.agenda.has(&turn) {
                self.emit(window, visit);
            }
        }
    }

    fn fire(&mut self, window: Timestamp, visit: &mut Visit<'_, K, F>) {
        // It has, where a late arrival came between the watermark and this turn.
        let reach = if self.has_fired(window) { self.reach(window) } else { self.emit(window, visit) };
        let Some((first, last)) = reach else { return };
        let next = self.shape.next(window);
        if next <= last {
            visit.plan(self.shape.end(next));
        }
        if !self.shape.is_patient() && first < next {
            self.forget(window);
        }
    }

    /// Whether a window has given a result; of windows that take no late records nothing is noted.
    fn has_fired(&self, window: Timestamp) -> bool {
        self.shape.is_patient() && self.state.fired.contains(&window)
    }

    /// The first and the last pane of a window.
    fn reach(&self, window: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let mut panes = self.state.panes.range_ref(window..self.shape.end(window)).map(|(pane, _)| *pane);
        let first = panes.next()?;
        Some((first, panes.next_back().unwrap_or(first)))
    }

    /// The window takes no late records any more: what only it and those before it needed goes.
    fn forget(&mut self, window: Timestamp) {
        let needed = self.shape.next(window);
        while let Some(first) = self.state.panes.first().map(|(pane, _)| *pane).filter(|pane| *pane < needed) {
            self.state.panes.remove(&first);
        }
    }

    /// At the end of time everything that is left is over: there, one instant is that of many windows.
    fn end(&mut self, visit: &mut Visit<'_, K, F>) {
        let panes = &self.state.panes;
        if let (Some((first, _)), Some((last, _))) = (panes.first(), panes.last()) {
            for window in self.shape.endless(*first, *last) {
                if !self.has_fired(window) {
                    self.emit(window, visit);
                }
            }
        }
        self.state.panes.clear();
        self.state.fired.clear();
    }
}

impl<K: Key, F: Folding<K>> Columned for PaneWindows<K, F> {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        self.state.columns()
    }
}

impl<K: Key, F: Folding<K>> Windowing<K> for PaneWindows<K, F> {
    type Folding = F;

    fn folding(&self) -> &F {
        &self.folding
    }

    fn arrive(&mut self, arrived: F::In, reach: Reach, visit: &mut Visit<'_, K, F>) {
        let pane = self.shape.pane(reach.first);
        let Some(last) = self.shape.last(pane) else { return };
        if self.shape.closes(last) <= visit.watermark {
            return visit.too_late(&self.folding, arrived, reach);
        }
        match self.state.panes.get_mut(&pane) {
            Some(mut acc) => self.folding.add(&mut acc, arrived),
            None => {
                self.state.panes.insert(pane, self.folding.start(arrived));
                if let Some(window) = self.shape.first_open(pane, visit.watermark) {
                    visit.plan(self.shape.end(window));
                }
            }
        }
        if self.shape.is_patient() {
            self.revise(pane, visit);
        }
    }

    fn look(&mut self, at: Timestamp, visit: &mut Visit<'_, K, F>) {
        if at == Timestamp::MAX {
            return self.end(visit);
        }
        if let Some(window) = self.shape.ending(at) {
            self.fire(window, visit);
        }
        if self.shape.is_patient()
            && let Some(window) = self.shape.closing(at)
        {
            self.state.fired.remove(&window);
            self.forget(window);
        }
    }

    fn plan(&self, slot: Slot, watermark: Timestamp, agenda: &mut Agenda) {
        for (pane, _) in self.state.panes.range_ref(..) {
            if let Some(window) = self.shape.first_open(*pane, watermark) {
                agenda.add(Look { at: self.shape.end(window), slot });
            }
        }
        for (window, _) in self.state.fired.range_ref(..) {
            agenda.add(Look { at: self.shape.closes(*window), slot });
        }
    }
}
