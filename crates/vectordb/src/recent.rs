//! What was used lately, within a bound.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A map that forgets: two generations of entries. When the young one is full it becomes the old one, and what was in that
/// and was not used since is gone. Nearly what a list by last use keeps, without a list.
#[derive(Debug)]
pub struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Entries of a generation.
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// At most so many entries, and at least the last half of that.
    pub fn new(most: usize) -> Recent<K, V> {
        Recent {
            young: HashMap::new(),
            old: HashMap::new(),
            most: (most / 2).max(1),
        }
    }

    pub fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.put(key, value.clone());
        Some(value)
    }

    pub fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.most && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_bound_holds() {
        let mut recent = Recent::new(10);
        recent.put("often".to_owned(), 0);
        for number in 0..1_000 {
            recent.put(number.to_string(), number);
            assert_eq!(recent.get("often"), Some(0));
            assert!(recent.young.len() + recent.old.len() <= 10);
        }
        assert_eq!(recent.get("999"), Some(999));
        assert_eq!(recent.get("900"), None);
    }
}
