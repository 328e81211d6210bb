//! What follows from a repository's log: what is live, what is in the bin, and the sums of both.
//!
//! Invariant: every figure is the sum of what the maps hold; nothing drifts (I2).

use std::collections::BTreeMap;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Place, Stored};
use crate::kernel::{Date, Sequence, Size, Space, Timestamp};
use crate::object::{Hash, Key, Kind};

/// One object, as the repository keeps it in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its length.
    pub size: Size,
    /// When it was taken in.
    pub at: Timestamp,
    /// The number of the entry that stored it.
    pub added: Sequence,
    /// Where that entry lies.
    pub place: Place,
}

/// An object in the bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binned {
    /// The object.
    pub object: Object,
    /// When it was deleted.
    pub deleted: Timestamp,
    /// Before when it is not purged.
    pub until: Timestamp,
}

/// Which state of a repository is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// As it is.
    Now,
    /// As it was then: locks are not part of that.
    At(Timestamp),
}

/// Sums over one space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Bytes of live objects, locks not counted: what the tenant calls used (I2).
    pub live: Size,
    /// Bytes in the bin (R6.7: outside the quota, up to the bin limit).
    pub bin: Size,
    /// Live objects, locks not counted.
    pub objects: u64,
    /// Live locks.
    pub locks: u64,
}

/// A cheap copy of what a repository holds, at one entry of its log.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    live: OrdMap<Key, Object>,
    bin: OrdMap<(Key, Sequence), Binned>,
}

/// The state of a repository.
#[derive(Clone, Debug, Default)]
pub struct State {
    snapshot: Snapshot,
    /// SHA-256 of each space's `config`, the only object whose name does not say it.
    configs: BTreeMap<Space, Hash>,
    figures: BTreeMap<Space, Figures>,
    /// Byte-milliseconds of live objects by month, named by its first day.
    usage: BTreeMap<Date, u128>,
    /// The time of the last entry.
    last: Timestamp,
}

impl Snapshot {
    /// The object of a name at a moment.
    pub fn object(&self, key: &Key, moment: Moment) -> Option<Object> {
        let live = self.live.get(key).copied();
        match moment {
            Moment::Now => live,
            Moment::At(_) if key.kind == Kind::Lock => None,
            Moment::At(at) => live.filter(|object| object.at <= at).or_else(|| {
                let lives = self
                    .bin
                    .range((*key, Sequence::new(0))..=(*key, Sequence::new(u64::MAX)));
                lives
                    .map(|(_, binned)| binned)
                    .find(|binned| binned.visible(at))
                    .map(|b| b.object)
            }),
        }
    }

    /// The objects of one kind in one space at a moment, in the order of their names, from behind
    /// `after` on.
    pub fn list(
        &self,
        space: Space,
        kind: Kind,
        moment: Moment,
        after: Option<Hash>,
    ) -> impl Iterator<Item = (Hash, Object)> {
        let first = Key {
            space,
            kind,
            name: after.unwrap_or(Hash::ZERO),
        };
        let last = Key {
            space,
            kind,
            name: Hash::new([0xff; 32]),
        };
        let live = self
            .live
            .range(first..=last)
            .filter_map(move |(key, object)| match moment {
                Moment::At(at) if object.at > at || kind == Kind::Lock => None,
                Moment::Now | Moment::At(_) => Some((key.name, *object)),
            });
        let bin = self
            .bin
            .range((first, Sequence::new(0))..=(last, Sequence::new(u64::MAX)));
        let bin = bin.filter_map(move |((key, _), binned)| match moment {
            Moment::At(at) if binned.visible(at) => Some((key.name, binned.object)),
            Moment::Now | Moment::At(_) => None,
        });
        merge(live, bin).filter(move |(name, _)| after.is_none_or(|after| *name > after))
    }

    /// What is in the bin of one space, in the order of names.
    pub fn bin(&self, space: Space) -> impl Iterator<Item = (Key, Binned)> {
        let each = self
            .bin
            .iter()
            .filter(move |((key, _), _)| key.space == space);
        each.map(|((key, _), binned)| (*key, *binned))
    }
}

impl Binned {
    fn visible(&self, at: Timestamp) -> bool {
        self.object.at <= at && at < self.deleted
    }
}

