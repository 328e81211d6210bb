//! When extents are emptied, which, and in which order they go.

pub(super) mod stage;

use stage::*;

use super::*;
use crate::ports::Storage;
use crate::repository::audit::{Verdict, holdings};
use crate::repository::entry::Stored;
use crate::repository::event::{Copied, Uncopied};

#[test]
fn an_oldest_extent_in_which_all_was_purged_is_asked_for_and_goes() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB + 2_000);
    assert_eq!(world.audits.len(), 0);
    purge(&mut world, 1..=4);
    assert_eq!(world.audits.len(), 1);
    assert_eq!(world.audits[0].until, extent(1));
    assert!(world.discards.is_empty(), "the log has not answered");
    let before = world.machine.state().usage(world.now.wall);
    world.feed(Event::Audited(Ok(Vec::new()), None));
    assert_eq!(world.discards, [extent(1)]);
    let Entry::Emptied { until, .. } = &world.records.last().unwrap().entry else {
        panic!("the log does not say it");
    };
    assert_eq!(*until, extent(1));
    assert_eq!(world.machine.state().usage(world.now.wall), before);
    world.feed(Event::Discarded { done: true });
    world.wait(HOUR);
    assert_eq!(world.audits.len(), 1, "nothing else is worth it");
    assert_eq!(world.machine.dead(), Size::ZERO);
}

#[test]
fn nothing_goes_before_its_bin_days_are_over() {
    let mut world = filled(1..=4);
    world.set(|settings| settings.bin_days = 7);
    seal(&mut world, 4 * MIB);
    purge(&mut world, 1..=4);
    assert!(world.audits.is_empty());
    world.wait(days_long(7));
    world.trust();
    world.wait(HOUR);
    assert_eq!(world.audits.len(), 1);
}

#[test]
fn an_extent_with_bytes_of_an_upload_stays_until_it_ends() {
    let mut world = filled(1..=4);
    let upload = world.begin(data(9), 10).unwrap();
    world.frame(upload, 5).unwrap();
    // It is sealed without having failed: the upload goes on elsewhere.
    world.machine.tail.give_up(extent(1));
    let length = 4 * MIB;
    world.feed(Event::Sealed {
        extent: extent(1),
        length,
    });
    for letter in 1..=4 {
        world.delete(data(letter)).unwrap();
    }
    for _ in 0..60 {
        world.wait(MINUTE);
        world.trust();
        world.frame(upload, 0).unwrap();
    }
    assert!(!world.machine.state().has_bin());
    assert!(world.audits.is_empty());
    world.feed(Event::Abort(upload));
    world.put(data(8), 1).unwrap();
    purge(&mut world, 8..=8);
    assert_eq!(world.audits.len(), 1);
}

#[test]
fn a_log_that_cannot_be_read_is_asked_again_later_and_one_that_disagrees_never() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB);
    purge(&mut world, 1..=4);
    world.feed(Event::Audited(Err(Verdict::Unread), None));
    world.wait(11 * MINUTE);
    assert_eq!(world.audits.len(), 2);
    world.feed(Event::Audited(Err(Verdict::Unknown), None));
    world.wait(HOUR);
    assert_eq!((world.audits.len(), world.discards.len()), (2, 0));
    assert_eq!(
        world.machine.waits(),
        ["extent-1 is kept: the log holds what the index did not"]
    );
}

#[test]
fn a_repository_does_not_rest_while_space_comes_back() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB);
    world.feed(Event::Visited);
    purge(&mut world, 1..=4);
    world.feed(Event::Left);
    world.wait(HOUR);
    assert!(world.rested.is_empty(), "the log is being asked");
    world.feed(Event::Audited(Ok(Vec::new()), None));
    world.feed(Event::Discarded { done: true });
    world.wait(2 * MINUTE);
    assert_eq!(world.rested, [1]);
}

#[test]
fn what_was_emptied_before_a_stop_is_discarded_after_it() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB);
    purge(&mut world, 1..=4);
    world.feed(Event::Audited(Ok(Vec::new()), None));
    world.machine = world.recovered();
    world.discards.clear();
    world.wait(MINUTE);
    assert_eq!(world.discards, [extent(1)]);
    world.feed(Event::Discarded { done: true });
    world.wait(HOUR);
    assert_eq!(world.discards.len(), 1);
}

#[test]
fn what_is_live_in_an_extent_of_which_most_is_dead_is_written_again_before_it_goes() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB + 2_000);
    purge(&mut world, 1..=1);
    assert!(world.audits.is_empty(), "three quarters are live");
    purge(&mut world, 2..=3);
    let audit = world.audits.pop().unwrap();
    let held = holdings(&audit.snapshot, audit.until);
    assert_eq!(held.len(), 1);
    world.feed(Event::Audited(Ok(held), None));
    let (upload, place) = world.copies.pop().unwrap();
    assert_eq!(place.extent, extent(1));
    let figures = world.figures();
    world.copy(upload, place);
    assert_eq!(world.discards, [extent(1)]);
    assert_eq!(world.figures(), figures);
    let held = world.machine.state().snapshot();
    let object = held.object(&data(4), Moment::Now).unwrap();
    assert_eq!(object.first, extent(2));
    world
        .records
        .retain(|record| record.place.extent > extent(1));
    let again = world.recovered();
    let shown = |machine: &Repository| format!("{:?}", machine.state());
    assert_eq!(shown(&again), shown(&world.machine));
}

