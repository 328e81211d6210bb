//! What the oracle knows when the repository of a shelf goes, when another takes its place, and
//! when it shows again what it showed before.

use std::collections::BTreeMap;

use holdfast_actors::object::{Hash, Kind};

use super::{Name, Object, Oracle, ShelfId, Told};

/// All that a shelf shows, but for its locks and its `config`, which no instant changes: sizes and
/// hashes by name.
pub(crate) type Contents = BTreeMap<Name, (u64, Hash)>;

/// Kinds that a repository keeps as they are when it shows what it showed before.
const APART: [Kind; 2] = [Kind::Lock, Kind::Config];

impl Oracle {
    /// The repository of a shelf may go from now on.
    pub(crate) fn may_go(&mut self, shelf: ShelfId) {
        self.tick += 1;
        self.homes[shelf].in_doubt = true;
    }

    /// It did not go.
    pub(crate) fn stays(&mut self, shelf: ShelfId) {
        self.tick += 1;
        let tick = self.tick;
        self.homes[shelf].in_doubt = false;
        // What was said meanwhile proves nothing.
        for object in self.shelves[shelf].values_mut() {
            object.changed = tick;
        }
    }

    /// It went, with all that it held. What is under way may yet come to the next one.
    pub(crate) fn goes(&mut self, shelf: ShelfId) {
        self.tick += 1;
        let tick = self.tick;
        let home = &mut self.homes[shelf];
        self.shelves[shelf].retain(|name, object| {
            let stays = object.under_way > 0;
            if stays {
                (object.told, object.is_muddled, object.changed) = (Told::Either, true, tick);
                object.stored = None;
            } else {
                home.former.insert(*name);
            }
            stays
        });
        self.deletions.retain(|deletion| deletion.shelf != shelf);
    }

    /// Another is made in its place.
    pub(crate) fn comes(&mut self, shelf: ShelfId) {
        self.tick += 1;
        let home = &mut self.homes[shelf];
        (home.in_doubt, home.since) = (false, self.tick);
    }

    /// Whether the repository of a shelf is certain, and the same since a tick.
    pub(crate) fn is_settled(&self, shelf: ShelfId, since: u64) -> bool {
        let home = &self.homes[shelf];
        !home.in_doubt && home.since <= since
    }

    /// Whether a name was in a former repository of a shelf, and was never stored since.
    pub(crate) fn is_former(&self, shelf: ShelfId, name: &Name) -> bool {
        self.homes[shelf].former.contains(name) && !self.shelves[shelf].contains_key(name)
    }

    /// All that a shelf shows; none while any of it is not known.
    pub(crate) fn contents(&self, shelf: ShelfId) -> Option<Contents> {
        if self.homes[shelf].in_doubt {
            return None;
        }
        let mut contents = Contents::new();
        for (name, object) in &self.shelves[shelf] {
            let is_apart = APART.contains(&name.0);
            match object.told {
                _ if is_apart => {}
                _ if object.under_way > 0 => return None,
                Told::Present => drop(contents.insert(*name, (object.size, object.hash))),
                Told::Absent => {}
                Told::Either => return None,
            }
        }
        Some(contents)
    }

    /// What a shelf shows may change altogether from now on.
    pub(crate) fn blurs(&mut self, shelf: ShelfId) {
        self.each(shelf, |object, _| object.told = Told::Either);
    }

    /// A shelf shows this, and nothing else.
    pub(crate) fn shows(&mut self, shelf: ShelfId, contents: &Contents) {
        self.each(shelf, |object, name| {
            object.told = if contents.contains_key(name) {
                Told::Present
            } else {
                Told::Absent
            };
        });
    }

    fn each(&mut self, shelf: ShelfId, mut tell: impl FnMut(&mut Object, &Name)) {
        self.tick += 1;
        let tick = self.tick;
        for (name, object) in &mut self.shelves[shelf] {
            if !APART.contains(&name.0) {
                tell(object, name);
                (object.stored, object.changed) = (None, tick);
            }
        }
    }
}
