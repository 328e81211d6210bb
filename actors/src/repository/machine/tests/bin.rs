//! Deletions, the days they last, and views of what was.

use super::*;

fn view(world: &World, at: Timestamp) -> Vec<(u8, u64)> {
    let held = world.machine.state().held();
    let listed = held.list(Space::TENANT, Kind::Data, Moment::At(at), None);
    let listed: Vec<_> = listed
        .map(|(name, object)| (name.as_bytes()[0], object.size.as_bytes()))
        .collect();
    for letter in 0..=9 {
        let object = held.object(&data(letter), Moment::At(at));
        let listed = listed.iter().find(|(name, _)| *name == letter);
        assert_eq!(
            object.map(|object| object.size.as_bytes()),
            listed.map(|l| l.1)
        );
    }
    listed
}

fn now(world: &World) -> Vec<u8> {
    let held = world.machine.state().held();
    let listed = held.list(Space::TENANT, Kind::Data, Moment::Now, None);
    listed.map(|(name, _)| name.as_bytes()[0]).collect()
}

/// Time passes; gives the instant before it did.
fn tick(world: &mut World) -> Timestamp {
    let before = world.now.wall;
    world.wait(HOUR);
    before
}

#[test]
fn what_is_absent_is_deleted_already() {
    let mut world = World::new(settings(100));
    assert_eq!(world.delete(data(1)), Ok(()));
    assert!(world.records.is_empty());
}

#[test]
fn a_deleted_object_is_outside_the_quota_and_stays_for_its_days() {
    let mut world = World::new(settings(100));
    world.put(data(1), 100).unwrap();
    world.delete(data(1)).unwrap();
    assert_eq!(world.charged(), 0);
    assert_eq!(world.figures().bin, Size::bytes(100));
    assert_eq!(world.put(data(2), 100), Ok(()));
    world.wait(days_long(7) - HOUR);
    world.trust();
    world.wait(HOUR / 2);
    assert_eq!(world.figures().bin, Size::bytes(100));
    world.wait(HOUR);
    world.trust();
    world.wait(HOUR);
    assert_eq!(world.figures().bin, Size::ZERO);
}

#[test]
fn the_day_of_a_deletion_is_fixed_when_it_happens() {
    let mut world = World::new(settings(100));
    world.put(data(1), 10).unwrap();
    world.put(data(2), 20).unwrap();
    world.delete(data(1)).unwrap();
    world.set(|settings| settings.bin_days = 0);
    world.delete(data(2)).unwrap();
    world.wait(HOUR);
    world.trust();
    world.wait(HOUR);
    assert_eq!(world.figures().bin, Size::bytes(10));
    world.wait(days_long(6));
    world.trust();
    world.wait(HOUR);
    assert_eq!(world.figures().bin, Size::bytes(10));
}

#[test]
fn a_hold_that_is_raised_keeps_what_is_in_the_bin_to_the_hour() {
    let mut world = World::new(settings(100));
    world.put(data(1), 10).unwrap();
    world.set(|settings| settings.bin_days = 0);
    world.delete(data(1)).unwrap();
    world.set(|settings| settings.hold_days = 1);
    // A calendar day later, and not yet a day.
    world.wait(23 * HOUR);
    world.trust();
    world.wait(HOUR / 2);
    assert_eq!(world.figures().bin, Size::bytes(10));
    world.wait(HOUR);
    world.trust();
    world.wait(HOUR);
    assert_eq!(world.figures().bin, Size::ZERO);
}

#[test]
fn a_hold_that_is_lowered_does_not_shorten_a_day_that_was_promised() {
    let mut world = World::new(settings(100));
    world.set(|settings| settings.hold_days = 30);
    world.put(data(1), 10).unwrap();
    world.delete(data(1)).unwrap();
    world.set(|settings| settings.hold_days = 0);
    world.wait(days_long(29));
    world.trust();
    world.wait(HOUR);
    assert_eq!(world.figures().bin, Size::bytes(10));
}

#[test]
fn what_an_archive_reads_stays_until_it_has_read_it() {
    let mut world = World::new(settings(100));
    world.set(|settings| settings.bin_days = 0);
    world.put(data(1), 10).unwrap();
    world.put(data(2), 20).unwrap();
    world.delete(data(1)).unwrap();
    world.wait(HOUR);
    let view = world.now.wall;
    world.set(|settings| settings.pin = Some(view));
    world.delete(data(2)).unwrap();
    world.wait(days_long(30));
    world.trust();
    world.wait(HOUR);
    // What was deleted before the view is no matter of the archive.
    assert_eq!(world.figures().bin, Size::bytes(20));
    world.set(|settings| settings.pin = None);
    world.wait(HOUR);
    assert_eq!(world.figures().bin, Size::ZERO);
}

