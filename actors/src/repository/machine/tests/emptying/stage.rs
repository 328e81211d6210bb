//! A repository of which much is of no use any more, and how it is led along.

use super::*;

pub(in super::super) const MINUTE: Duration = Duration::from_secs(60);
pub(in super::super) const MIB: u64 = 1 << 20;

pub(in super::super) fn extent(number: u64) -> ExtentId {
    ExtentId::new(number)
}

/// A repository without a bin, in whose first extent lie objects of one MiB each.
pub(in super::super) fn filled(letters: std::ops::RangeInclusive<u8>) -> World {
    let mut world = World::new(Settings {
        bin_days: 0,
        ..settings(1 << 40)
    });
    for letter in letters {
        world.put(data(letter), MIB).unwrap();
    }
    world
}

impl World {
    /// Gives extents back as if nearly all in them were of no use, and forgets what stood there.
    pub(in super::super) fn empty(&mut self) {
        let open = extent(self.extents);
        self.feed(Event::Lost {
            extent: open,
            durable: None,
        });
        let length = 1 << 40;
        self.feed(Event::Sealed {
            extent: open,
            length,
        });
        // What was cut off by a recovery is done first.
        (self.audits, self.copies) = (Vec::new(), Vec::new());
        self.wait(MINUTE);
        self.feed(Event::Discarded { done: true });
        let now = self.now.monotonic;
        self.machine.emptying.purged(now);
        self.wait(MINUTE);
        let Some(audit) = self.audits.pop() else {
            return;
        };
        let held = holdings(&audit.snapshot, audit.until);
        let before = self.all_lives();
        self.feed(Event::Audited(Ok(held), None));
        for _ in 0..100 {
            if self.discards.last() == Some(&audit.until) {
                break;
            }
            if let Some((upload, place)) = self.copies.pop() {
                self.copy(upload, place);
            } else {
                self.feed(Event::Discarded { done: true });
                self.wait(MINUTE);
            }
        }
        assert_eq!(self.discards.last(), Some(&audit.until));
        self.feed(Event::Discarded { done: true });
        assert_eq!(self.all_lives(), before);
        self.records
            .retain(|record| record.place.extent > audit.until);
    }

    /// All that is known of all lives, but for where they lie.
    pub(in super::super) fn all_lives(&self) -> String {
        let held = self.machine.state().snapshot();
        let live = held.live.iter();
        let live = live.map(|(key, object)| format!("{key:?} {}", known(*object)));
        let bin = held.bin.iter().map(|((key, added), binned)| {
            let (object, deleted, until) = (known(binned.object), binned.deleted, binned.until);
            format!("{key:?} {added} {object} {deleted} {until}")
        });
        let configs = format!("{:?}", held.configs);
        let all: Vec<String> = live.chain(bin).chain([configs]).collect();
        all.join("\n")
    }

    /// What was stored by the entry at a place.
    pub(in super::super) fn stored(&self, place: Place) -> Stored {
        let mut records = self.records.iter();
        let entry = records.find(|record| record.place == place);
        let stored = entry.and_then(|record| record.entry.stored());
        stored.cloned().expect("an object at that place")
    }

    /// Writes an object again.
    pub(in super::super) fn copy(&mut self, upload: UploadId, place: Place) {
        let stored = self.stored(place);
        let mut left = stored.size.as_bytes();
        while left > 0 {
            let length = left.min(crate::repository::FRAME_BYTES as u64);
            self.frame(upload, length).unwrap();
            left -= length;
        }
        let result = Ok(stored);
        self.feed(Event::Copied(Copied {
            upload,
            result,
            storage: None,
        }));
    }
}

pub(in super::super) fn known(object: crate::repository::Object) -> String {
    let (since, added) = (object.since, object.added);
    format!("{:?} {} {since} {added}", object.size, object.at)
}

/// The extent that is open ends, and the next one begins.
pub(in super::super) fn seal(world: &mut World, length: u64) {
    let open = extent(world.extents);
    world.feed(Event::Lost {
        extent: open,
        durable: None,
    });
    world.feed(Event::Sealed {
        extent: open,
        length,
    });
    // The first frame opens the next one.
    world
        .put(key(Kind::Snapshot, world.extents as u8), 1)
        .unwrap();
}

/// Deletes objects, and lets them be purged.
pub(in super::super) fn purge(world: &mut World, letters: std::ops::RangeInclusive<u8>) {
    for letter in letters {
        world.delete(data(letter)).unwrap();
    }
    world.wait(MINUTE);
    world.trust();
    world.wait(HOUR);
}
