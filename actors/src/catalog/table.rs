//! Rows by their key, and by what else they are looked up by, so that no look-up walks over rows of
//! others. Cheap to clone, like the maps it is made of.
//!
//! Invariant: every row is found by each of its other names, and by nothing else.

use std::fmt;
use std::ops::{Deref, RangeBounds};

use imbl::OrdMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schema;

/// A row that is looked up by more than its key.
pub trait Row<K>: Clone {
    /// By what.
    type By: Ord + Clone;

    /// All that it is found by; no two rows of a table share one.
    fn by(&self, key: &K) -> Vec<Self::By>;
}

/// A map of rows with their other names beside it. Stored as the map alone.
pub struct Table<K, V: Row<K>> {
    rows: OrdMap<K, V>,
    by: OrdMap<V::By, K>,
}

impl<K: Ord + Clone, V: Row<K>> Table<K, V> {
    /// Puts a row in the place of the one that has its key; gives that back.
    pub fn insert(&mut self, key: K, row: V) -> Option<V> {
        let old = self.remove(&key);
        for by in row.by(&key) {
            self.by.insert(by, key.clone());
        }
        self.rows.insert(key, row);
        old
    }

    /// Takes a row away.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let old = self.rows.remove(key)?;
        for by in old.by(key) {
            self.by.remove(&by);
        }
        Some(old)
    }

    /// Changes a row, if there is one with that key; true if there is.
    pub fn change(&mut self, key: &K, change: impl FnOnce(&mut V)) -> bool {
        let Some(mut row) = self.rows.get(key).cloned() else {
            return false;
        };
        change(&mut row);
        self.insert(key.clone(), row);
        true
    }

    /// Changes the rows that `which` picks; the others stay shared with readers.
    pub fn alter(&mut self, which: impl Fn(&V) -> bool, change: impl Fn(&mut V)) {
        let picked = self.rows.iter().filter(|(_, row)| which(row));
        let keys: Vec<K> = picked.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.change(&key, &change);
        }
    }

    /// The key of the row that is found by this.
    pub fn find(&self, by: &V::By) -> Option<&K> {
        self.by.get(by)
    }

    /// The rows that are found by what lies in a range, in its order.
    pub fn range(&self, range: impl RangeBounds<V::By>) -> impl Iterator<Item = (&K, &V)> {
        let found = self.by.range(range);
        found.filter_map(|(_, key)| self.rows.get_key_value(key))
    }
}

impl<K, V: Row<K>> Deref for Table<K, V> {
    type Target = OrdMap<K, V>;

    fn deref(&self) -> &OrdMap<K, V> {
        &self.rows
    }
}

impl<K, V: Row<K>> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: OrdMap::default(),
            by: OrdMap::default(),
        }
    }
}

impl<K, V: Row<K>> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Self {
            rows: self.rows.clone(),
            by: self.by.clone(),
        }
    }
}

impl<K: Ord, V: Row<K> + PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<K: Ord + fmt::Debug, V: Row<K> + fmt::Debug> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

impl<K: Ord + Clone, V: Row<K>> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(rows: I) -> Self {
        let mut table = Self::default();
        for (key, row) in rows {
            table.insert(key, row);
        }
        table
    }
}

impl<'a, K: Ord, V: Row<K>> IntoIterator for &'a Table<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = <&'a OrdMap<K, V> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&self.rows).into_iter()
    }
}

impl<K: Ord + Serialize, V: Row<K> + Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows.serialize(serializer)
    }
}

impl<'de, K, V> Deserialize<'de> for Table<K, V>
where
    K: Ord + Clone + Deserialize<'de>,
    V: Row<K> + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows: OrdMap<K, V> = schema::map(deserializer)?;
        Ok(rows.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;

    use super::*;

    thread_local! {
        static COMPARED: Cell<u64> = const { Cell::new(0) };
    }

    /// A number that counts how often two of its kind are compared.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Counted(u64);

    impl Ord for Counted {
        fn cmp(&self, other: &Self) -> Ordering {
            COMPARED.set(COMPARED.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    #[derive(Clone, Debug, PartialEq)]
    struct Guest {
        room: u64,
    }

    impl Row<Counted> for Guest {
        type By = (Counted, Counted);

        fn by(&self, key: &Counted) -> Vec<Self::By> {
            vec![(Counted(self.room), *key)]
        }
    }

    fn compared(work: impl FnOnce()) -> u64 {
        let before = COMPARED.get();
        work();
        COMPARED.get() - before
    }

    fn keys(table: &Table<Counted, Guest>, room: u64) -> Vec<u64> {
        let all = (Counted(room), Counted(0))..=(Counted(room), Counted(u64::MAX));
        table.range(all).map(|(key, _)| key.0).collect()
    }

    #[test]
    fn one_row_more_among_ten_thousand_costs_as_good_as_the_same() {
        let mut table = Table::default();
        let mut costs = Vec::new();
        for number in 0..10_000_u64 {
            costs.push(compared(|| {
                table.insert(Counted(number), Guest { room: number / 10 });
                assert_eq!(keys(&table, number / 10).len() as u64, number % 10 + 1);
                assert!(
                    table
                        .find(&(Counted(number / 10), Counted(number)))
                        .is_some()
                );
            }));
        }
        let worst = costs.iter().max().copied().unwrap();
        assert!(worst < 700, "{worst} comparisons for one row");
    }

    #[test]
    fn a_row_is_found_by_what_it_says_now_and_by_nothing_else() {
        let mut table: Table<Counted, Guest> = [(1, 7), (2, 7), (3, 8)]
            .map(|(key, room)| (Counted(key), Guest { room }))
            .into_iter()
            .collect();
        assert_eq!(keys(&table, 7), [1, 2]);
        assert!(table.change(&Counted(1), |guest| guest.room = 8));
        assert!(!table.change(&Counted(4), |guest| guest.room = 8));
        assert_eq!((keys(&table, 7), keys(&table, 8)), (vec![2], vec![1, 3]));
        table.insert(Counted(3), Guest { room: 9 });
        assert_eq!((keys(&table, 8), keys(&table, 9)), (vec![1], vec![3]));
        table.remove(&Counted(2));
        assert_eq!((keys(&table, 7), table.len()), (vec![], 2));
        table.alter(|guest| guest.room == 8, |guest| guest.room = 7);
        assert_eq!((keys(&table, 7), keys(&table, 8)), (vec![1], vec![]));
        let by = table.by.len();
        assert_eq!(by, table.len(), "nothing is left behind");
    }
}
