//! What clients were told, and so what must be true.
//!
//! An acknowledged upload must be restorable to the byte; an acknowledged deletion must be gone.
//! What failed or was never answered may be there, whole, or not be there. The oracle never looks
//! into the node.

mod former;

use std::collections::{BTreeMap, BTreeSet};

use holdfast_actors::kernel::Timestamp;
use holdfast_actors::object::{Hash, Kind};

use crate::trace::Micros;

pub(crate) use former::Contents;

/// An object's name within a shelf.
pub(crate) type Name = (Kind, Hash);

/// One part of one repository: what one tenant or subtenant sees. A number of the run.
pub(crate) type ShelfId = usize;

/// Which state an object may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// Either.
    Either,
}

/// An object as clients know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object {
    pub(crate) size: u64,
    pub(crate) hash: Hash,
    pub(crate) told: Told,
    /// When it was acknowledged, by a wall clock that had never been ahead.
    pub(crate) stored: Option<Timestamp>,
    /// Requests that may change it now.
    under_way: u32,
    /// More than one of them at once: their order is not known.
    is_muddled: bool,
    /// The tick of the last begin or end of a request that may change it.
    changed: u64,
}

/// A request that may change an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    pub(crate) shelf: ShelfId,
    pub(crate) name: Name,
    target: Told,
}

/// How such a request came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Acknowledged.
    Done,
    /// Refused before anything could have happened.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// An object that was there and whose deletion was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deletion {
    pub(crate) shelf: ShelfId,
    pub(crate) name: Name,
    pub(crate) hash: Hash,
    /// An instant at which it was there, by the wall clock.
    pub(crate) before: Timestamp,
    /// When it was deleted, and so begins to count its days.
    pub(crate) at: Micros,
    /// What the wall clock had leapt forward by then.
    pub(crate) leaps: Micros,
    /// Days that it stays for its tenant's bin.
    pub(crate) bin_days: u32,
    /// Days that its repository was held.
    pub(crate) hold_days: u32,
}

/// What becomes of the repository that a shelf is in.
#[derive(Clone, Debug, Default)]
struct Home {
    /// It may be gone, or another may be made in its place: nothing is judged meanwhile.
    in_doubt: bool,
    /// The tick since which it is this one.
    since: u64,
    /// Names that were in those before.
    former: BTreeSet<Name>,
}

/// All shelves.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    shelves: Vec<BTreeMap<Name, Object>>,
    /// What is known of the repository that a shelf is in, one for each.
    homes: Vec<Home>,
    pub(crate) deletions: Vec<Deletion>,
    tick: u64,
}

impl Oracle {
    /// An oracle of so many shelves.
    pub(crate) fn new(shelves: usize) -> Self {
        Self {
            shelves: vec![BTreeMap::new(); shelves],
            homes: vec![Home::default(); shelves],
            ..Self::default()
        }
    }

    /// An upload begins.
    pub(crate) fn stores(&mut self, shelf: ShelfId, name: Name, size: u64, hash: Hash) -> Act {
        self.tick += 1;
        let unknown = Object {
            size,
            hash,
            told: Told::Absent,
            stored: None,
            under_way: 0,
            is_muddled: false,
            changed: 0,
        };
        let object = self.shelves[shelf].entry(name).or_insert(unknown);
        object.begin(self.tick);
        object.is_muddled |= self.homes[shelf].in_doubt;
        Act {
            shelf,
            name,
            target: Told::Present,
        }
    }

    /// A deletion begins; none if nobody ever heard of the object.
    pub(crate) fn deletes(&mut self, shelf: ShelfId, name: Name) -> Option<Act> {
        self.tick += 1;
        let object = self.shelves[shelf].get_mut(&name)?;
        object.begin(self.tick);
        object.is_muddled |= self.homes[shelf].in_doubt;
        Some(Act {
            shelf,
            name,
            target: Told::Absent,
        })
    }

    /// A request comes to its end; tells the object as it was before, if this request alone
    /// changed it.
    pub(crate) fn ends(&mut self, act: &Act, end: End) -> Option<(Object, Told)> {
        self.tick += 1;
        let object = self.shelves[act.shelf].get_mut(&act.name)?;
        let before = *object;
        object.changed = self.tick;
        object.under_way = object.under_way.saturating_sub(1);
        object.told = match end {
            _ if object.is_muddled => Told::Either,
            End::Done => act.target,
            End::Refused => before.told,
            End::Unknown if before.told == act.target => before.told,
            End::Unknown => Told::Either,
        };
        if object.told != Told::Present || before.told != Told::Present {
            object.stored = None;
        }
        if object.under_way == 0 {
            object.is_muddled = false;
        }
        (!before.is_muddled).then_some((before, object.told))
    }

