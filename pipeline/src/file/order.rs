//! The order in which nodes can be made: each behind those that it needs.

/// Sorts `items` so that each comes behind those that `needs` says, which are indices.
///
/// # Errors
/// The indices of a cycle, in its order.
pub(super) fn sorted<T>(items: Vec<T>, needs: &[Vec<usize>]) -> Result<Vec<T>, Vec<usize>> {
    let mut walk = Walk { needs, states: vec![State::New; items.len()], order: vec![], trail: vec![] };
    for i in 0..items.len() {
        walk.visit(i)?;
    }
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    Ok(walk.order.into_iter().filter_map(|i| items.get_mut(i).and_then(Option::take)).collect())
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

struct Walk<'a> {
    needs: &'a [Vec<usize>],
    states: Vec<State>,
    order: Vec<usize>,
    /// From the node that the walk began with to the one at hand.
    trail: Vec<usize>,
}

impl Walk<'_> {
    fn visit(&mut self, i: usize) -> Result<(), Vec<usize>> {
        match self.states[i] {
            State::Done => return Ok(()),
            State::Open => {
                let from = self.trail.iter().position(|n| *n == i).unwrap_or(0);
                return Err(self.trail.split_off(from));
            }
            State::New => {}
        }
        self.states[i] = State::Open;
        self.trail.push(i);
        for need in &self.needs[i] {
            self.visit(*need)?;
        }
        self.trail.pop();
        self.states[i] = State::Done;
        self.order.push(i);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comes_behind_those_that_it_needs() {
        assert_eq!(sorted(vec!['a', 'b', 'c'], &[vec![1, 2], vec![2], vec![]]).unwrap(), ['c', 'b', 'a']);
        assert_eq!(sorted(vec!['a', 'b', 'c', 'd'], &[vec![], vec![2], vec![3], vec![1]]).unwrap_err(), [1, 2, 3]);
        assert_eq!(sorted(vec!['a'], &[vec![0]]).unwrap_err(), [0]);
    }
}