#[test]
fn what_was_purged_while_it_was_written_again_does_not_come_back() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB);
    purge(&mut world, 1..=3);
    let audit = world.audits.pop().unwrap();
    world.feed(Event::Audited(
        Ok(holdings(&audit.snapshot, audit.until)),
        None,
    ));
    let (upload, place) = world.copies.pop().unwrap();
    world.delete(data(4)).unwrap();
    for _ in 0..30 {
        world.wait(MINUTE);
        world.trust();
        world.frame(upload, 0).unwrap();
    }
    assert!(!world.machine.state().has_bin());
    world.copy(upload, place);
    assert_eq!(world.discards, [extent(1)]);
    let held = world.machine.state().snapshot();
    assert_eq!(held.object(&data(4), Moment::Now), None);
}

#[test]
fn an_extent_with_a_damaged_object_stays_and_one_that_cannot_be_read_now_is_tried_again() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB);
    purge(&mut world, 1..=3);
    let fail = |world: &mut World, uncopied| {
        let audit = world.audits.pop().unwrap();
        world.feed(Event::Audited(
            Ok(holdings(&audit.snapshot, audit.until)),
            None,
        ));
        let (upload, _) = world.copies.pop().unwrap();
        let result = Err(uncopied);
        world.feed(Event::Copied(Copied {
            upload,
            result,
            storage: None,
        }));
    };
    fail(&mut world, Uncopied::Failed);
    assert!(world.machine.waits().is_empty());
    world.wait(11 * MINUTE);
    fail(&mut world, Uncopied::Damaged);
    world.wait(HOUR);
    assert!(world.audits.is_empty() && world.discards.is_empty());
    assert_eq!(
        world.machine.waits(),
        ["extent-1 is kept: an object in it is damaged"]
    );
}

#[test]
fn clients_that_upload_go_first() {
    let mut world = filled(1..=8);
    seal(&mut world, 8 * MIB);
    purge(&mut world, 1..=6);
    let other = world.begin(data(99), 10).unwrap();
    let audit = world.audits.pop().unwrap();
    world.feed(Event::Audited(
        Ok(holdings(&audit.snapshot, audit.until)),
        None,
    ));
    let (upload, place) = world.copies.pop().unwrap();
    world.pass(Duration::from_secs(2));
    world.copy(upload, place);
    world.wait(Duration::from_secs(5));
    assert!(world.copies.is_empty(), "it rests three times as long");
    world.wait(Duration::from_secs(1));
    let (upload, place) = world.copies.pop().unwrap();
    world.feed(Event::Abort(other));
    world.copy(upload, place);
    assert_eq!(world.discards, [extent(1)]);
}

#[test]
fn a_copy_for_which_no_extent_can_be_made_is_tried_again() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB);
    purge(&mut world, 1..=3);
    let audit = world.audits.pop().unwrap();
    world.feed(Event::Audited(
        Ok(holdings(&audit.snapshot, audit.until)),
        None,
    ));
    let (upload, place) = world.copies.pop().unwrap();
    world.feed(Event::Lost {
        extent: extent(2),
        durable: None,
    });
    world.openable = Some(Err(Denied::StorageFull));
    let result = Ok(world.stored(place));
    world.feed(Event::Copied(Copied {
        upload,
        result,
        storage: None,
    }));
    world.openable = Some(Ok(()));
    assert!(world.discards.is_empty());
    world.wait(11 * MINUTE);
    assert_eq!(world.audits.len(), 1);
}

#[test]
fn nothing_is_discarded_before_it_is_durable_that_it_may_go() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB);
    purge(&mut world, 1..=4);
    let mut acts = Acts::default();
    let answer = Event::Audited(Ok(Vec::new()), None);
    world.machine.step(world.now, answer, &mut acts);
    let acts: Vec<String> = acts.iter().map(|act| format!("{act:?}")).collect();
    let last = ["Show Discard up to extent-1"];
    assert_eq!(
        acts[1..],
        last,
        "shown, so that it waits for what is persisted"
    );
    assert!(acts[0].contains("Emptied up to extent-1"), "{acts:?}");
}

#[test]
fn what_is_written_again_leaves_half_of_the_reserve() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB);
    purge(&mut world, 1..=3);
    let ask = |world: &mut World, free| {
        let audit = world.audits.pop().unwrap();
        let held = holdings(&audit.snapshot, audit.until);
        let free = Size::mib(free);
        let total = Size::gib(1);
        let storage = Some(Storage { free, total });
        world.feed(Event::Audited(Ok(held), storage));
        world.copies.len()
    };
    // A sixteenth of the disk is 64 MiB.
    assert_eq!(ask(&mut world, 32), 0);
    world.wait(11 * MINUTE);
    assert_eq!(ask(&mut world, 33), 1);
}