#[test]
fn what_passes_the_bin_limit_is_charged_and_never_purged_early() {
    let mut world = World::new(settings(100));
    world.set(|settings| settings.bin_limit = Some(Size::bytes(50)));
    world.put(data(1), 80).unwrap();
    world.delete(data(1)).unwrap();
    assert_eq!(world.charged(), 30);
    assert!(world.put(data(2), 71).is_err());
    assert_eq!(world.put(data(2), 70), Ok(()));
    world.wait(days_long(1));
    world.trust();
    world.wait(HOUR);
    assert_eq!(world.figures().bin, Size::bytes(80));
}

#[test]
fn nothing_is_purged_while_the_clock_is_in_doubt() {
    let mut world = World::new(settings(100));
    world.put(data(1), 10).unwrap();
    world.delete(data(1)).unwrap();
    world.set(|settings| settings.trusted = None);
    world.wait(days_long(400));
    assert_eq!(world.figures().bin, Size::bytes(10));
    world.trust();
    world.wait(HOUR);
    assert_eq!(world.figures().bin, Size::ZERO);
}

#[test]
fn the_wall_clock_alone_purges_nothing() {
    let mut world = World::new(settings(100));
    world.put(data(1), 10).unwrap();
    world.delete(data(1)).unwrap();
    world.now.wall = world.now.wall + days_long(4_000);
    world.wait(HOUR);
    assert_eq!(world.figures().bin, Size::bytes(10));
}

#[test]
fn a_repository_that_is_only_read_gets_an_extent_to_empty_its_bin() {
    let mut world = World::new(settings(100));
    world.put(data(1), 10).unwrap();
    world.delete(data(1)).unwrap();
    world.pass(days_long(8));
    world.machine = world.recovered();
    world.trust();
    world.wait(Duration::from_secs(10));
    assert_eq!(world.figures().bin, Size::ZERO);
    assert_eq!(world.extents, 2);
}

#[test]
fn a_large_bin_is_emptied_in_steps_and_without_waiting_for_the_next_round() {
    let mut world = World::new(settings(1 << 20));
    let name = |n: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        let name = Hash::new(bytes);
        Key { name, ..data(0) }
    };
    for n in 0..5_000 {
        world.put(name(n), 1).unwrap();
        world.delete(name(n)).unwrap();
    }
    world.pass(days_long(8));
    world.trust();
    world.wait(PURGE_EVERY + Duration::from_secs(5));
    assert_eq!(world.figures().bin, Size::ZERO);
    let purges = world.records.iter().rev().map_while(|r| match &r.entry {
        Entry::Purged { objects, .. } => Some((objects.len(), r.encoded.len() < 1 << 19)),
        Entry::Stored(_)
        | Entry::Deleted { .. }
        | Entry::Restored { .. }
        | Entry::Emptied { .. }
        | Entry::Moved(_)
        | Entry::Stranded(_) => None,
    });
    assert_eq!(purges.collect::<Vec<_>>(), [(904, true), (4096, true)]);
}

#[test]
fn a_view_shows_each_life_of_an_object() {
    let mut world = World::new(settings(1_000));
    let empty = tick(&mut world);
    world.put(data(1), 10).unwrap();
    world.put(data(2), 20).unwrap();
    let both = tick(&mut world);
    world.delete(data(1)).unwrap();
    let second = tick(&mut world);
    world.put(data(1), 10).unwrap();
    let again = tick(&mut world);
    world.delete(data(1)).unwrap();
    world.delete(data(2)).unwrap();
    let none = tick(&mut world);
    assert_eq!(view(&world, empty), []);
    assert_eq!(view(&world, both), [(1, 10), (2, 20)]);
    assert_eq!(view(&world, second), [(2, 20)]);
    assert_eq!(view(&world, again), [(1, 10), (2, 20)]);
    assert_eq!(view(&world, none), []);
    assert_eq!(world.figures().bin, Size::bytes(40));
}

#[test]
fn a_restore_shows_the_view_of_its_instant_and_can_itself_be_undone() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 10).unwrap();
    world.put(data(2), 20).unwrap();
    let first = tick(&mut world);
    world.delete(data(1)).unwrap();
    world.put(data(3), 30).unwrap();
    let second = tick(&mut world);
    world.restore(first).unwrap();
    assert_eq!(now(&world), [1, 2]);
    assert_eq!(world.figures().bin, Size::bytes(30), "only the third");
    let third = tick(&mut world);
    world.restore(second).unwrap();
    assert_eq!(now(&world), [2, 3]);
    assert_eq!(world.figures().bin, Size::bytes(10), "only the first");
    let fourth = tick(&mut world);
    world.restore(third).unwrap();
    assert_eq!(now(&world), [1, 2]);
    // No restore changed what any earlier instant showed.
    assert_eq!(view(&world, first), [(1, 10), (2, 20)]);
    assert_eq!(view(&world, second), [(2, 20), (3, 30)]);
    assert_eq!(view(&world, third), [(1, 10), (2, 20)]);
    assert_eq!(view(&world, fourth), [(2, 20), (3, 30)]);
    assert_eq!(world.figures().live, Size::bytes(30));
}

