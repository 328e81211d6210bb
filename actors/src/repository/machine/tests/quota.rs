//! What fits and what does not, to the byte.

use super::*;

fn quota(used: u64, needed: u64, quota: u64) -> Denied {
    Denied::Quota {
        quota: Size::bytes(quota),
        used: Size::bytes(used),
        needed: Size::bytes(needed),
    }
}

#[test]
fn the_quota_is_kept_to_the_byte() {
    let mut world = World::new(settings(1_000));
    assert_eq!(world.put(data(1), 999), Ok(()));
    assert_eq!(world.put(data(2), 2), Err(quota(999, 2, 1_000)));
    assert_eq!(world.put(data(3), 1), Ok(()));
    assert_eq!(world.put(data(4), 1), Err(quota(1_000, 1, 1_000)));
    assert_eq!(world.put(data(5), 0), Ok(()));
    assert_eq!(world.figures().live, Size::bytes(1_000));
}

#[test]
fn sixty_four_uploads_at_once_never_pass_the_quota() {
    let mut world = World::new(settings(63 * 100));
    let begun: Vec<_> = (0..64).map(|n| world.begin(data(n), 100)).collect();
    assert_eq!(begun.iter().filter(|begun| begun.is_ok()).count(), 63);
    assert_eq!(begun[63], Err(quota(6_300, 100, 6_300)));
    for (n, upload) in begun.into_iter().flatten().enumerate() {
        world.frame(upload, 100).unwrap();
        assert_eq!(world.finish(upload, data(n as u8).name), Ok(()));
    }
    assert_eq!(world.charged(), 6_300);
}

#[test]
fn an_upload_over_by_one_byte_among_64_is_the_one_that_is_refused() {
    let mut world = World::new(settings(64 * 100 - 1));
    let begun = (0..64)
        .filter_map(|n| world.begin(data(n), 100).ok())
        .count();
    assert_eq!(begun, 63);
    assert!(world.begin(data(64), 99).is_ok());
    assert!(world.begin(data(65), 1).is_err());
}

#[test]
fn a_reservation_returns_however_an_upload_ends() {
    let mut world = World::new(settings(100));
    let aborted = world.begin(data(1), 100).unwrap();
    world.feed(Event::Abort(aborted));
    let wrong = world.begin(data(1), 100).unwrap();
    world.frame(wrong, 100).unwrap();
    assert_eq!(world.finish(wrong, data(2).name), Err(Denied::Hash));
    let short = world.begin(data(1), 100).unwrap();
    world.frame(short, 99).unwrap();
    let (declared, received) = (100, 99);
    let denied = Denied::Length { declared, received };
    assert_eq!(world.finish(short, data(1).name), Err(denied));
    let long = world.begin(data(1), 99).unwrap();
    world.frame(long, 99).unwrap();
    let (declared, received) = (99, 100);
    let denied = Denied::Length { declared, received };
    assert_eq!(world.frame(long, 1), Err(denied));
    assert_eq!(world.frame(long, 1), Err(Denied::NoUpload));
    assert_eq!(world.finish(long, data(1).name), Err(Denied::NoUpload));
    let silent = world.begin(data(1), 100).unwrap();
    world.wait(Duration::from_secs(149));
    assert_eq!(world.frame(silent, 1), Ok(()));
    world.wait(Duration::from_secs(149));
    assert_eq!(world.frame(silent, 1), Ok(()));
    world.wait(Duration::from_secs(150));
    assert_eq!(world.frame(silent, 1), Err(Denied::NoUpload));
    assert_eq!(world.machine.uploads.len(), 0);
    assert_eq!(world.put(data(1), 100), Ok(()));
}

#[test]
fn an_index_may_pass_the_quota_by_64_mib_and_nothing_else_may() {
    let mut world = World::new(settings(10));
    world.put(data(1), 10).unwrap();
    let slack = 64 << 20;
    let index = |letter| key(Kind::Index, letter);
    assert!(world.begin(index(1), slack + 1).is_err());
    let first = world.begin(index(1), slack).unwrap();
    assert!(world.begin(index(2), 1).is_err());
    world.feed(Event::Abort(first));
    assert!(world.begin(index(2), 1).is_ok());
    for kind in [Kind::Data, Kind::Key, Kind::Snapshot] {
        assert!(world.begin(key(kind, 3), 1).is_err(), "{kind}");
    }
}

