//! What changes when an object is written again: where it lies, and nothing else.

use super::State;
use crate::kernel::Sequence;
use crate::object::{Key, Kind};
use crate::repository::checkpoint::Row;
use crate::repository::entry::{Moved, Place, Span};
use crate::repository::snapshot::{Binned, Object};

impl State {
    /// All lives of the object of a name whose entry lies at a place.
    pub(in crate::repository) fn spans(&self, key: &Key, place: Place) -> Vec<Span> {
        let span = |object: &Object, ended| Span {
            added: object.added,
            since: object.since,
            ended,
        };
        let live = self.snapshot.live.get(key);
        let live = live.filter(|object| object.place == place);
        let lives = self.snapshot.lives(key).map(|(_, binned)| binned);
        let lives = lives.filter(|binned| binned.object.place == place);
        lives
            .map(|binned| span(&binned.object, Some((binned.deleted, binned.until))))
            .chain(live.map(|object| span(object, None)))
            .collect()
    }

    /// Gives the lives of an object to the entry that moves it. Those that are not known stood in
    /// extents that are gone.
    pub(super) fn relocate(&mut self, moved: &Moved, place: Place) {
        let (stored, key) = (&moved.stored, moved.stored.key);
        for span in &moved.lives {
            self.take_out(key, span.added);
        }
        self.shared.remove(&moved.from);
        if moved.lives.iter().any(|span| span.since > stored.at) {
            self.shared.insert(place);
        }
        if key.kind == Kind::Config {
            self.snapshot.configs.insert(key.space, stored.hash);
        }
        for span in &moved.lives {
            let object = Object {
                size: stored.size,
                at: stored.at,
                since: span.since,
                added: span.added,
                place,
                first: stored.first(place),
            };
            match span.ended {
                None => {
                    self.changed.note(Row::Live(key));
                    self.change(key, object, |snapshot| {
                        snapshot.live.insert(key, object);
                    });
                }
                Some((deleted, until)) => {
                    let binned = Binned {
                        object,
                        deleted,
                        until,
                    };
                    self.changed.note(Row::Bin((key, object.added)));
                    self.change(key, object, |snapshot| {
                        snapshot.bin.insert((key, object.added), binned);
                    });
                }
            }
        }
    }

    /// Takes out one life, as if it had never been.
    fn take_out(&mut self, key: Key, added: Sequence) {
        let live = self.snapshot.live.get(&key).copied();
        if let Some(object) = live.filter(|object| object.added == added) {
            self.changed.note(Row::Live(key));
            self.change(key, object, |snapshot| {
                snapshot.live.remove(&key);
            });
        }
        self.purge(&(key, added));
    }
}
