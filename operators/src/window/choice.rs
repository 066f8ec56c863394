//! Whether it pays to combine before the exchange: a decision from what combining saved lately.

/// So many records are watched before a decision.
const WATCHED: u64 = 8 * 1024;
/// So many records go uncombined before the next watch.
const PAUSE: u64 = 16 * WATCHED;

/// What combining has come to. It pays where at most three partials are left of five records. Where four were
/// enough, Nexmark's q11 took some hundredths more processor time on one worker than where half of them was the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CombineChoice {
    /// Records are combined, and watched.
    Combine { records: u64, partials: u64 },
    /// So many records more go one by one.
    Singly { left: u64 },
}

impl Default for CombineChoice {
    fn default() -> Self {
        Self::Combine { records: 0, partials: 0 }
    }
}

impl CombineChoice {
    pub fn combines(&self) -> bool {
        matches!(self, Self::Combine { .. })
    }

    /// So many records came to so many partials.
    pub fn note(&mut self, more_records: u64, more_partials: u64) {
        *self = match *self {
            Self::Singly { left } if left > more_records => Self::Singly { left: left - more_records },
            Self::Singly { .. } => Self::default(),
            Self::Combine { records, partials } => {
                let (records, partials) = (records + more_records, partials + more_partials);
                match records < WATCHED {
                    true => Self::Combine { records, partials },
                    false if partials * 5 > records * 3 => Self::Singly { left: PAUSE },
                    false => Self::default(),
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_where_nothing_is_saved_and_tries_again() {
        let mut choice = CombineChoice::default();
        for _ in 0..20 {
            choice.note(1000, 600);
            assert!(choice.combines(), "three of five: it pays");
        }
        let mut choice = CombineChoice::default();
        let mut said = vec![];
        for _ in 0..300 {
            choice.note(1000, 700);
            said.push(choice.combines());
        }
        let watched = said.iter().position(|combines| !combines).unwrap();
        let paused = said[watched..].iter().position(|combines| *combines).unwrap();
        assert_eq!((watched, paused), (8, 132));
        assert!(said[watched + paused..].contains(&false), "the next watch comes to the same");
    }
}
