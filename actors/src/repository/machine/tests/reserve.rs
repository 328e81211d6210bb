//! A disk that is nearly full: who is refused, to the byte, and who never is.

use super::*;

const MIB: u64 = 1 << 20;
/// The reserve of the disk in these tests.
const RESERVE: u64 = 10 * MIB;

/// A repository on a disk of which so many bytes are free above the reserve.
fn on_a_disk(above: u64) -> World {
    let mut world = World::new(settings(1 << 40));
    world.storage = Some(Storage {
        free: Size::bytes(RESERVE + above),
        total: Size::bytes(16 * RESERVE),
    });
    world
}

fn on_a_fuller_disk(below: u64) -> World {
    let mut world = on_a_disk(0);
    let left = Size::bytes(RESERVE - below);
    world.storage = world.storage.map(|storage| Storage {
        free: left,
        ..storage
    });
    world
}

#[test]
fn data_leaves_the_reserve_alone_to_the_byte() {
    let mut world = on_a_disk(1_000);
    assert_eq!(world.begin(data(1), 1_001), Err(Denied::StorageFull));
    assert!(world.begin(data(1), 1_000).is_ok());
    assert_eq!(world.begin(data(2), 1), Err(Denied::StorageFull));
}

#[test]
fn what_a_prune_writes_may_take_half_of_the_reserve() {
    for kind in [Kind::Index, Kind::Snapshot, Kind::Key, Kind::Config] {
        let mut world = on_a_fuller_disk(RESERVE / 2 - 1_000);
        assert_eq!(world.begin(data(1), 1), Err(Denied::StorageFull));
        let wanted = key(kind, 1);
        assert_eq!(world.begin(wanted, 1_001), Err(Denied::StorageFull));
        assert!(world.begin(wanted, 1_000).is_ok(), "{kind}");
    }
}

#[test]
fn locks_and_deletions_never_ask_for_more_than_the_disk_has() {
    let mut world = on_a_disk(1_000);
    world.put(data(1), 1_000).unwrap();
    world.storage = Some(Storage {
        free: Size::ZERO,
        total: Size::bytes(16 * RESERVE),
    });
    assert_eq!(world.put(key(Kind::Lock, 1), 100), Ok(()));
    assert_eq!(world.delete(data(1)), Ok(()));
    assert_eq!(world.delete(key(Kind::Lock, 1)), Ok(()));
}

#[test]
fn the_same_bytes_again_need_no_space() {
    let mut world = on_a_disk(1_000);
    world.put(data(1), 1_000).unwrap();
    world.storage = on_a_fuller_disk(RESERVE).storage;
    assert_eq!(world.put(data(1), 1_000), Ok(()));
    assert_eq!(world.promised, Size::ZERO);
}

#[test]
fn what_uploads_under_way_may_still_write_is_taken_already() {
    let mut world = on_a_disk(1_000);
    let first = world.begin(data(1), 600).unwrap();
    assert_eq!(world.begin(data(2), 401), Err(Denied::StorageFull));
    world.frame(first, 200).unwrap();
    // What was written is not free any more, and is not counted twice.
    world.storage = on_a_disk(800).storage;
    let second = world.begin(data(2), 400).unwrap();
    world.feed(Event::Abort(first));
    world.feed(Event::Abort(second));
    assert!(world.begin(data(3), 800).is_ok());
}

#[test]
fn what_other_repositories_have_promised_is_taken_already() {
    let mut world = on_a_disk(1_000);
    world.elsewhere = Size::bytes(600);
    assert_eq!(world.begin(data(1), 401), Err(Denied::StorageFull));
    assert!(world.begin(data(1), 400).is_ok());
}

#[test]
fn other_repositories_hear_of_more_at_once_and_of_less_by_the_mib() {
    let mut world = on_a_disk(100 * MIB);
    let frame = crate::repository::FRAME_BYTES as u64;
    let upload = world.begin(data(1), 2 * MIB).unwrap();
    let mut heard = vec![world.promised.as_bytes()];
    for _ in 0..2 * MIB / frame {
        world.frame(upload, frame).unwrap();
        heard.push(world.promised.as_bytes());
    }
    heard.dedup();
    assert_eq!(heard, [2 * MIB, MIB, 0]);
    world.begin(data(2), 5).unwrap();
    assert_eq!(world.promised, Size::bytes(5));
    world.wait(Duration::from_secs(200));
    assert_eq!(world.promised, Size::ZERO, "an upload that fell silent");
}

#[test]
fn a_disk_that_does_not_say_is_asked_by_writing() {
    let mut world = World::new(settings(1 << 40));
    assert!(world.begin(data(1), 100 * MIB).is_ok());
}

#[test]
fn an_upload_grows_up_to_the_reserve_and_not_into_it() {
    let mut world = on_a_disk(1_000);
    let upload = world.begin(data(1), 0).unwrap();
    assert_eq!(world.grow(upload, 1_000), Ok(()));
    assert_eq!(world.grow(upload, 1), Err(Denied::StorageFull));
    assert_eq!(world.begin(data(2), 1_000).map(drop), Ok(()));
}
