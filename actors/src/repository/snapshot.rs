//! What a repository holds, and held, at one entry of its log.
//!
//! An object that is deleted and brought back lives more than once: each life is visible from one
//! instant up to another, no two lives of one name overlap, and so every instant has one view.

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::entry::Place;
use crate::kernel::{ExtentId, Sequence, Size, Space, Timestamp};
use crate::object::{Hash, Key, Kind};

/// One object, as the repository keeps it in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its length.
    pub size: Size,
    /// When it was taken in.
    pub at: Timestamp,
    /// Since when it is visible in this life: later than it was taken in if it was brought back.
    pub since: Timestamp,
    /// The number of the entry that began this life.
    pub added: Sequence,
    /// Where the entry that stored it lies.
    pub place: Place,
    /// The oldest extent that has anything of it: its entry, or bytes from before the extent of its
    /// entry was begun.
    pub first: ExtentId,
}

/// A life of an object that has ended.
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

/// A life of an object: its name, and the number of the entry that began it.
pub type Life = (Key, Sequence);

/// A cheap copy of what a repository holds, at one entry of its log.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub(super) live: OrdMap<Key, Object>,
    pub(super) bin: OrdMap<Life, Binned>,
    /// SHA-256 of each space's `config`, the only object whose name does not say it.
    pub(super) configs: OrdMap<Space, Hash>,
}

impl Snapshot {
    /// The object of a name at a moment.
    pub fn object(&self, key: &Key, moment: Moment) -> Option<Object> {
        let live = self.live.get(key).copied();
        match moment {
            Moment::Now => live,
            Moment::At(_) if key.kind == Kind::Lock => None,
            Moment::At(at) => live.filter(|object| object.since <= at).or_else(|| {
                let mut lives = self.lives(key);
                let visible = lives.find(|(_, binned)| binned.is_visible(at));
                visible.map(|(_, binned)| binned.object)
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
                Moment::At(at) if object.since > at || kind == Kind::Lock => None,
                Moment::Now | Moment::At(_) => Some((key.name, *object)),
            });
        let bin = self
            .bin
            .range((first, Sequence::new(0))..=(last, Sequence::new(u64::MAX)));
        let bin = bin.filter_map(move |((key, _), binned)| match moment {
            Moment::At(at) if binned.is_visible(at) => Some((key.name, binned.object)),
            Moment::Now | Moment::At(_) => None,
        });
        merge(live, bin).filter(move |(name, _)| after.is_none_or(|after| *name > after))
    }

    /// How many objects are kept, live or in the bin, of all spaces.
    pub fn count(&self) -> u64 {
        self.live.len() as u64 + self.bin.len() as u64
    }

    /// All lives that have ended and are kept, of all spaces.
    pub fn binned(&self) -> impl Iterator<Item = Binned> {
        self.bin.iter().map(|(_, binned)| *binned)
    }

    /// All that is kept, live or in the bin, of all spaces.
    pub fn everything(&self) -> impl Iterator<Item = (Key, Object)> {
        let live = self.live.iter().map(|(key, object)| (*key, *object));
        live.chain(
            self.bin
                .iter()
                .map(|((key, _), binned)| (*key, binned.object)),
        )
    }

    /// What is in the bin of one space and not live again, in the order of names.
    pub fn bin(&self, space: Space) -> impl Iterator<Item = (Key, Binned)> {
        let each = self
            .bin
            .iter()
            .filter(move |((key, _), _)| key.space == space);
        each.map(|((key, _), binned)| (*key, *binned))
            .filter(|(key, binned)| !self.is_live(key, binned.object.place))
    }

    /// The lives of one name that have ended and are not purged, the oldest first.
    pub(super) fn lives(&self, key: &Key) -> impl Iterator<Item = (Life, Binned)> {
        let all = (*key, Sequence::new(0))..=(*key, Sequence::new(u64::MAX));
        self.bin.range(all).map(|(life, binned)| (*life, *binned))
    }

    /// Whether the bin, and no live object, has the bytes at a place of one name.
    pub(super) fn is_bin_only(&self, key: &Key, place: Place) -> bool {
        let mut lives = self.lives(key);
        !self.is_live(key, place) && lives.any(|(_, binned)| binned.object.place == place)
    }

    /// Whether any life, ended or not, has the bytes at a place of one name.
    pub(super) fn is_held(&self, key: &Key, place: Place) -> bool {
        self.is_live(key, place)
            || self
                .lives(key)
                .any(|(_, binned)| binned.object.place == place)
    }

    fn is_live(&self, key: &Key, place: Place) -> bool {
        let live = self.live.get(key);
        live.is_some_and(|object| object.place == place)
    }
}

impl Binned {
    /// Whether it was visible at that instant.
    pub fn is_visible(&self, at: Timestamp) -> bool {
        self.object.since <= at && at < self.deleted
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
