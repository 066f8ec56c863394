//! Keyed state of the test's operators: a plain map, of which each snapshot has what changed.
use millstream_runtime::Result;
use millstream_runtime::checkpoint::{Entry, Grouped, Section};
use millstream_runtime::codec::{self, KeyHasher};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::run::Jitter;
use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Poll};

/// Key and sub-key.
pub type Cell = (u64, u64);

pub struct Cells {
    uid: String,
    map: BTreeMap<Cell, [u64; 4]>,
    dirty: BTreeSet<Cell>,
    frozen: Grouped,
    jitter: Jitter,
}

impl Cells {
    /// With the state of the checkpoint.
    pub fn open(init: &OperatorInit<'_>, jitter: Jitter) -> Result<Self> {
        let mut map = BTreeMap::new();
        init.entries(&mut |_, entry| {
            match entry {
                Entry::Put { key, sub, value, .. } => {
                    map.insert((codec::decode(key)?, codec::decode(sub)?), codec::decode(value)?);
                }
                Entry::Delete { key, sub, .. } => {
                    map.remove(&(codec::decode(key)?, codec::decode(sub)?));
                }
                Entry::DeleteRow { .. } => return Err("nobody writes this".into()),
            }
            Ok(())
        })?;
        Ok(Self { uid: init.uid.into(), map, dirty: BTreeSet::new(), frozen: Grouped::new(), jitter })
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Cell, &[u64; 4])> {
        self.map.iter()
    }

    pub fn change(&mut self, cell: Cell) -> &mut [u64; 4] {
        self.dirty.insert(cell);
        self.map.entry(cell).or_default()
    }

    /// Takes out what holds.
    pub fn take(&mut self, mut is_due: impl FnMut(&Cell, &[u64; 4]) -> bool) -> Vec<(Cell, [u64; 4])> {
        let due: Vec<_> = self.map.iter().filter(|(k, v)| is_due(k, v)).map(|(k, v)| (*k, *v)).collect();
        for (cell, _) in &due {
            self.map.remove(cell);
            self.dirty.insert(*cell);
        }
        due
    }

    pub fn freeze(&mut self) -> Result<()> {
        let mut hasher = KeyHasher::default();
        for cell in std::mem::take(&mut self.dirty) {
            let group = codec::key_group(hasher.hash(&cell.0));
            let (key, sub) = (codec::encode(&cell.0)?, codec::encode(&cell.1)?);
            let value = self.map.get(&cell).map(codec::encode).transpose()?;
            self.frozen.push(group, |w| match value {
                Some(value) => w.put(0, &key, &sub, &value),
                None => w.delete(0, &key, &sub),
            })?;
        }
        Ok(())
    }

    /// Takes its time, at random: records of the next interval come in between.
    pub fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        if !hurry && self.jitter.below(3) != 0 {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(vec![Section::keyed(self.uid.clone(), std::mem::take(&mut self.frozen))]))
    }
}
