//! What tenants were told of their repositories, and what may so be on a tape.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use holdfast_actors::kernel::{RepositoryId, Size, Space, Timestamp};
use holdfast_actors::object::{Hash, Key, Kind};
use holdfast_actors::ports::Pending;
use holdfast_tape::format::Sum;
use holdfast_tape::ports::{Failed, Item, Pieces};
use sha2::{Digest, Sha256};

use crate::dice::Dice;

/// One object: from when on it may be seen, from when on it must be, and the same of its end.
#[derive(Clone, Copy, Debug)]
struct Thing {
    begun: Timestamp,
    stored: Option<Timestamp>,
    leaving: Option<Timestamp>,
    gone: Option<Timestamp>,
}

/// What one repository showed since the last time that it was put back.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    since: Timestamp,
    /// From then on nobody knows what it shows.
    until: Option<Timestamp>,
    things: BTreeMap<Key, Thing>,
}

/// All repositories.
#[derive(Debug, Default)]
pub(super) struct Shop {
    accounts: BTreeMap<RepositoryId, Account>,
    /// They are being put back, or were when it was looked last: nobody knows what they show.
    pub(super) doubtful: BTreeSet<RepositoryId>,
}

/// An object as somebody makes it.
pub(super) struct Made {
    pub(super) item: Item,
    pub(super) bytes: Bytes,
}

/// A new object, of random bytes.
pub(super) fn make(kind: Kind, dice: &mut Dice) -> Made {
    let large = dice.one_in(4);
    let length = 1 + dice.below(if large { 900_000 } else { 5_000 });
    let mut bytes = vec![0; length as usize];
    dice.fill(&mut bytes);
    let sum: [u8; 32] = Sha256::digest(&bytes).into();
    let name = if kind == Kind::Config {
        Hash::ZERO
    } else {
        Hash::new(sum)
    };
    Made {
        item: Item {
            key: Key {
                space: Space::TENANT,
                kind,
                name,
            },
            length: Size::bytes(length),
            sha256: Sum::new(sum),
        },
        bytes: bytes.into(),
    }
}

/// Its bytes, in pieces.
pub(super) struct Parts(pub(super) Bytes);

impl Pieces for Parts {
    fn next(&mut self) -> Pending<Result<Option<Bytes>, Failed>> {
        let length = self.0.len().min(100_000);
        let piece = self.0.split_to(length);
        let piece = (!piece.is_empty()).then_some(piece);
        Box::pin(async { Ok(piece) })
    }
}

impl Shop {
    /// Somebody begins to store an object.
    pub(super) fn storing(&mut self, id: RepositoryId, key: Key, at: Timestamp) {
        let thing = Thing {
            begun: at,
            stored: None,
            leaving: None,
            gone: None,
        };
        self.of(id).things.insert(key, thing);
    }

    /// It was acknowledged.
    pub(super) fn stored(&mut self, id: RepositoryId, key: Key, at: Timestamp) {
        if let Some(thing) = self.of(id).things.get_mut(&key) {
            thing.stored = Some(at);
        }
    }

    /// Somebody begins to delete it.
    pub(super) fn leaving(&mut self, id: RepositoryId, key: Key, at: Timestamp) {
        if let Some(thing) = self.of(id).things.get_mut(&key) {
            thing.leaving = Some(at);
        }
    }

    /// That was acknowledged.
    pub(super) fn gone(&mut self, id: RepositoryId, key: Key, at: Timestamp) {
        if let Some(thing) = self.of(id).things.get_mut(&key) {
            thing.gone = Some(at);
        }
    }

    /// It is put back from now on.
    pub(super) fn doubt(&mut self, id: RepositoryId, at: Timestamp) {
        self.of(id).until.get_or_insert(at);
        self.doubtful.insert(id);
    }

    fn of(&mut self, id: RepositoryId) -> &mut Account {
        self.accounts.entry(id).or_default()
    }

    /// What it shows now is known again.
    pub(super) fn look(&mut self, id: RepositoryId, shown: &[Item], at: Timestamp) {
        let thing = |item: &Item| {
            let thing = Thing {
                begun: at,
                stored: Some(at),
                leaving: None,
                gone: None,
            };
            (item.key, thing)
        };
        let things = shown.iter().map(thing).collect();
        let account = Account {
            since: at,
            until: None,
            things,
        };
        self.accounts.insert(id, account);
        self.doubtful.remove(&id);
    }

    /// Objects that may be deleted.
    pub(super) fn settled(&self, id: RepositoryId) -> Vec<Key> {
        let things = self.accounts.get(&id).map(|account| &account.things);
        let all = things.into_iter().flatten();
        let settled = all.filter(|(key, thing)| {
            key.kind != Kind::Config && thing.stored.is_some() && thing.leaving.is_none()
        });
        settled.map(|(key, _)| *key).collect()
    }

    /// Whether anything was ever stored there.
    pub(super) fn knows(&self, id: RepositoryId) -> bool {
        self.accounts.contains_key(&id)
    }

    /// What a view of that instant must have and what it may have; none if nobody knows.
    pub(super) fn view(
        &self,
        id: RepositoryId,
        at: Timestamp,
    ) -> Option<(BTreeSet<Key>, BTreeSet<Key>)> {
        let account = self.accounts.get(&id)?;
        let is_before = at <= account.since && account.since != Timestamp::default();
        if is_before || account.until.is_some_and(|until| at >= until) {
            return None;
        }
        let mut sets = (BTreeSet::new(), BTreeSet::new());
        for (key, thing) in &account.things {
            let is_in = thing.stored.is_some_and(|stored| stored < at);
            if is_in && thing.leaving.is_none_or(|leaving| leaving > at) {
                sets.0.insert(*key);
            }
            if thing.begun <= at && thing.gone.is_none_or(|gone| gone >= at) {
                sets.1.insert(*key);
            }
        }
        Some(sets)
    }
}