#[test]
fn a_restore_in_the_same_millisecond_as_what_it_undoes_can_be_undone() {
    let mut world = World::new(settings(1_000));
    let empty = tick(&mut world);
    world.put(data(1), 10).unwrap();
    let last = world.machine.state().last();
    world.restore(empty).unwrap();
    assert!(now(&world).is_empty());
    world.restore(last).unwrap();
    assert_eq!(now(&world), [1]);
}

#[test]
fn bytes_that_live_again_are_not_lost_when_the_bin_forgets_their_first_life() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 10).unwrap();
    let first = tick(&mut world);
    world.delete(data(1)).unwrap();
    tick(&mut world);
    world.restore(first).unwrap();
    world.wait(days_long(8));
    world.trust();
    world.wait(HOUR);
    assert_eq!(now(&world), [1]);
    assert_eq!(world.figures().live, Size::bytes(10));
    assert!(!world.machine.state().has_bin());
    world.delete(data(1)).unwrap();
    assert_eq!(world.figures().bin, Size::bytes(10));
}

#[test]
fn locks_and_config_are_not_part_of_a_restore() {
    let mut world = World::new(settings(1_000));
    let (lock, config) = (key(Kind::Lock, 1), key(Kind::Config, 0));
    let empty = tick(&mut world);
    world.put(lock, 5).unwrap();
    world.put(config, 5).unwrap();
    world.put(data(1), 5).unwrap();
    let full = tick(&mut world);
    world.restore(empty).unwrap();
    let held = world.machine.state().held();
    let here = |key| held.object(&key, Moment::Now).is_some();
    assert!(here(lock) && here(config) && !here(data(1)));
    assert_eq!(held.object(&lock, Moment::At(full)), None);
    let listed = held.list(Space::TENANT, Kind::Lock, Moment::At(full), None);
    assert_eq!(listed.count(), 0);
}

#[test]
fn a_list_goes_on_behind_a_name() {
    let mut world = World::new(settings(1_000));
    for letter in 1..=5 {
        world.put(data(letter), 1).unwrap();
    }
    let all = tick(&mut world);
    world.delete(data(3)).unwrap();
    world.delete(data(4)).unwrap();
    let held = world.machine.state().held();
    let behind = |moment, after| {
        let after = Some(Hash::new([after; 32]));
        let listed = held.list(Space::TENANT, Kind::Data, moment, after);
        listed
            .map(|(name, _)| name.as_bytes()[0])
            .collect::<Vec<_>>()
    };
    assert_eq!(behind(Moment::Now, 2), [5]);
    assert_eq!(behind(Moment::At(all), 2), [3, 4, 5]);
    assert!(behind(Moment::At(all), 5).is_empty());
}

#[test]
fn time_in_the_log_never_goes_back() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 10).unwrap();
    let before = world.machine.state().last();
    world.now.wall = Timestamp::parse("2020-01-01T00:00:00Z").unwrap();
    world.delete(data(1)).unwrap();
    world.put(data(2), 10).unwrap();
    assert_eq!(world.machine.state().last(), before);
    world.now.wall = Timestamp::from_millis(u64::MAX);
    world.put(data(3), 10).unwrap();
    world.put(data(4), 10).unwrap();
    let last = world.machine.state().last();
    assert_eq!(last.to_string(), "9999-01-01T00:00:00.000Z");
}

#[test]
fn usage_is_metered_by_month_from_each_change_to_the_next() {
    let mut world = World::new(settings(1_000));
    world.now.wall = Timestamp::parse("2026-03-31T23:00:00Z").unwrap();
    world.put(data(1), 10).unwrap();
    world.wait(2 * HOUR);
    world.put(data(2), 90).unwrap();
    world.put(key(Kind::Lock, 1), 90).unwrap();
    world.wait(HOUR);
    world.delete(data(1)).unwrap();
    world.wait(HOUR);
    let usage = world.machine.state().usage(world.now.wall);
    let usage: Vec<_> = usage
        .iter()
        .map(|(month, seconds)| (month.to_string(), *seconds))
        .collect();
    let ticket = world.ticket();
    world.feed(Event::Report(ticket));
    let report = world.reported.take().unwrap();
    assert_eq!(report.usage, world.machine.state().usage(world.now.wall));
    assert_eq!(
        (report.total, report.charged),
        (world.figures(), Size::bytes(90))
    );
    let april = (10 + 100 + 90) * 3_600;
    assert_eq!(
        usage,
        [
            ("2026-03-01".to_owned(), 36_000),
            ("2026-04-01".to_owned(), april)
        ]
    );
}
