//! What follows from a repository's log: what is live, what is in the bin, and the sums of both.
//!
//! Invariant: every figure is the sum of what the maps hold; nothing drifts (I2).

mod relocation;
pub(super) mod stranded;
mod sums;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::checkpoint::{Changed, Checkpoint, Row, Stamp};
use super::entry::{Entry, Place, Stored};
use super::snapshot::{Binned, Life, Object, Snapshot};
use super::usage::Usage;
use super::weight::Weights;
use crate::kernel::{Date, ExtentId, Sequence, Size, Space, Timestamp};
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
#[derive(Clone, Default)]
pub struct State {
    snapshot: Snapshot,
    figures: BTreeMap<Space, Figures>,
    usage: Usage,
    /// The time of the last entry.
    last: Timestamp,
    /// The number of the last entry, and where it lies.
    end: (Sequence, Place),
    /// What the index does not have yet.
    changed: Changed,
    /// Places whose bytes have been brought back once: more than one life may have them.
    shared: BTreeSet<Place>,
    /// What is held in each extent.
    weights: Weights,
    /// Up to which extent nothing counts any more, but for what is stranded.
    emptied: ExtentId,
    /// Entries of objects that could not be read, with the extents in which their bytes stay.
    stranded: BTreeMap<Place, BTreeSet<ExtentId>>,
}

impl fmt::Debug for State {
    /// Shows what follows from the log, which what the index lacks does not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("snapshot", &self.snapshot)
            .field("figures", &self.figures)
            .field("usage", &self.usage)
            .field("last", &self.last)
            .field("end", &self.end)
            .field("weights", &self.weights)
            .field("emptied", &self.emptied)
            .field("stranded", &self.stranded)
            .finish()
    }
}

impl State {
    /// The state that was written to the index.
    pub(super) fn of(stamp: Stamp, snapshot: Snapshot) -> Self {
        let mut figures: BTreeMap<Space, Figures> = BTreeMap::new();
        for (key, object) in &snapshot.live {
            let sums = figures.entry(key.space).or_default();
            if key.kind == Kind::Lock {
                sums.locks += 1;
            } else {
                sums.live += object.size;
                sums.objects += 1;
            }
        }
        let objects = snapshot.bin.values().map(|binned| &binned.object);
        let objects = objects.chain(snapshot.live.values());
        let again = objects.filter(|object| object.since > object.at);
        let shared: BTreeSet<Place> = again.map(|object| object.place).collect();
        let weights = Weights::of(&snapshot, &shared);
        let mut counted = BTreeSet::new();
        for ((key, _), binned) in &snapshot.bin {
            let place = binned.object.place;
            let alone = !shared.contains(&place);
            if alone || (snapshot.is_bin_only(key, place) && counted.insert(place)) {
                figures.entry(key.space).or_default().bin += binned.object.size;
            }
        }
        figures.retain(|_, figures| *figures != Figures::default());
        Self {
            snapshot,
            figures,
            usage: stamp.usage,
            last: stamp.last,
            end: (stamp.sequence, stamp.place),
            changed: Changed::Rows(BTreeSet::new()),
            shared,
            weights,
            emptied: stamp.emptied,
            stranded: stamp.stranded,
        }
    }

    /// What the index is to be told. Whatever changes from now on is told the next time.
    pub(super) fn checkpoint(&mut self) -> Checkpoint {
        let changed = std::mem::replace(&mut self.changed, Changed::Rows(BTreeSet::new()));
        let (sequence, place) = self.end;
        let stamp = Stamp {
            sequence,
            place,
            last: self.last,
            usage: self.usage.clone(),
            emptied: self.emptied,
            stranded: self.stranded.clone(),
            ..Stamp::default()
        };
        Checkpoint {
            snapshot: self.snapshot.clone(),
            changed,
            stamp,
        }
    }

    /// What the index has is not known any more.
    pub(super) fn forget_index(&mut self) {
        self.changed = Changed::All;
    }

    /// The number of the last entry.
    pub(super) const fn sequence(&self) -> Sequence {
        self.end.0
    }

    /// Where the last entry lies.
    pub(super) const fn end(&self) -> Place {
        self.end.1
    }

    /// Up to which extent, by the log itself, nothing counts any more.
    pub(super) const fn emptied(&self) -> ExtentId {
        self.emptied
    }

