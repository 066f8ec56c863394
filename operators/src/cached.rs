//! `Cached`: what a call to the world has answered, for a while.
use hashbrown::HashMap;
use std::cell::RefCell;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Answers by key, at most so many and for so long, in front of a call that looks them up: with `async_map` a join with a
/// table elsewhere, a *lookup join*. Each worker has its own. It is no state: a restart begins with an empty one, and
/// records that are read again are joined with what the table says then. A key that is asked for twice while its call is
/// under way is called twice; an error is not kept.
///
/// ```
/// use millstream_operators::{Cached, Calls, Stream};
/// use std::time::Duration;
/// # async fn name_of(user: u64) -> Result<Option<String>, std::io::Error> { Ok(Some(user.to_string())) }
/// fn named(clicks: Stream<u64>) -> Stream<(u64, Option<String>)> {
///     let names = Cached::new(100_000, Duration::from_secs(60), async |user: &u64| name_of(*user).await);
///     let calls = Calls::at_once(100).timeout(Duration::from_secs(2)).retries(3);
///     clicks.async_map("names", calls, async move |user| Ok::<_, std::io::Error>((*user, names.get(user).await?))).or_fail()
/// }
/// ```
pub struct Cached<K, V, F> {
    look_up: F,
    answers: RefCell<Answers<K, V>>,
}

impl<K: Hash + Eq + Clone, V: Clone, F> Cached<K, V, F> {
    /// Keeps the answers of `look_up` for `fresh`; no more than `most` of them, at least one.
    pub fn new<E>(most: usize, fresh: Duration, look_up: F) -> Self
    where
        F: AsyncFn(&K) -> Result<V, E>,
    {
        Self { look_up, answers: RefCell::new(Answers::new(most, fresh)) }
    }

    /// The answer for a key: the one that is kept, or that of a call now.
    ///
    /// # Errors
    /// That of the call.
    pub async fn get<E>(&self, key: &K) -> Result<V, E>
    where
        F: AsyncFn(&K) -> Result<V, E>,
    {
        let kept = self.answers.borrow_mut().get(key, Instant::now());
        match kept {
            Some(answer) => Ok(answer),
            None => {
                let answer = (self.look_up)(key).await?;
                self.answers.borrow_mut().keep(key.clone(), answer.clone(), Instant::now());
                Ok(answer)
            }
        }
    }
}

/// Two generations, so that what is used stays without a list of who was used when: an answer that is used again moves to
/// the young ones, and when these are half of the most, the old ones go.
struct Answers<K, V> {
    /// So many are in one generation.
    half: usize,
    fresh: Duration,
    young: HashMap<K, Answer<V>, foldhash::fast::RandomState>,
    old: HashMap<K, Answer<V>, foldhash::fast::RandomState>,
}

struct Answer<V> {
    value: V,
    since: Instant,
}

impl<K: Hash + Eq + Clone, V: Clone> Answers<K, V> {
    fn new(most: usize, fresh: Duration) -> Self {
        Self { half: most.div_ceil(2).max(1), fresh, young: HashMap::default(), old: HashMap::default() }
    }

    fn get(&mut self, key: &K, now: Instant) -> Option<V> {
        let is_fresh = |answer: &Answer<V>| now.saturating_duration_since(answer.since) < self.fresh;
        if let Some(answer) = self.young.get(key) {
            return Some(answer).filter(|answer| is_fresh(answer)).map(|answer| answer.value.clone());
        }
        let answer = self.old.remove(key).filter(is_fresh)?;
        let value = answer.value.clone();
        self.put(key.clone(), answer);
        Some(value)
    }

    fn keep(&mut self, key: K, value: V, now: Instant) {
        self.put(key, Answer { value, since: now });
    }

    fn put(&mut self, key: K, answer: Answer<V>) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_there_are_never_more_than_the_most() {
        let now = Instant::now();
        let mut answers = Answers::new(10, Duration::from_secs(1));
        answers.keep(0, 'a', now);
        for key in 1..1000 {
            answers.keep(key, 'b', now);
            assert_eq!(answers.get(&0, now), Some('a'), "used each time, behind key {key}");
            assert!(answers.young.len() + answers.old.len() <= 10);
        }
        assert_eq!(answers.get(&1, now), None);
    }

    #[test]
    fn an_answer_grows_old_however_often_it_is_used() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let mut answers = Answers::new(2, ms(100));
        answers.keep("key", 1, now);
        assert_eq!(answers.get(&"key", now + ms(60)), Some(1));
        assert_eq!(answers.get(&"key", now + ms(99)), Some(1));
        assert_eq!(answers.get(&"key", now + ms(100)), None);
        answers.keep("key", 2, now + ms(100));
        assert_eq!(answers.get(&"key", now + ms(199)), Some(2));
    }
}
