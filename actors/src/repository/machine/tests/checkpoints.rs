//! When the index is told, and of what.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_index_is_told_five_seconds_after_the_last_change() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 10).unwrap();
    world.wait(4 * SECOND);
    world.put(data(2), 10).unwrap();
    world.wait(4 * SECOND);
    assert!(world.checkpoints.is_empty());
    world.wait(SECOND);
    assert_eq!(world.checkpoints, ["of all rows at #4"]);
    world.delete(data(2)).unwrap();
    world.wait(5 * SECOND);
    assert_eq!(world.checkpoints[1..], ["of 2 rows at #5"]);
    world.wait(HOUR);
    assert_eq!(world.checkpoints.len(), 2);
}

#[test]
fn the_index_is_told_of_4096_changes_at_once_and_of_one_lot_at_a_time() {
    let mut world = World::new(settings(1_000));
    world.indexed = None;
    world.put(data(1), 0).unwrap();
    for _ in 0..4_095 {
        world.delete(data(1)).unwrap();
        world.put(data(1), 0).unwrap();
    }
    assert_eq!(world.checkpoints, ["of all rows at #4096"]);
    world.wait(HOUR);
    assert_eq!(world.checkpoints.len(), 1, "the first is not written yet");
    world.feed(Event::Checkpointed { done: true });
    assert_eq!(world.checkpoints[1..], ["of 2048 rows at #8191"]);
}

#[test]
fn an_index_that_failed_is_told_everything_later() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 10).unwrap();
    world.wait(6 * SECOND);
    world.indexed = Some(false);
    world.put(data(2), 10).unwrap();
    world.wait(6 * SECOND);
    world.indexed = Some(true);
    world.wait(598 * SECOND);
    assert_eq!(world.checkpoints, ["of all rows at #2", "of 1 rows at #4"]);
    world.wait(2 * SECOND);
    assert_eq!(world.checkpoints[2..], ["of all rows at #4"]);
}

#[test]
fn figures_that_are_not_what_is_there_are_counted() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 100).unwrap();
    world.put(key(Kind::Snapshot, 2), 10).unwrap();
    world.put(key(Kind::Lock, 3), 10).unwrap();
    world.delete(data(1)).unwrap();
    world.wait(Duration::from_secs(10));
    assert_eq!(world.machine.broken(), None);
    world.machine.state.miscount(Space::TENANT);
    world.put(data(4), 100).unwrap();
    assert_eq!(world.machine.broken(), None, "nobody has counted again");
    world.wait(Duration::from_secs(10));
    assert_eq!(world.machine.broken(), Some("used"));
}

#[test]
fn an_upload_that_holds_more_than_was_announced_is_counted() {
    let mut world = World::new(settings(1_000));
    let upload = world.begin(data(1), 100).unwrap();
    world.frame(upload, 100).unwrap();
    assert_eq!(world.machine.broken(), None);
    let held = world.machine.uploads.touch(world.now.monotonic, upload);
    held.unwrap().received = Size::bytes(101);
    assert_eq!(world.machine.broken(), Some("reservations"));
}
