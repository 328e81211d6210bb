//! What is given to the tape, and what becomes of it.

use holdfast_actors::catalog::tape::SetCommand;
use holdfast_actors::kernel::Timestamp;
use std::collections::BTreeSet;

use super::{Archive, Content, Effect, Lot, Told};
use crate::format::{End, Row};

impl Archive {
    /// Gives the next object to the tape, once there is one that takes it.
    pub(super) fn feed(&mut self, now: Timestamp) -> Option<Effect> {
        let Some(loaded) = &self.loaded else {
            return self.load();
        };
        if loaded.is_opening {
            return self.open(now);
        }
        let key = loaded.key;
        let current = self.current.as_mut()?;
        let piece = current.queue.pop_front()?;
        if current.present.contains(&piece.place) {
            // The tape had it already.
            if let Some(work) = current.runs.get_mut(piece.run) {
                work.left -= 1;
            }
            self.settle(piece.run);
            return None;
        }
        let next = current.queue.iter().find_map(|piece| match piece.content {
            Content::Object(id, item) => Some((id, item)),
            Content::List(_) => None,
        });
        current.given.push_back(piece.clone());
        Some(Effect::Put { piece, next, key })
    }

    pub(super) fn told(&mut self, told: Vec<Told>) {
        for told in told {
            match told {
                Told::Committed(rows) => self.committed(rows.0),
                Told::Unsound => self.unsound(),
                Told::Fed(gauge) => self.fed = gauge,
                Told::Ended(End::Sealed(_) | End::Full) => {
                    self.take_back();
                    self.full();
                }
                Told::Ended(End::Failed) | Told::Lost => {
                    self.take_back();
                    self.failed();
                }
            }
        }
    }

    /// The shelf first, then the catalog: what it counts can be found.
    fn committed(&mut self, rows: Vec<Row>) {
        let (Some(current), Some(loaded)) = (&mut self.current, &mut self.loaded) else {
            return;
        };
        let (medium, Some(set)) = (loaded.medium, current.set) else {
            return;
        };
        if rows.is_empty() {
            return;
        }
        let head = loaded.count(&rows);
        let places: BTreeSet<_> = rows.iter().map(|row| row.path.clone()).collect();
        let mut settled = BTreeSet::new();
        current.given.retain(|piece| {
            let is_safe = places.contains(&piece.place);
            if let (true, Some(work)) = (is_safe, current.runs.get_mut(piece.run)) {
                work.left -= 1;
                settled.insert(piece.run);
            }
            !is_safe
        });
        current.present.extend(places);
        self.todo.push_back(Effect::Shelve(medium, Lot(rows)));
        self.tell_set(set, SetCommand::Committed { medium, head });
        for run in settled {
            self.settle(run);
        }
    }

    /// A source that cannot be read fails its repository, and no other.
    fn unsound(&mut self) {
        self.has_failed = true;
        let Some(current) = &mut self.current else {
            return;
        };
        current.has_failed = true;
        let Some(piece) = current.given.pop_back() else {
            return;
        };
        if let Some(work) = current.runs.get_mut(piece.run) {
            work.has_failed = true;
        }
        current.queue.retain(|other| other.run != piece.run);
    }

    /// What was given to the tape and is not on it for good goes on the next one.
    fn take_back(&mut self) {
        if let Some(current) = &mut self.current {
            current.is_sealed = false;
            let failed = |run: usize| current.runs.get(run).is_none_or(|it| it.has_failed);
            current.given.retain(|piece| !failed(piece.run));
            current.given.append(&mut current.queue);
            std::mem::swap(&mut current.given, &mut current.queue);
        }
    }
}
