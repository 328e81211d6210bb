//! When extents are emptied, which, and in which order they go.

use super::*;
use crate::repository::audit::Verdict;

const MINUTE: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;

fn extent(number: u64) -> ExtentId {
    ExtentId::new(number)
}

/// A repository without a bin, in whose first extent lie objects of one MiB each.
fn filled(letters: std::ops::RangeInclusive<u8>) -> World {
    let mut world = World::new(Settings {
        bin_days: 0,
        ..settings(1 << 40)
    });
    for letter in letters {
        world.put(data(letter), MIB).unwrap();
    }
    world
}

/// The extent that is open ends, and the next one begins.
fn seal(world: &mut World, length: u64) {
    let open = extent(world.extents);
    world.feed(Event::Lost(open));
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
fn purge(world: &mut World, letters: std::ops::RangeInclusive<u8>) {
    for letter in letters {
        world.delete(data(letter)).unwrap();
    }
    world.wait(MINUTE);
    world.trust();
    world.wait(HOUR);
}

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
    world.feed(Event::Audited(Ok(Vec::new())));
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
    world.feed(Event::Audited(Err(Verdict::Unread)));
    world.wait(11 * MINUTE);
    assert_eq!(world.audits.len(), 2);
    world.feed(Event::Audited(Err(Verdict::Unknown)));
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
    world.feed(Event::Audited(Ok(Vec::new())));
    world.feed(Event::Discarded { done: true });
    world.wait(2 * MINUTE);
    assert_eq!(world.rested, [1]);
}

#[test]
fn what_was_emptied_before_a_stop_is_discarded_after_it() {
    let mut world = filled(1..=4);
    seal(&mut world, 4 * MIB);
    purge(&mut world, 1..=4);
    world.feed(Event::Audited(Ok(Vec::new())));
    world.machine = world.recovered();
    world.discards.clear();
    world.wait(MINUTE);
    assert_eq!(world.discards, [extent(1)]);
    world.feed(Event::Discarded { done: true });
    world.wait(HOUR);
    assert_eq!(world.discards.len(), 1);
}