    /// About how many bytes of an extent are held.
    pub(super) fn weight(&self, extent: ExtentId) -> u64 {
        self.weights.in_extent(extent)
    }

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
        self.snapshot.configs.get(&space).copied()
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
        self.used(now).byte_seconds()
    }

    /// Byte-milliseconds of live objects per month up to `now`.
    pub(super) fn used(&self, now: Timestamp) -> Usage {
        let mut usage = self.usage.clone();
        usage.add(self.total().live, self.last, now);
        usage
    }

    /// Lives in the bin that may be purged at `now`, at most `limit`. A hold of `hold_days` keeps
    /// what was visible within it, and a pin what was visible then or later, whatever a life's own
    /// day says.
    pub fn purgeable(
        &self,
        now: Timestamp,
        (hold_days, pin): (u32, Option<Timestamp>),
        limit: usize,
    ) -> Vec<Life> {
        let hold = Duration::from_secs(u64::from(hold_days) * 86_400);
        let due = self.snapshot.bin.iter();
        let due = due.filter(|(_, binned)| binned.until <= now && binned.deleted + hold <= now);
        let due = due.filter(|(_, binned)| pin.is_none_or(|pin| binned.deleted < pin));
        due.map(|(life, _)| *life).take(limit).collect()
    }

    /// When the first life in the bin may be purged; none if the bin is empty.
    pub fn next_purge(&self, hold_days: u32) -> Option<Timestamp> {
        let hold = Duration::from_secs(u64::from(hold_days) * 86_400);
        let binned = self.snapshot.bin.values();
        binned
            .map(|binned| binned.until.max(binned.deleted + hold))
            .min()
    }

    /// Whether anything is in the bin.
    pub fn has_bin(&self) -> bool {
        !self.snapshot.bin.is_empty()
    }

    /// Takes one entry in.
    pub fn apply(&mut self, entry: &Entry, sequence: Sequence, place: Place) {
        self.usage.add(self.total().live, self.last, entry.at());
        self.last = self.last.max(entry.at());
        self.end = (sequence, place);
        match entry {
            Entry::Stored(stored) => self.store(stored, sequence, place),
            Entry::Deleted { key, at, until, .. } => self.hide(key, *at, *until),
            Entry::Purged { objects, .. } => objects.iter().for_each(|life| self.purge(life)),
            Entry::Restored { to, at, until } => self.restore(sequence, *to, *at, *until),
            Entry::Emptied { until, usage, .. } => {
                self.emptied = self.emptied.max(*until);
                self.usage.clone_from(usage);
            }
            Entry::Moved(moved) => self.relocate(moved, place),
            Entry::Stranded(moved) => self.strand(moved, place),
        }
    }

    fn store(&mut self, stored: &Stored, added: Sequence, place: Place) {
        // What is live is not changed by the same bytes again.
        if self.snapshot.live.contains_key(&stored.key) {
            return;
        }
        if stored.key.kind == Kind::Config {
            self.snapshot.configs.insert(stored.key.space, stored.hash);
        }
        let (size, at) = (stored.size, stored.at);
        let object = Object {
            size,
            at,
            since: at,
            added,
            place,
            first: stored.first(place),
        };
        self.changed.note(Row::Live(stored.key));
        self.change(stored.key, object, |snapshot| {
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
        self.changed.note(Row::Live(*key));
        self.changed.note(Row::Bin((*key, object.added)));
        self.change(*key, object, |snapshot| {
            snapshot.live.remove(key);
            if key.kind != Kind::Lock {
                snapshot.bin.insert((*key, object.added), binned);
            }
        });
    }

    fn purge(&mut self, life: &Life) {
        let Some(binned) = self.snapshot.bin.get(life).copied() else {
            return;
        };
        self.changed.note(Row::Bin(*life));
        self.change(life.0, binned.object, |snapshot| {
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
            self.changed.note(Row::Live(key));
            self.shared.insert(object.place);
            self.change(key, again, |snapshot| {
                snapshot.live.insert(key, again);
            });
        }
    }

    /// Changes the life of an object, and the sums with it.
    fn change(&mut self, key: Key, object: Object, change: impl FnOnce(&mut Snapshot)) {
        let before = self.counted(&key, &object);
        let was_held = self.is_held(&key, &object);
        change(&mut self.snapshot);
        let after = self.counted(&key, &object);
        let is_held = self.is_held(&key, &object);
        self.weights.change(&object, was_held, is_held);
        if was_held && !is_held {
            self.stranded.remove(&object.place);
        }
        let figures = self.figures.entry(key.space).or_default();
        let size = |counts: bool| if counts { object.size } else { Size::ZERO };
        if key.kind == Kind::Lock {
            figures.locks = figures.locks + u64::from(after.0) - u64::from(before.0);
        } else {
            figures.live = figures.live.minus(size(before.0)) + size(after.0);
            figures.objects = figures.objects + u64::from(after.0) - u64::from(before.0);
        }
        figures.bin = figures.bin.minus(size(before.1)) + size(after.1);
        // A space that holds nothing is as one that never was: it may be all that is left of it.
        if *figures == Figures::default() {
            self.figures.remove(&key.space);
        }
    }

    /// Whether the bytes of an object are held for any of its lives.
    fn is_held(&self, key: &Key, object: &Object) -> bool {
        if self.shared.contains(&object.place) {
            return self.snapshot.is_held(key, object.place);
        }
        let live = self.snapshot.live.get(key);
        live.is_some_and(|live| live.added == object.added)
            || self.snapshot.bin.contains_key(&(*key, object.added))
    }

    /// Whether an object counts as live, and whether its bytes count in the bin.
    fn counted(&self, key: &Key, object: &Object) -> (bool, bool) {
        let live = self.snapshot.live.get(key);
        let live = live.is_some_and(|live| live.added == object.added);
        let binned = if self.shared.contains(&object.place) {
            self.snapshot.is_bin_only(key, object.place)
        } else {
            self.snapshot.bin.contains_key(&(*key, object.added))
        };
        (live, binned)
    }
}
