//! What cannot be read when its extent is emptied: it stays, and what is behind it goes.

use super::emptying::stage::*;
use super::*;
use crate::repository::audit::holdings;
use crate::repository::event::{Copied, Uncopied};

impl World {
    /// The log answers what it was asked, and names all that is held.
    fn answer_audit(&mut self) {
        let audit = self.audits.pop().expect("the log is asked");
        let held = holdings(&audit.snapshot, audit.until);
        self.feed(Event::Audited(Ok(held), None));
    }

    /// The object that is to be written again cannot be read.
    fn leave_unread(&mut self) {
        let (upload, place) = self.copies.pop().expect("a copy is made");
        let stored = Box::new(self.stored(place));
        let result = Err(Uncopied::Unread(stored));
        let storage = None;
        self.feed(Event::Copied(Copied {
            upload,
            result,
            storage,
        }));
    }

    /// Emptied extents are gone, and what stood there.
    fn gone(&mut self) {
        let until = *self.discards.last().expect("extents go");
        self.records.retain(|record| record.place.extent > until);
        self.feed(Event::Discarded { done: true });
        self.wait(MINUTE);
    }

    /// Leads along what is done to give space back; object 4 cannot be read. Gives how often that
    /// was tried.
    fn lead(&mut self) -> usize {
        let (mut tried, mut gone) = (0, self.discards.len());
        for _ in 0..50 {
            if let Some((upload, place)) = self.copies.last().copied() {
                if self.stored(place).key == data(4) {
                    self.leave_unread();
                    tried += 1;
                } else {
                    self.copies.clear();
                    self.copy(upload, place);
                }
            } else if !self.audits.is_empty() {
                self.answer_audit();
            } else if self.discards.len() > gone {
                gone = self.discards.len();
                self.gone();
            }
        }
        tried
    }

    fn stranded(&self) -> usize {
        let strands = |record: &&Record| matches!(record.entry, Entry::Stranded(_));
        self.records.iter().filter(strands).count()
    }
}

/// Two extents of which most is purged; of the first, object 4 counts and cannot be read.
fn with_a_stray() -> World {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB + 2_000);
    for letter in 5..=8 {
        world.put(data(letter), MIB).unwrap();
    }
    seal(&mut world, 4 * MIB + 2_000);
    purge(&mut world, 1..=3);
    world.answer_audit();
    world.leave_unread();
    world
}

#[test]
fn an_extent_with_an_object_that_cannot_be_read_is_stepped_over() {
    let mut world = with_a_stray();
    assert_eq!(world.discards, [extent(1)]);
    assert_eq!(
        world.kept,
        BTreeMap::from([(extent(1), true)]),
        "it is news"
    );
    world.gone();
    let is_kept = ["extent-1 is kept: an object in it cannot be read"];
    assert_eq!(world.machine.waits(), is_kept);
    let before = world.all_lives();
    purge(&mut world, 5..=8);
    let audit = &world.audits[0];
    assert_eq!((audit.until, audit.emptied), (extent(2), extent(1)));
    assert!(audit.extents.contains_key(&extent(1)), "bytes are there");
    assert_eq!(world.lead(), 0, "it was tried in this life");
    assert_eq!(world.discards.last(), Some(&extent(2)));
    assert_eq!(world.kept, BTreeMap::from([(extent(1), false)]));
    let object = world.machine.state().held().object(&data(4), Moment::Now);
    let object = object.expect("it is there");
    assert_eq!((object.first, object.size), (extent(1), Size::bytes(MIB)));
    assert!(object.place.extent > extent(2), "its entry was said again");
    assert_eq!(world.stranded(), 1);
    assert!(before.contains(&format!("{:?}", data(4))));
    let again = world.recovered();
    let shown = |machine: &Repository| format!("{:?}", machine.state());
    assert_eq!(shown(&again), shown(&world.machine));
}

#[test]
fn what_could_not_be_read_is_tried_again_in_the_next_life() {
    let mut world = with_a_stray();
    world.gone();
    for readable in [false, true] {
        world.machine = world.recovered();
        world.discards.clear();
        world.wait(MINUTE);
        assert_eq!(world.discards, [extent(1)], "as after each start");
        world.gone();
        if readable {
            let (upload, place) = world.copies.pop().expect("it is tried");
            world.copy(upload, place);
            assert!(world.kept.is_empty(), "nothing stays for it");
        } else {
            world.leave_unread();
            assert_eq!(world.kept, BTreeMap::from([(extent(1), false)]), "no news");
        }
        world.gone();
        world.wait(HOUR);
        assert!(world.copies.is_empty(), "once a life");
        assert_eq!(world.stranded(), 1, "it is said once");
    }
    assert!(world.machine.waits().is_empty());
    let object = world.machine.state().held().object(&data(4), Moment::Now);
    assert!(object.expect("it is there").first > extent(1));
}

#[test]
fn an_extent_goes_when_what_it_was_kept_for_is_purged() {
    let mut world = with_a_stray();
    world.gone();
    purge(&mut world, 4..=4);
    assert_eq!(world.discards, [extent(1), extent(1)]);
    assert!(world.kept.is_empty());
    world.gone();
    world.wait(HOUR);
    assert_eq!(world.discards.len(), 2, "and once");
}

#[test]
fn an_entry_that_was_said_again_is_said_once_more_before_its_extent_goes() {
    let mut world = with_a_stray();
    world.gone();
    for letter in 9..=12 {
        world.put(data(letter), MIB).unwrap();
    }
    seal(&mut world, 4 * MIB + 4_000);
    purge(&mut world, 5..=12);
    assert_eq!(world.lead(), 1);
    assert_eq!(world.discards.last(), Some(&extent(3)));
    assert_eq!(world.kept, BTreeMap::from([(extent(1), false)]));
    let object = world.machine.state().held().object(&data(4), Moment::Now);
    let object = object.expect("it is there");
    assert_eq!((object.first, object.place.extent), (extent(1), extent(4)));
}

#[test]
fn a_stray_in_a_checkpoint_is_a_stray_in_the_next_life() {
    let mut world = with_a_stray();
    world.gone();
    let mut state = world.machine.state().clone();
    let checkpoint = state.checkpoint();
    let again = crate::repository::State::of(checkpoint.stamp, checkpoint.snapshot);
    assert_eq!(again.kept(), [extent(1)].into());
    assert_eq!(format!("{again:?}"), format!("{:?}", world.machine.state()));
}
