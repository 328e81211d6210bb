//! Repositories that are lists of objects, as they were at any instant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use bytes::Bytes;
use holdfast_actors::kernel::{RepositoryId, Timestamp};
use holdfast_actors::object::Key;
use holdfast_actors::ports::Pending;

use super::world::{KIB, ready};
use crate::ports::{Failed, Item, Pieces, Repositories};

pub(super) struct Stored {
    pub(super) item: Item,
    pub(super) bytes: Bytes,
    pub(super) added: Timestamp,
    pub(super) hidden: Option<Timestamp>,
}

/// Repositories as lists.
#[derive(Default)]
pub(super) struct Cloud {
    pub(super) stored: Mutex<BTreeMap<RepositoryId, Vec<Stored>>>,
    /// Of which reading breaks off.
    pub(super) broken: Mutex<BTreeSet<RepositoryId>>,
}

impl Cloud {
    pub(super) fn shown(&self, id: RepositoryId, at: Timestamp) -> BTreeMap<Key, Item> {
        let stored = self.stored.lock().unwrap();
        let all = stored.get(&id).into_iter().flatten();
        let shown = all.filter(|it| it.added <= at && it.hidden.is_none_or(|hidden| hidden > at));
        shown.map(|it| (it.item.key, it.item)).collect()
    }

    pub(super) fn bytes(&self, id: RepositoryId, key: Key) -> Bytes {
        let stored = self.stored.lock().unwrap();
        let found = stored[&id].iter().find(|it| it.item.key == key);
        found.unwrap().bytes.clone()
    }
}

struct Cut {
    bytes: Bytes,
    breaks: bool,
}

impl Pieces for Cut {
    fn next(&mut self) -> Pending<Result<Option<Bytes>, Failed>> {
        if self.bytes.is_empty() {
            return ready(Ok(None));
        }
        if self.breaks && self.bytes.len() < 40 * KIB {
            return ready(Err(Failed::Other("the disk is gone".to_owned())));
        }
        let length = self.bytes.len().min(30 * KIB);
        ready(Ok(Some(self.bytes.split_to(length))))
    }
}

impl Repositories for Cloud {
    fn view(&self, id: RepositoryId, at: Timestamp) -> Pending<Result<Vec<Item>, Failed>> {
        ready(Ok(self.shown(id, at).into_values().collect()))
    }

    fn read(&self, id: RepositoryId, item: Item) -> Pending<Result<Box<dyn Pieces>, Failed>> {
        let bytes = self.bytes(id, item.key);
        let breaks = self.broken.lock().unwrap().contains(&id);
        ready(Ok(Box::new(Cut { bytes, breaks })))
    }

    fn write(&self, _: RepositoryId, _: Item, _: Box<dyn Pieces>) -> Pending<Result<(), Failed>> {
        unreachable!("an archive writes to no repository")
    }

    fn hide(&self, _: RepositoryId, _: Key) -> Pending<Result<(), Failed>> {
        unreachable!("an archive hides nothing")
    }
}
