//! What follows from a repository's log: what is live, what is in the bin, and the sums of both.
//!
//! Invariant: every figure is the sum of what the maps hold; nothing drifts (I2).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Place, Stored};
use super::snapshot::{Binned, Life, Object, Snapshot};
use super::usage::Usage;
use crate::kernel::{Date, Sequence, Size, Space, Timestamp};
use crate::object::{Hash, Key, Kind};

/// Sums over one space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Bytes of live objects, locks not counted: what the tenant calls used (I2).
    pub live: Size,
    /// Bytes in the bin that no live object has (R6.7: outside the quota, up to the bin limit).
    pub bin: Size,
    /// Live objects, locks not counted.
    pub objects: u64,
    /// Live locks.
    pub locks: u64,
}

/// The state of a repository.
#[derive(Clone, Debug, Default)]
pub struct State {
    snapshot: Snapshot,
    /// SHA-256 of each space's `config`, the only object whose name does not say it.
    configs: BTreeMap<Space, Hash>,
    figures: BTreeMap<Space, Figures>,
    usage: Usage,
    /// The time of the last entry.
    last: Timestamp,
}

impl State {
    /// A cheap copy for whoever lists or reads.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.clone()
    }

    /// What is held now.
    pub const fn held(&self) -> &Snapshot {
        &self.snapshot
    }

    /// SHA-256 of a space's `config`.
    pub fn config(&self, space: Space) -> Option<Hash> {
        self.configs.get(&space).copied()
    }

    /// The sums of one space.
    pub fn figures(&self, space: Space) -> Figures {
        self.figures.get(&space).copied().unwrap_or_default()
    }

    /// The sums of all spaces.
    pub fn total(&self) -> Figures {
        self.figures
            .values()
            .fold(Figures::default(), |sum, figures| Figures {
                live: sum.live + figures.live,
                bin: sum.bin + figures.bin,
                objects: sum.objects + figures.objects,
                locks: sum.locks + figures.locks,
            })
    }

    /// The spaces that hold anything, with their sums.
    pub fn spaces(&self) -> impl Iterator<Item = (Space, Figures)> {
        self.figures
            .iter()
            .map(|(space, figures)| (*space, *figures))
    }

    /// The time of the last entry: no entry is older than the one before it.
    pub const fn last(&self) -> Timestamp {
        self.last
    }

    /// Byte-seconds of live objects per month up to `now`, which lies not before the last entry.
    pub fn usage(&self, now: Timestamp) -> BTreeMap<Date, u128> {
        let mut usage = self.usage.clone();
        usage.add(self.total().live, self.last, now);
        usage.byte_seconds()
    }

    /// Lives in the bin that may be purged at `now`, at most `limit`. A hold of `hold_days` keeps
    /// what was visible within it, whatever a life's own day says.
    pub fn purgeable(&self, now: Timestamp, hold_days: u32, limit: usize) -> Vec<Life> {
        let hold = Duration::from_secs(u64::from(hold_days) * 86_400);
        let due = self.snapshot.bin.iter();
        let due = due.filter(|(_, binned)| binned.until <= now && binned.deleted + hold <= now);
        due.map(|(life, _)| *life).take(limit).collect()
    }

    /// Whether anything is in the bin.
    pub fn has_bin(&self) -> bool {
        !self.snapshot.bin.is_empty()
    }

    /// Takes one entry in.
    pub fn apply(&mut self, entry: &Entry, sequence: Sequence, place: Place) {
        self.usage.add(self.total().live, self.last, entry.at());
        self.last = self.last.max(entry.at());
        match entry {
            Entry::Stored(stored) => self.store(stored, sequence, place),
            Entry::Deleted { key, at, until, .. } => self.hide(key, *at, *until),
            Entry::Purged { objects, .. } => objects.iter().for_each(|life| self.purge(life)),
            Entry::Restored { to, at, until } => self.restore(sequence, *to, *at, *until),
        }
    }

    fn store(&mut self, stored: &Stored, added: Sequence, place: Place) {
        // What is live is not changed by the same bytes again.
        if self.snapshot.live.contains_key(&stored.key) {
            return;
        }
        if stored.key.kind == Kind::Config {
            self.configs.insert(stored.key.space, stored.hash);
        }
        let (size, at) = (stored.size, stored.at);
        let object = Object {
            size,
            at,
            since: at,
            added,
            place,
        };
        self.change(stored.key, |snapshot| {
            snapshot.live.insert(stored.key, object);
        });
    }

    fn hide(&mut self, key: &Key, deleted: Timestamp, until: Timestamp) {
        let Some(object) = self.snapshot.live.get(key).copied() else {
            return;
        };
        let binned = Binned {
            object,
            deleted,
            until,
        };
        self.change(*key, |snapshot| {
            snapshot.live.remove(key);
            if key.kind != Kind::Lock {
                snapshot.bin.insert((*key, object.added), binned);
            }
        });
    }

    fn purge(&mut self, life: &Life) {
        self.change(life.0, |snapshot| {
            snapshot.bin.remove(life);
        });
    }

    /// Ends the lives that began after `to`, and lets what was visible then live again. The lives
    /// that were stay in the bin, so that views of the past stay as they were.
    fn restore(&mut self, by: Sequence, to: Timestamp, at: Timestamp, until: Timestamp) {
        // A repository keeps its config, or no client could open it.
        let apart = [Kind::Lock, Kind::Config];
        let newer = self.snapshot.live.iter();
        let newer = newer.filter(|(key, object)| object.since > to && !apart.contains(&key.kind));
        let newer: Vec<Key> = newer.map(|(key, _)| *key).collect();
        for key in newer {
            self.hide(&key, at, until);
        }
        let back = self.snapshot.bin.iter();
        let back = back.filter(|(_, binned)| binned.is_visible(to));
        let back: Vec<(Key, Object)> = back
            .map(|((key, _), binned)| (*key, binned.object))
            .collect();
        for (key, object) in back {
            let again = Object {
                since: at,
                added: by,
                ..object
            };
            self.change(key, |snapshot| {
                snapshot.live.insert(key, again);
            });
        }
    }

    /// Changes what is held under one name, and the sums with it.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut Snapshot)) {
        let live = |snapshot: &Snapshot| snapshot.live.get(&key).map(|object| object.size);
        let before = (live(&self.snapshot), self.snapshot.bin_size(&key));
        change(&mut self.snapshot);
        let after = (live(&self.snapshot), self.snapshot.bin_size(&key));
        let figures = self.figures.entry(key.space).or_default();
        let count = |size: Option<Size>| u64::from(size.is_some());
        if key.kind == Kind::Lock {
            figures.locks = figures.locks + count(after.0) - count(before.0);
        } else {
            let (gone, here) = (before.0.unwrap_or_default(), after.0.unwrap_or_default());
            figures.live = figures.live.minus(gone) + here;
            figures.objects = figures.objects + count(after.0) - count(before.0);
        }
        figures.bin = figures.bin.minus(before.1) + after.1;
    }
}
