//! The schemas that were fetched, by id.
use super::wire::SchemaText;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many schemas are kept, as Confluent's clients do. A job that meets more reads a topic where somebody registers a
/// schema for each record.
const MOST_SCHEMAS: usize = 1000;

/// So many ids that the registry does not know are remembered; the oldest goes first.
const MOST_UNKNOWN: usize = 1000;

/// What is known of an id.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// It is being asked for.
    Fetching,
    /// Its schema.
    Known(Arc<SchemaText>),
    /// The registry does not know it, and said so.
    Unknown(Arc<str>),
    /// The registry could not be asked; the next one who wants to know asks again.
    Failed(Arc<str>),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Ids>);

#[derive(Debug, Default)]
struct Ids {
    found: BTreeMap<u32, Found>,
    /// In the order in which they were learnt.
    unknown: VecDeque<u32>,
}

impl Cache {
    fn ids(&self) -> MutexGuard<'_, Ids> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of an id.
    pub fn find(&self, id: u32) -> Option<Found> {
        self.ids().found.get(&id).cloned()
    }

    /// The same; nothing where the caller must fetch it now, which is noted. A failure is handed out once.
    pub fn ask(&self, id: u32) -> Result<Option<Found>, String> {
        let mut ids = self.ids();
        match ids.found.get(&id) {
            Some(Found::Failed(_)) => return Ok(ids.found.remove(&id)),
            Some(found) => return Ok(Some(found.clone())),
            None => {}
        }
        if ids.found.len() - ids.unknown.len() >= MOST_SCHEMAS {
            return Err(format!(
                "more than {MOST_SCHEMAS} schemas; does a producer register a new one with each record? It must not"
            ));
        }
        ids.found.insert(id, Found::Fetching);
        Ok(None)
    }

    /// Notes what came of a fetch.
    pub fn learn(&self, id: u32, found: Found) {
        let mut ids = self.ids();
        if matches!(found, Found::Unknown(_)) && !ids.unknown.contains(&id) {
            ids.unknown.push_back(id);
        }
        ids.found.insert(id, found);
        if ids.unknown.len() > MOST_UNKNOWN
            && let Some(oldest) = ids.unknown.pop_front()
        {
            ids.found.remove(&oldest);
        }
    }

    /// Forgets an id that the registry did not know.
    pub fn forget(&self, id: u32) {
        let mut ids = self.ids();
        if let Some(at) = ids.unknown.iter().position(|unknown| *unknown == id) {
            ids.unknown.remove(at);
            ids.found.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::SchemaKind;
    use super::*;

    fn known() -> Found {
        Found::Known(Arc::new(SchemaText::new(SchemaKind::Avro, "\"long\"")))
    }

    #[test]
    fn an_id_is_fetched_once_and_a_failure_is_told_once() {
        let cache = Cache::default();
        assert!(cache.ask(1).unwrap().is_none(), "the first to ask fetches");
        assert!(matches!(cache.ask(1), Ok(Some(Found::Fetching))));
        cache.learn(1, Found::Failed("down".into()));
        assert!(matches!(cache.ask(1), Ok(Some(Found::Failed(_)))));
        assert!(cache.ask(1).unwrap().is_none(), "and the next one fetches again");
        cache.learn(1, known());
        assert!(matches!(cache.ask(1), Ok(Some(Found::Known(_)))));
    }

    #[test]
    fn the_schemas_are_bounded_and_garbage_pushes_none_out() {
        let cache = Cache::default();
        for id in 0..MOST_SCHEMAS as u32 - 1 {
            cache.learn(id, known());
        }
        for id in 10_000..10_000 + 3 * MOST_UNKNOWN as u32 {
            assert!(cache.ask(id).unwrap().is_none());
            cache.learn(id, Found::Unknown("not found".into()));
        }
        assert_eq!(cache.ids().found.len(), MOST_SCHEMAS - 1 + MOST_UNKNOWN);
        assert!(cache.ask(5000).unwrap().is_none());
        assert!(cache.ask(5001).unwrap_err().contains("more than 1000 schemas"));
        cache.forget(10_000 + 3 * MOST_UNKNOWN as u32 - 1);
        assert_eq!(cache.ids().unknown.len(), MOST_UNKNOWN - 1);
    }
}
