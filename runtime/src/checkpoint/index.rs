//! The index at the end of a data file: which blocks belong to which section. Drawn in docs/checkpoint-format.md.

use std::ops::Range;

use super::section::{KEY_GROUPS, SectionKind};

/// How the body of a section is laid out. On disk: never renumber.
const WHOLE: u8 = 0;
const BY_GROUP: u8 = 1;

/// The bytes of one block in the index.
const BLOCK_LEN: usize = 20;

/// The sections of a data file, in the order in which they count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) sections: Vec<SectionEntry>,
}

/// One section and its blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SectionEntry {
    pub(super) uid: String,
    pub(super) kind: SectionKind,
    pub(super) by_group: bool,
    pub(super) blocks: Vec<BlockEntry>,
}

/// Where a block lies, and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockEntry {
    /// The first byte of the block's header in the file.
    pub(super) offset: u64,
    /// The length of the payload.
    pub(super) len: u32,
    /// The crc32c of the payload.
    pub(super) crc: u32,
    /// The first and the last key group inside; zeros in a whole section.
    pub(super) groups: (u16, u16),
}

impl SectionEntry {
    /// The blocks that may hold entries of these groups.
    pub(super) fn blocks_of(&self, groups: &Range<u16>) -> impl Iterator<Item = BlockEntry> {
        self.blocks.iter().copied().filter(|block| block.groups.0 < groups.end && block.groups.1 >= groups.start)
    }
}

impl Index {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u32(&mut out, self.sections.len());
        for section in &self.sections {
            out.push(section.kind as u8);
            out.push(if section.by_group { BY_GROUP } else { WHOLE });
            put_u32(&mut out, section.uid.len());
            out.extend_from_slice(section.uid.as_bytes());
            put_u32(&mut out, section.blocks.len());
            for block in &section.blocks {
                out.extend_from_slice(&block.offset.to_le_bytes());
                out.extend_from_slice(&block.len.to_le_bytes());
                out.extend_from_slice(&block.crc.to_le_bytes());
                out.extend_from_slice(&block.groups.0.to_le_bytes());
                out.extend_from_slice(&block.groups.1.to_le_bytes());
            }
        }
        out
    }

    /// Reads an index from bytes of unknown origin; on failure says at which byte of `bytes` and why.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, (usize, &'static str)> {
        let mut rest = bytes;
        let at = |rest: &[u8]| bytes.len() - rest.len();
        let count = take_u32(&mut rest).ok_or((0, "the number of sections is cut off"))?;
        let mut sections = Vec::new();
        for _ in 0..count {
            let start = at(rest);
            sections.push(take_section(&mut rest).map_err(|what| (start, what))?);
        }
        if rest.is_empty() { Ok(Self { sections }) } else { Err((at(rest), "the index is longer than its sections")) }
    }
}

fn take_section(rest: &mut &[u8]) -> Result<SectionEntry, &'static str> {
    let [kind, layout] = take(rest).ok_or("a section is cut off")?;
    let kind = SectionKind::from_ordinal(kind).ok_or("a section has an unknown kind")?;
    if layout != WHOLE && layout != BY_GROUP {
        return Err("a section has an unknown layout");
    }
    let uid = take_u32(rest).and_then(|len| rest.split_off(..len)).ok_or("a uid is cut off")?;
    let uid = std::str::from_utf8(uid).map_err(|_| "a uid is not UTF-8")?.to_string();
    let count = take_u32(rest).ok_or("the number of blocks is cut off")?;
    // Checked before the loop, so that a wrong count allocates nothing.
    let blocks = count.checked_mul(BLOCK_LEN).and_then(|len| rest.split_off(..len)).ok_or("the blocks are cut off")?;
    let blocks = blocks.as_chunks::<BLOCK_LEN>().0.iter().map(read_block).collect::<Vec<_>>();
    let by_group = layout == BY_GROUP;
    if by_group && blocks.iter().any(|block| block.groups.0 > block.groups.1 || block.groups.1 >= KEY_GROUPS) {
        return Err("a block has impossible key groups");
    }
    if by_group && blocks.windows(2).any(|pair| pair[0].groups.1 > pair[1].groups.0) {
        return Err("the blocks of a section are not sorted by key group");
    }
    Ok(SectionEntry { uid, kind, by_group, blocks })
}

fn read_block(bytes: &[u8; BLOCK_LEN]) -> BlockEntry {
    let mut rest: &[u8] = bytes;
    let full = "a block has twenty bytes";
    BlockEntry {
        offset: u64::from_le_bytes(take(&mut rest).expect(full)),
        len: u32::from_le_bytes(take(&mut rest).expect(full)),
        crc: u32::from_le_bytes(take(&mut rest).expect(full)),
        groups: (u16::from_le_bytes(take(&mut rest).expect(full)), u16::from_le_bytes(take(&mut rest).expect(full))),
    }
}

fn put_u32(out: &mut Vec<u8>, value: usize) {
    let value = u32::try_from(value).expect("an index stays below 4 GiB, see INDEX_MAX");
    out.extend_from_slice(&value.to_le_bytes());
}

fn take_u32(rest: &mut &[u8]) -> Option<usize> {
    take(rest).map(|bytes| u32::from_le_bytes(bytes) as usize)
}

/// The next `N` bytes, if there are so many.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn section() -> impl Strategy<Value = SectionEntry> {
        let kind = (1..5u8).prop_map(|ordinal| SectionKind::from_ordinal(ordinal).unwrap());
        let block = (any::<u64>(), any::<u32>(), any::<u32>(), 0..KEY_GROUPS);
        (".{0,5}", kind, any::<bool>(), prop::collection::vec(block, 0..4)).prop_map(
            |(uid, kind, by_group, mut blocks)| {
                blocks.sort_by_key(|block| block.3);
                let entry = |(offset, len, crc, group)| BlockEntry { offset, len, crc, groups: (group, group) };
                SectionEntry { uid, kind, by_group, blocks: blocks.into_iter().map(entry).collect() }
            },
        )
    }

    proptest! {
        #[test]
        fn an_index_comes_back(sections in prop::collection::vec(section(), 0..5)) {
            let index = Index { sections };
            let bytes = index.encode();
            prop_assert_eq!(Index::decode(&bytes), Ok(index));
            for len in 0..bytes.len() {
                prop_assert!(Index::decode(&bytes[..len]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(prop_oneof![0..5u8, any::<u8>()], 0..200)) {
            if let Ok(index) = Index::decode(&bytes) {
                prop_assert_eq!(index.encode(), bytes);
            }
        }
    }
}