/// Joins two sorted sequences into one.
fn merge(
    left: impl Iterator<Item = (Hash, Object)>,
    right: impl Iterator<Item = (Hash, Object)>,
) -> impl Iterator<Item = (Hash, Object)> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(a), Some(b)) if b.0 < a.0 => right.next(),
        (Some(_), _) => left.next(),
        (None, _) => right.next(),
    })
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
        meter(&mut usage, self.total().live, self.last, now.max(self.last));
        usage
            .values_mut()
            .for_each(|byte_millis| *byte_millis /= 1000);
        usage
    }

    /// Binned objects that may be purged at `now`, at most `limit`. A hold of `hold_days` keeps
    /// what it covers, whatever an object's own day says.
    pub fn purgeable(&self, now: Timestamp, hold_days: u32, limit: usize) -> Vec<(Key, Sequence)> {
        let today = Date::of(now);
        let due = self.snapshot.bin.iter().filter(|(_, binned)| {
            binned.until <= now && Date::of(binned.deleted).plus(hold_days) <= today
        });
        due.map(|(key, _)| *key).take(limit).collect()
    }

    /// Whether anything is in the bin.
    pub fn has_bin(&self) -> bool {
        !self.snapshot.bin.is_empty()
    }

    /// Takes one entry in.
    pub fn apply(&mut self, entry: &Entry, sequence: Sequence, place: Place) {
        let live = self.total().live;
        meter(&mut self.usage, live, self.last, entry.at());
        self.last = self.last.max(entry.at());
        match entry {
            Entry::Stored(stored) => self.store(stored, sequence, place),
            Entry::Deleted { key, at, until, .. } => self.hide(key, *at, *until),
            Entry::Purged { objects, .. } => objects.iter().for_each(|object| self.purge(object)),
            Entry::Restored { to, at, until } => self.restore(*to, *at, *until),
        }
    }

    fn store(&mut self, stored: &Stored, added: Sequence, place: Place) {
        let object = Object {
            size: stored.size,
            at: stored.at,
            added,
            place,
        };
        if stored.key.kind == Kind::Config {
            self.configs.insert(stored.key.space, stored.hash);
        }
        self.show(stored.key, object);
    }

    fn show(&mut self, key: Key, object: Object) {
        // An upload whose outcome a failing disk left unknown may stand in the log twice.
        if let Some(twin) = self.snapshot.live.get(&key).copied() {
            self.forget(&key, twin);
        }
        let figures = self.figures.entry(key.space).or_default();
        if key.kind == Kind::Lock {
            figures.locks += 1;
        } else {
            figures.live += object.size;
            figures.objects += 1;
        }
        self.snapshot.live.insert(key, object);
    }

    fn hide(&mut self, key: &Key, deleted: Timestamp, until: Timestamp) {
        let Some(object) = self.snapshot.live.get(key).copied() else {
            return;
        };
        self.forget(key, object);
        if key.kind == Kind::Lock {
            return;
        }
        self.figures.entry(key.space).or_default().bin += object.size;
        self.snapshot.bin.insert(
            (*key, object.added),
            Binned {
                object,
                deleted,
                until,
            },
        );
    }

    /// Takes a live object out of map and sums.
    fn forget(&mut self, key: &Key, object: Object) {
        self.snapshot.live.remove(key);
        let figures = self.figures.entry(key.space).or_default();
        if key.kind == Kind::Lock {
            figures.locks -= 1;
        } else {
            figures.live = figures.live.minus(object.size);
            figures.objects -= 1;
        }
    }

    fn purge(&mut self, object: &(Key, Sequence)) {
        if let Some(binned) = self.snapshot.bin.remove(object) {
            let figures = self.figures.entry(object.0.space).or_default();
            figures.bin = figures.bin.minus(binned.object.size);
        }
    }

    fn restore(&mut self, to: Timestamp, at: Timestamp, until: Timestamp) {
        let newer = self.snapshot.live.iter();
        let newer = newer.filter(|(key, object)| object.at > to && key.kind != Kind::Lock);
        // A repository keeps its config, or no client could open it.
        let newer: Vec<Key> = newer
            .map(|(key, _)| *key)
            .filter(|key| key.kind != Kind::Config)
            .collect();
        for key in newer {
            self.hide(&key, at, until);
        }
        let back = self
            .snapshot
            .bin
            .iter()
            .filter(|(_, binned)| binned.visible(to));
        let back: Vec<(Key, Sequence)> = back.map(|(key, _)| *key).collect();
        for (key, added) in back {
            let Some(binned) = self.snapshot.bin.remove(&(key, added)) else {
                continue;
            };
            let figures = self.figures.entry(key.space).or_default();
            figures.bin = figures.bin.minus(binned.object.size);
            self.show(key, binned.object);
        }
    }
}

/// Adds `size` times the milliseconds from one instant to another, month by month.
fn meter(usage: &mut BTreeMap<Date, u128>, size: Size, from: Timestamp, to: Timestamp) {
    let mut from = from;
    while from < to && size > Size::ZERO {
        let (month, next) = month(from);
        let until = next.start().min(to);
        let millis = until.since(from).as_millis();
        *usage.entry(month).or_default() += u128::from(size.as_bytes()) * millis;
        from = until;
    }
}

/// The first day of the month in which `time` lies, and of the next one.
fn month(time: Timestamp) -> (Date, Date) {
    let today = Date::of(time);
    let day: u32 = today
        .to_string()
        .get(8..10)
        .and_then(|day| day.parse().ok())
        .unwrap_or(1);
    let first = Date::from_days(today.days() - (day - 1));
    // No month has more than 31 days, and 31 days on lies always in the next one.
    let beyond = first.plus(31);
    let over: u32 = beyond
        .to_string()
        .get(8..10)
        .and_then(|day| day.parse().ok())
        .unwrap_or(1);
    (first, Date::from_days(beyond.days() - (over - 1)))
}