    /// Notes when an object was acknowledged.
    pub(crate) fn stored(&mut self, act: &Act, wall: Timestamp) {
        if let Some(object) = self.shelves[act.shelf].get_mut(&act.name)
            && object.told == Told::Present
            && object.stored.is_none()
        {
            object.stored = Some(wall);
        }
    }

    /// Requests under way will never be answered.
    pub(crate) fn crash(&mut self) {
        self.tick += 1;
        for object in self.shelves.iter_mut().flat_map(BTreeMap::values_mut) {
            if object.under_way > 0 {
                object.told = Told::Either;
                object.stored = None;
                object.is_muddled = false;
                object.changed = self.tick;
                object.under_way = 0;
            }
        }
    }

    /// The present tick: whoever looks from now on may be judged by what does not change meanwhile.
    pub(crate) const fn tick(&self) -> u64 {
        self.tick
    }

    /// Objects of a shelf that nobody has touched since a tick.
    pub(crate) fn still(&self, shelf: ShelfId, since: u64) -> impl Iterator<Item = (Name, Object)> {
        let all = self.shelves[shelf].iter();
        let settled = !self.homes[shelf].in_doubt;
        let still = all
            .filter(move |(_, object)| settled && object.under_way == 0 && object.changed <= since);
        still.map(|(name, object)| (*name, *object))
    }

    /// One object.
    pub(crate) fn object(&self, shelf: ShelfId, name: &Name) -> Option<Object> {
        self.shelves[shelf].get(name).copied()
    }

    /// At a quiet point: what is there, where both was possible, is what is true from now on.
    pub(crate) fn learn(&mut self, shelf: ShelfId, name: &Name, is_there: bool) {
        if let Some(object) = self.shelves[shelf].get_mut(name)
            && object.told == Told::Either
            && object.under_way == 0
        {
            object.told = if is_there {
                Told::Present
            } else {
                Told::Absent
            };
        }
    }

    /// Bytes of the objects of a kind that are there for certain: whatever they cost is charged.
    pub(crate) fn certain(&self, shelf: ShelfId, kind: Kind) -> u64 {
        let all = self.shelves[shelf].iter();
        let is_stored = |object: &Object| object.under_way == 0 && object.told == Told::Present;
        all.filter(|((of, _), object)| *of == kind && is_stored(object))
            .map(|(_, object)| object.size)
            .sum()
    }

    /// Bytes of all objects of a kind that anybody ever tried to store.
    pub(crate) fn known(&self, shelf: ShelfId, kind: Kind) -> u64 {
        let all = self.shelves[shelf].iter();
        all.filter(|((of, _), _)| *of == kind)
            .map(|(_, object)| object.size)
            .sum()
    }
}

impl Object {
    fn begin(&mut self, tick: u64) {
        self.changed = tick;
        self.is_muddled |= self.under_way > 0;
        self.under_way += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Name = (Kind::Data, Hash::ZERO);

    fn told(oracle: &Oracle) -> Told {
        oracle.object(0, &NAME).unwrap().told
    }

    #[test]
    fn an_upload_is_there_when_acknowledged_and_unknown_when_not_answered() {
        let mut oracle = Oracle::new(1);
        let act = oracle.stores(0, NAME, 1, Hash::ZERO);
        oracle.ends(&act, End::Unknown);
        assert_eq!(told(&oracle), Told::Either);
        let act = oracle.stores(0, NAME, 1, Hash::ZERO);
        oracle.ends(&act, End::Done);
        assert_eq!(told(&oracle), Told::Present);
        let act = oracle.stores(0, NAME, 1, Hash::ZERO);
        oracle.ends(&act, End::Unknown);
        assert_eq!(
            told(&oracle),
            Told::Present,
            "the same bytes again change nothing"
        );
    }

    #[test]
    fn two_requests_at_once_leave_it_open_which_was_the_last() {
        let mut oracle = Oracle::new(1);
        let store = oracle.stores(0, NAME, 1, Hash::ZERO);
        let delete = oracle.deletes(0, NAME).unwrap();
        oracle.ends(&store, End::Done);
        oracle.ends(&delete, End::Done);
        assert_eq!(told(&oracle), Told::Either);
    }

    #[test]
    fn a_crash_leaves_open_what_was_under_way() {
        let mut oracle = Oracle::new(1);
        let act = oracle.stores(0, NAME, 1, Hash::ZERO);
        oracle.ends(&act, End::Done);
        oracle.deletes(0, NAME);
        let tick = oracle.tick();
        assert_eq!(oracle.still(0, tick).count(), 0);
        oracle.crash();
        assert_eq!(told(&oracle), Told::Either);
    }
}
