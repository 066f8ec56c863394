//! The pieces of a [`Grouped`] in the order of their groups, also where most of them are in a file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::vec::IntoIter;

use super::error::Result;
use super::grouped::{Chunk, Grouped, Piece};
use super::section::KEY_GROUPS;
use super::spool::{Spool, SpooledRun};
use super::spooled::RunReader;

/// Pieces are given out in parts of this size.
const PART: usize = 256 << 10;

/// The buffers of all runs together, and of one run.
const BUFFERS: usize = 4 << 20;
const BUFFER_MAX: usize = 64 << 10;

/// So many runs are read at once: each has a buffer of 4 KiB. Of more, neighbours are made one first.
const RUNS_MAX: usize = if cfg!(test) { 4 } else { 1024 };

/// Goes through the pieces by group, those of one group in the order in which they were pushed. Reading blocks.
pub(super) struct Merged<'g> {
    grouped: &'g Grouped,
    runs: Vec<RunReader>,
    /// The group of each run's next piece, and the run: of one group the oldest first.
    firsts: BinaryHeap<Reverse<(u16, usize)>>,
    /// What is in memory: the youngest.
    rest: Peekable<IntoIter<Piece>>,
}

impl<'g> Merged<'g> {
    pub(super) fn of(grouped: &'g Grouped) -> Result<Self> {
        let Some(mut spool) = grouped.spool.clone().filter(|_| grouped.is_in_file()) else {
            return Self::over(grouped, &[], grouped.sorted());
        };
        let mut runs = grouped.runs.clone();
        while runs.len() > RUNS_MAX {
            runs = runs.chunks(RUNS_MAX).map(|few| join(grouped, few, &mut spool)).collect::<Result<_>>()?;
        }
        Self::over(grouped, &runs, grouped.sorted())
    }

    fn over(grouped: &'g Grouped, runs: &[SpooledRun], rest: Vec<Piece>) -> Result<Self> {
        let buffer = (BUFFERS / runs.len().max(1)).min(BUFFER_MAX);
        let runs = runs.iter().map(|run| run.read(buffer)).collect::<Result<Vec<_>>>()?;
        let firsts = runs.iter().enumerate().filter_map(|(number, run)| Some(Reverse((run.group()?, number))));
        Ok(Self { grouped, firsts: firsts.collect(), runs, rest: rest.into_iter().peekable() })
    }

    /// The next pieces, at least one; none at the end. Until then, nothing that came from a file is proved.
    pub(super) fn next_part(&mut self) -> Result<Option<Chunk>> {
        let mut part = Chunk::default();
        while part.bytes.len() < PART {
            let before = self.firsts.peek().map_or(KEY_GROUPS, |Reverse((group, _))| *group);
            if let Some(piece) = self.rest.next_if(|piece| piece.group < before) {
                part.bytes.extend_from_slice(self.grouped.bytes(piece));
                part.end(piece.group);
            } else if let Some(Reverse((group, number))) = self.firsts.pop() {
                let run = &mut self.runs[number];
                run.take(&mut part.bytes)?;
                part.end(group);
                self.firsts.extend(run.group().map(|next| Reverse((next, number))));
            } else {
                break;
            }
        }
        Ok(Some(part).filter(|part| !part.is_empty()))
    }
}

/// Makes one run of neighbours.
fn join(grouped: &Grouped, runs: &[SpooledRun], spool: &mut Spool) -> Result<SpooledRun> {
    let mut merged = Merged::over(grouped, runs, Vec::new())?;
    let mut joined = spool.begin(runs.iter().map(SpooledRun::len).sum())?;
    while let Some(part) = merged.next_part()? {
        for (group, bytes) in part.pieces() {
            joined.piece(group, bytes)?;
        }
    }
    joined.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(grouped: &Grouped) -> Vec<(u16, Vec<u8>, Vec<u8>)> {
        let mut found = Vec::new();
        grouped
            .for_each(&mut |group, entry| match entry {
                crate::checkpoint::Entry::Put { key, value, .. } => found.push((group, key.into(), value.into())),
                other => panic!("{other:?}"),
            })
            .unwrap();
        found
    }

    #[test]
    fn what_is_in_a_file_comes_in_the_order_of_what_is_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        for room in [1, 100, 2_000] {
            let spool = || Grouped::spooled(Spool::new(folder.path(), room));
            let (mut plain, mut spooled) = (Grouped::new(), spool());
            for round in 0..4u32 {
                let (mut more, mut spooled_more) = (Grouped::new(), spool());
                for n in 0..300u32 {
                    let (group, value) = ((n * 7919 % 11) as u16 * 400, [round, n].map(u32::to_le_bytes).concat());
                    for to in [&mut more, &mut spooled_more] {
                        to.push(group, |w| w.put(0, &group.to_le_bytes(), b"", &value)).unwrap();
                    }
                }
                if round == 2 {
                    spooled_more.close().unwrap();
                }
                plain.append(more).unwrap();
                spooled.append(spooled_more).unwrap();
            }
            assert!(spooled.is_in_file(), "room {room}");
            assert_eq!(entries(&spooled), entries(&plain), "room {room}");
            assert_eq!(entries(&spooled.clone()), entries(&plain));
        }
    }
}
