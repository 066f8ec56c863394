//! Rows as numbers, and what they add up to: a result of any system is a count and a sum of hashes, in any order.
use millstream::prelude::*;

/// The finalizer of splitmix64.
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 64-bit FNV-1a.
pub fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The hash of a row of a result; its weight is -1 where it takes back one that was given before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    hash: u64,
    weight: i64,
}

/// A row of four columns.
pub fn row(a: u64, b: u64, c: u64, d: u64) -> Row {
    let sum = a
        .wrapping_mul(0xff51_afd7_ed55_8ccd)
        .wrapping_add(b.wrapping_mul(0xc4ce_b9fe_1a85_ec53))
        .wrapping_add(c.wrapping_mul(0x2545_f491_4f6c_dd1d))
        .wrapping_add(d.wrapping_mul(0xd6e8_feb8_6659_fd93))
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    Row { hash: mix(sum), weight: 1 }
}

/// A row of any number of columns, folded one by one into the hash of those before.
pub fn wide(columns: impl IntoIterator<Item = u64>) -> Row {
    columns.into_iter().fold(Row { hash: 0, weight: 1 }, |all, column| row(all.hash, column, 0, 0))
}

impl Row {
    /// Its hash, to be a column of another row.
    pub fn hash(self) -> u64 {
        self.hash
    }

    /// Takes the row back.
    pub fn retracted(self) -> Self {
        Self { weight: -self.weight, ..self }
    }
}

/// What rows add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, State)]
pub struct Total {
    pub rows: i64,
    pub checksum: u64,
}

impl Total {
    /// With one row more.
    pub fn add(&mut self, row: Row) {
        self.rows += row.weight;
        self.checksum = self.checksum.wrapping_add(row.hash.wrapping_mul(row.weight as u64));
    }

    /// With all rows of another.
    pub fn merge(&mut self, other: Total) {
        self.rows += other.rows;
        self.checksum = self.checksum.wrapping_add(other.checksum);
    }
}

impl FromIterator<Row> for Total {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        let mut total = Self::default();
        rows.into_iter().for_each(|row| total.add(row));
        total
    }
}