#[test]
fn locks_are_outside_the_quota_and_at_most_64() {
    let mut world = World::new(settings(0));
    let lock = |letter| key(Kind::Lock, letter);
    let under_way = world.begin(lock(0), 100).unwrap();
    for letter in 1..64 {
        assert_eq!(world.put(lock(letter), 100), Ok(()));
    }
    assert_eq!(world.put(lock(64), 100), Err(Denied::Locks(64)));
    assert_eq!(world.put(lock(63), 100), Ok(()), "the same bytes again");
    world.feed(Event::Abort(under_way));
    assert_eq!(world.put(lock(64), 100), Ok(()));
    assert_eq!(world.delete(lock(1)), Ok(()));
    assert_eq!(world.put(lock(65), 100), Ok(()));
    let figures = world.figures();
    assert_eq!((figures.locks, figures.objects), (64, 0));
    assert_eq!((figures.live, figures.bin), (Size::ZERO, Size::ZERO));
    assert_eq!(
        world.put(lock(66), (16 << 10) + 1),
        Err(Denied::TooLarge(Size::bytes(16 << 10)))
    );
}

#[test]
fn the_same_bytes_again_are_a_success_and_cost_nothing() {
    let mut world = World::new(settings(100));
    world.put(data(1), 100).unwrap();
    let frames = world.appended.len();
    assert_eq!(world.put(data(1), 100), Ok(()));
    assert_eq!(world.appended.len(), frames);
    assert_eq!(world.charged(), 100);
    let upload = world.begin(data(1), 100).unwrap();
    world.frame(upload, 100).unwrap();
    assert_eq!(world.finish(upload, data(9).name), Err(Denied::Hash));
}

#[test]
fn two_uploads_of_one_object_at_once_end_in_one_object() {
    let mut world = World::new(settings(200));
    let uploads = [(); 2].map(|()| world.begin(data(1), 100).unwrap());
    for upload in uploads {
        world.frame(upload, 100).unwrap();
    }
    for upload in uploads {
        assert_eq!(world.finish(upload, data(1).name), Ok(()));
    }
    assert_eq!((world.charged(), world.records.len()), (100, 1));
}

#[test]
fn an_object_that_goes_while_it_is_uploaded_again_is_not_called_stored() {
    let mut world = World::new(settings(200));
    world.put(data(1), 100).unwrap();
    let upload = world.begin(data(1), 100).unwrap();
    world.frame(upload, 100).unwrap();
    world.delete(data(1)).unwrap();
    assert_eq!(world.finish(upload, data(1).name), Err(Denied::NoUpload));
}

#[test]
fn a_config_is_never_changed_nor_deleted() {
    let mut world = World::new(settings(1_000));
    let config = key(Kind::Config, 0);
    let mut put = |hash, size| {
        let upload = world.begin(config, size)?;
        world.frame(upload, size)?;
        world.finish(upload, Hash::new([hash; 32]))
    };
    assert_eq!(put(1, 10), Ok(()));
    assert_eq!(put(1, 10), Err(Denied::Exists));
    assert_eq!(put(2, 10), Err(Denied::Exists));
    assert_eq!(put(2, 11), Err(Denied::Exists));
    assert_eq!(
        put(2, (64 << 10) + 1),
        Err(Denied::TooLarge(Size::bytes(64 << 10)))
    );
    assert_eq!(world.delete(config), Err(Denied::Config));
}

#[test]
fn of_two_configs_at_once_the_first_stays() {
    let mut world = World::new(settings(1_000));
    let config = key(Kind::Config, 0);
    let uploads = [(); 3].map(|()| world.begin(config, 5).unwrap());
    for upload in uploads {
        world.frame(upload, 5).unwrap();
    }
    let finish = [1, 2, 1].map(|hash| Hash::new([hash; 32]));
    let ends: Vec<_> = uploads
        .into_iter()
        .zip(finish)
        .map(|(upload, hash)| world.finish(upload, hash))
        .collect();
    assert_eq!(ends, [Ok(()), Err(Denied::Exists), Ok(())]);
}

#[test]
fn a_lower_quota_refuses_new_objects_and_nothing_else() {
    let mut world = World::new(settings(1_000));
    world.put(data(1), 500).unwrap();
    let upload = world.begin(data(2), 500).unwrap();
    world.set(|settings| settings.quota = Size::bytes(100));
    world.frame(upload, 500).unwrap();
    assert_eq!(world.finish(upload, data(2).name), Ok(()));
    assert_eq!(world.put(data(3), 1), Err(quota(1_000, 1, 100)));
    assert_eq!(world.put(data(1), 500), Ok(()));
    assert_eq!(world.delete(data(1)), Ok(()));
}

