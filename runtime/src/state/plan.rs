//! Whether what a checkpoint holds can be restored, decided before anything is loaded.
use super::column::{Column, StoredColumn};
use super::error::StateError;
use crate::data::{Key, StoredSchema};
use serde::{Deserialize, Serialize};

/// The keyed state of an operator as a checkpoint describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredState {
    /// The key's schema.
    pub key: StoredSchema,
    /// The columns, in the order of the numbers that entries have.
    pub columns: Vec<StoredColumn>,
}

impl StoredState {
    /// What this build writes for these columns.
    pub fn of<K: Key>(columns: &[&mut dyn Column]) -> Self {
        Self { key: K::SCHEMA.stored(), columns: columns.iter().map(|column| column.describe()).collect() }
    }

    /// What is other in `now`, for people: `the key`, a column's name, a column that is new or gone.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let key = (self.key.fingerprint != now.key.fingerprint).then(|| "the key".into());
        let named = |all: &[StoredColumn], name: &str| all.iter().find(|column| column.name == name).cloned();
        let old = self.columns.iter().filter_map(|was| match named(&now.columns, &was.name) {
            None => Some(format!("without `{}`", was.name)),
            Some(is) if is_same_column(was, &is) => None,
            Some(_) => Some(format!("`{}`", was.name)),
        });
        let new = now.columns.iter().filter(|is| named(&self.columns, &is.name).is_none());
        key.into_iter().chain(old).chain(new.map(|is| format!("with `{}`", is.name))).collect()
    }
}

/// What becomes of stored columns that this build does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// They are an error.
    Refuse,
    /// They are left behind, because the user said so.
    Drop,
}

/// Where each stored column goes.
#[derive(Clone, Debug)]
pub struct Plan {
    stored: StoredState,
    /// By stored number; `None` is dropped.
    targets: Vec<Option<usize>>,
    exact: bool,
    migrates_key: bool,
}

impl Plan {
    /// Compares what is stored with the columns of this build; columns are found by name.
    ///
    /// # Errors
    /// Where a schema has no migration, a column changed its kind, or one is unknown and not to be dropped.
    pub fn new<K: Key>(stored: StoredState, columns: &[&mut dyn Column], unknown: Unknown) -> Result<Self, StateError> {
        if !stored.key.is_readable_as::<K>() {
            let (was, now) = (Box::new(stored.key), Box::new(K::SCHEMA.stored()));
            return Err(StateError::Schema { part: "the key".into(), stored: was, now });
        }
        let now = StoredState::of::<K>(columns);
        let targets: Vec<_> =
            stored.columns.iter().map(|was| now.columns.iter().position(|is| is.name == was.name)).collect();
        refuse_unknown(&stored, &targets, unknown)?;
        for (was, target) in stored.columns.iter().zip(&targets) {
            if let Some(target) = target {
                columns[*target].accepts(was)?;
            }
        }
        let migrates_key = stored.key.fingerprint != now.key.fingerprint;
        Ok(Self { exact: is_same(&stored, &now), stored, targets, migrates_key })
    }

    /// Whether entries of this build may follow the stored ones in one file. Where not, `Backend::rewrite` after the
    /// restore makes the next snapshot complete by itself, and the stored ones belong to the past.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The names of the stored columns that are left behind.
    pub fn dropped(&self) -> impl Iterator<Item = &str> {
        let columns = self.stored.columns.iter().zip(&self.targets);
        columns.filter(|(_, target)| target.is_none()).map(|(column, _)| column.name.as_str())
    }

    /// The schema of the stored keys, and whether it is an older one.
    pub(super) fn key(&self) -> (&StoredSchema, bool) {
        (&self.stored.key, self.migrates_key)
    }

    /// The description and the place of a stored column; `None` is dropped.
    pub(super) fn column(&self, number: u16) -> Result<Option<(&StoredColumn, usize)>, StateError> {
        let at = usize::from(number);
        let (column, target) =
            self.stored.columns.get(at).zip(self.targets.get(at)).ok_or(StateError::NoSuchColumn(number))?;
        Ok(target.map(|target| (column, target)))
    }
}

fn refuse_unknown(stored: &StoredState, targets: &[Option<usize>], unknown: Unknown) -> Result<(), StateError> {
    let columns = stored.columns.iter().zip(targets);
    let names: Vec<_> = columns.filter(|(_, target)| target.is_none()).map(|(column, _)| column.name.clone()).collect();
    if names.is_empty() || unknown == Unknown::Drop { Ok(()) } else { Err(StateError::UnknownColumns(names)) }
}

/// Names of types are for messages only.
fn is_same(stored: &StoredState, now: &StoredState) -> bool {
    stored.key.fingerprint == now.key.fingerprint
        && stored.columns.len() <= now.columns.len()
        && stored.columns.iter().zip(&now.columns).all(|(was, is)| is_same_column(was, is))
}

fn is_same_column(was: &StoredColumn, is: &StoredColumn) -> bool {
    let print = |schemas: &[StoredSchema]| schemas.iter().map(|schema| schema.fingerprint).collect::<Vec<_>>();
    was.name == is.name && was.timed == is.timed && print(&was.schemas) == print(&is.schemas)
}