#[test]
fn what_is_brought_back_past_the_quota_is_no_room_for_anybody_else() {
    let mut world = World::new(settings(100));
    let system = CredentialId::SYSTEM;
    let full = Err(quota(0, 500, 100));
    assert_eq!(world.begin_by(system, data(1), 500), full);
    world.set(|settings| settings.past_quota = true);
    assert_eq!(world.begin(data(1), 500), full);
    let upload = world.begin_by(system, data(1), 500).unwrap();
    world.frame(upload, 500).unwrap();
    assert_eq!(world.finish(upload, data(1).name), Ok(()));
    world.set(|settings| settings.past_quota = false);
    assert_eq!(world.put(data(2), 1), Err(quota(500, 1, 100)));
}

#[test]
fn a_slice_of_the_quota_is_kept_apart_from_the_whole() {
    let mut world = World::new(settings(1_000));
    let space = Space::new(3);
    world.set(|settings| settings.limits.extend([(space, Size::bytes(100))]));
    let mine = |letter| Key {
        space,
        ..data(letter)
    };
    assert_eq!(world.put(mine(1), 60), Ok(()));
    assert_eq!(world.put(mine(2), 41), Err(quota(60, 41, 100)));
    assert_eq!(world.put(data(1), 900), Ok(()));
    assert_eq!(world.put(mine(2), 40), Ok(()));
    assert_eq!(world.put(data(2), 1), Err(quota(1_000, 1, 1_000)));
    assert_eq!(world.machine.state().figures(space).live, Size::bytes(100));
}

#[test]
fn a_body_in_crumbs_is_refused_before_its_entry_outgrows_a_frame() {
    let mut world = World::new(settings(1 << 20));
    let upload = world.begin(data(1), 1 << 20).unwrap();
    let taken = (0..10_000).take_while(|_| world.frame(upload, 1).is_ok());
    assert_eq!(taken.count(), 4096);
    assert_eq!(world.machine.uploads.len(), 0);
}

#[test]
fn a_body_of_unknown_length_keeps_the_quota_to_the_byte() {
    let frame = crate::repository::FRAME_BYTES as u64;
    let mut world = World::new(settings(3 * frame));
    assert_eq!(world.pour(data(1), 3 * frame - 1), Ok(()));
    assert_eq!(world.charged(), 3 * frame - 1);
    let full = quota(3 * frame - 1, 2, 3 * frame);
    assert_eq!(world.pour(data(2), 2), Err(full));
    assert_eq!(world.pour(data(3), 1), Ok(()));
    assert_eq!(world.pour(data(4), 0), Ok(()));
    assert_eq!(world.machine.uploads.reserved(None), Size::ZERO);
    assert_eq!(world.pour(data(1), 3 * frame - 1), Ok(()), "the same again");
}

#[test]
fn what_an_upload_grew_by_is_reserved_until_it_ends() {
    let mut world = World::new(settings(100));
    let first = world.begin(data(1), 0).unwrap();
    let second = world.begin(data(2), 40).unwrap();
    assert_eq!(world.grow(first, 60), Ok(()));
    assert_eq!(world.grow(second, 1), Err(quota(100, 1, 100)));
    assert_eq!(world.frame(second, 40), Err(Denied::NoUpload));
    assert_eq!(world.grow(first, 40), Ok(()));
    assert_eq!(world.begin(data(3), 1), Err(quota(100, 1, 100)));
    let (declared, received) = (100, 101);
    let denied = Denied::Length { declared, received };
    assert_eq!(world.frame(first, 101), Err(denied));
    assert_eq!(world.grow(first, 1), Err(Denied::NoUpload));
    assert_eq!(world.machine.uploads.len(), 0);
    assert_eq!(world.put(data(1), 100), Ok(()));
}

#[test]
fn nothing_grows_beyond_the_size_of_its_kind() {
    let mut world = World::new(settings(1 << 40));
    for kind in [Kind::Data, Kind::Lock, Kind::Config] {
        let most = kind.size_max();
        let upload = world.begin(key(kind, 1), 0).unwrap();
        assert_eq!(world.grow(upload, most.as_bytes()), Ok(()), "{kind}");
        let denied = Err(Denied::TooLarge(most));
        assert_eq!(world.grow(upload, 1), denied, "{kind}");
    }
    let mut full = World::new(settings(0));
    let lock = full.begin(key(Kind::Lock, 2), 0).unwrap();
    assert_eq!(full.grow(lock, 100), Ok(()), "locks are outside the quota");
}
